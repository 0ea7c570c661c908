// requests: those that have no answer yet. Each is settled exactly once: by its answer, its time, its signal, the end
// of the connection, or close(). Outlives connections: what was not written waits for the next one.
import { create, fromBinary } from "@bufbuild/protobuf";
import { ErrorSchema, type ServerFrame, ServerFrameSchema, Status } from "../gen/peeper/v1/peeper_pb.js";
import { Reader, Writer } from "./bytes.js";
import { type Connection } from "./connection.js";
import { serverError } from "./errors.js";
import { NOT_HOT, readHot, readId } from "./hot_frames.js";
import { type Options } from "./options.js";
import { Closed, Disconnected, ProtocolViolation, RequestTimeout, TooManyRequests } from "./peeper_error.js";
import { decodePayload } from "./value.js";

const FIRST_ID = 2; // 1 is that of Hello
const SWEEP_MS = 25; // how exact the client's own time-outs are
const WAITING_BYTES_MAX = 256 << 20;
const QUEUE_SLACK = 1024;

export type AnswerBody = ServerFrame["body"];

/** When a request that was written may be written again. */
export type Repeat = "reads" | "keyed" | "never";

/** A request, as a verb describes it. */
export interface Job {
    readonly verb: string;
    readonly repeat: Repeat;
    /** All that the client waits for, in milliseconds. */
    readonly timeoutMs: number;
    readonly signal: AbortSignal | undefined;
    /** Writes the frame with its length; may throw, then nothing is sent. */
    readonly write: (out: Writer, id: number) => void;
    /** What the answer means; called as soon as it is read, before any later frame is. Absent: Reply or Done. */
    readonly accept?: (body: AnswerBody) => unknown;
    /** Takes back what an answer has begun that nobody waits for any more. */
    readonly undo?: (body: AnswerBody) => void;
}

class Entry {
    done = false;
    waiting = false; // in the queue
    written = false; // on an earlier connection
    batch = 0; // that it is in, of the present connection,
    from = 0; // at
    to = 0;
    frame: Uint8Array | undefined; // while it waits, and as long as it may be repeated
    onAbort: (() => void) | undefined;

    constructor(
        readonly id: number,
        readonly job: Job,
        readonly expires: number,
        readonly resolve: (value: never) => void,
        readonly reject: (error: unknown) => void,
    ) {}
}

export class Requests {
    private readonly sent = new Map<number, Entry>();
    private readonly late = new Map<number, (body: AnswerBody) => void>();
    private queue: Entry[] = []; // settled ones are passed over
    private head = 0;
    private waiting = 0;
    private waitingBytes = 0;
    private nextId = FIRST_ID;
    private connection: Connection | undefined;
    private sweeper: NodeJS.Timeout | undefined;
    private closed: { cause: unknown } | undefined;

    constructor(
        private readonly options: Options,
        /** Takes frames that answer no request: events, and errors without an id. */
        private readonly onPushed: (body: AnswerBody) => void,
    ) {}

    submit<T>(job: Job): Promise<T> {
        if (this.closed !== undefined) return Promise.reject(new Closed(job.verb, false, this.closed.cause));
        if (job.signal?.aborted === true) return Promise.reject(job.signal.reason);
        return new Promise<T>((resolve, reject) => {
            const entry = new Entry(this.nextId++, job, performance.now() + job.timeoutMs, resolve as never, reject);
            const connection = this.connection;
            if (
                connection !== undefined &&
                this.waiting === 0 &&
                this.sent.size < this.options.requestsMax &&
                connection.writable
            ) {
                this.send(entry, connection);
            } else {
                this.wait(entry);
            }
            if (job.signal !== undefined) this.listen(entry, job.signal);
            this.sweeper ??= setInterval(() => this.sweep(), SWEEP_MS);
        });
    }

    /** There is a connection again. */
    attach(connection: Connection): void {
        this.connection = connection;
        if (!connection.features.has("idempotency")) {
            // They were written to a server that knew their keys; this one would run them again.
            for (const entry of this.queue.slice(this.head)) {
                if (!entry.done && entry.written && entry.job.repeat === "keyed") {
                    this.fail(entry, new Disconnected(entry.job.verb, true));
                }
            }
        }
        this.pump();
    }

    /** The connection is over. */
    detach(cause: Error): void {
        const connection = this.connection;
        if (connection === undefined) return;
        this.connection = undefined;
        this.late.clear();
        const again: Entry[] = [];
        for (const entry of this.sent.values()) {
            if (entry.batch === connection.batchNumber) {
                entry.frame ??= connection.batch.bytes.slice(entry.from, entry.to);
            } else {
                entry.written = true;
                const keyed = entry.job.repeat === "keyed" && connection.features.has("idempotency");
                if (entry.job.repeat !== "reads" && !keyed) {
                    this.fail(entry, new Disconnected(entry.job.verb, true, cause));
                    continue;
                }
            }
            this.count(entry, true);
            again.push(entry);
        }
        this.sent.clear();
        this.queue = again.concat(this.queue.slice(this.head));
        this.head = 0;
    }

    /** Nothing is taken any more, and everything that waits is told. */
    close(cause: unknown): void {
        if (this.closed !== undefined) return;
        this.closed = { cause };
        const connection = this.connection;
        this.connection = undefined;
        for (const entry of [...this.sent.values(), ...this.queue.slice(this.head)]) {
            if (!entry.done) this.fail(entry, new Closed(entry.job.verb, this.maybeRan(entry, connection), cause));
        }
        this.queue = [];
        this.head = 0;
        clearInterval(this.sweeper);
    }

    /** Takes one frame. Throws where it is none. */
    take(bytes: Uint8Array, from: number, end: number): void {
        const input = new Reader(bytes, from, end);
        const entry = this.sent.get(readId(input));
        if (entry !== undefined && entry.job.accept === undefined) {
            const value = readHot(input, this.options.exact);
            if (value !== NOT_HOT) {
                this.settle(entry);
                entry.resolve(value as never);
                return;
            }
        }
        const { id, body } = fromBinary(ServerFrameSchema, bytes.subarray(from, end));
        if (id === 0n) this.onPushed(body);
        else this.answer(Number(id), body);
    }

    /** Sends what waits, as far as there is room. */
    pump(): void {
        const connection = this.connection;
        while (this.head < this.queue.length && this.sent.size < this.options.requestsMax) {
            const entry = this.queue[this.head] as Entry;
            if (!entry.done) {
                if (connection === undefined || !connection.writable) break;
                this.count(entry, false);
                this.sendKept(entry, connection);
            }
            this.head++;
        }
        if (this.head > QUEUE_SLACK && this.head * 2 > this.queue.length) {
            this.queue = this.queue.slice(this.head);
            this.head = 0;
        }
    }

    private answer(id: number, body: AnswerBody): void {
        const entry = this.sent.get(id);
        if (entry === undefined) {
            const undo = this.late.get(id);
            this.late.delete(id);
            if (undo !== undefined && body.case !== "error") undo(body);
            return;
        }
        if (body.case === "error") {
            this.fail(entry, serverError(body.value, this.options.exact));
            return;
        }
        try {
            const accept = entry.job.accept;
            const result = accept !== undefined ? accept(body) : readPlain(body, this.options.exact);
            this.settle(entry);
            entry.resolve(result as never);
        } catch (error) {
            this.fail(entry, error);
        }
    }

    // --- Writing ---

    private limit(connection: Connection | undefined): number {
        return connection?.welcome?.limits?.frameBytesMax ?? Infinity;
    }

    private write(entry: Entry, out: Writer, connection: Connection | undefined): void {
        const from = out.at;
        try {
            entry.job.write(out, entry.id);
            if (out.at - from > this.limit(connection)) throw tooLarge(entry, out.at - from, this.limit(connection));
        } catch (error) {
            out.at = from;
            throw error;
        }
    }

    private send(entry: Entry, connection: Connection): void {
        const out = connection.batch;
        entry.from = out.at;
        this.write(entry, out, connection);
        entry.to = out.at;
        if (entry.job.repeat !== "never") entry.frame = out.bytes.slice(entry.from, entry.to);
        this.note(entry, connection);
    }

    private sendKept(entry: Entry, connection: Connection): void {
        const frame = entry.frame as Uint8Array;
        if (frame.length > this.limit(connection)) {
            this.fail(entry, tooLarge(entry, frame.length, this.limit(connection)));
            return;
        }
        const out = connection.batch;
        entry.from = out.at;
        out.raw(frame);
        entry.to = out.at;
        if (entry.job.repeat === "never") entry.frame = undefined;
        this.note(entry, connection);
    }

    private note(entry: Entry, connection: Connection): void {
        entry.batch = connection.batchNumber;
        this.sent.set(entry.id, entry);
        connection.flushSoon();
    }

    private wait(entry: Entry): void {
        if (this.waiting >= this.options.waitingMax) {
            throw new TooManyRequests(entry.job.verb, `${this.waiting} requests (waitingMax)`);
        }
        if (this.waitingBytes >= WAITING_BYTES_MAX) {
            throw new TooManyRequests(entry.job.verb, `requests of ${this.waitingBytes} bytes`);
        }
        const out = new Writer(128);
        this.write(entry, out, this.connection);
        entry.frame = out.bytes.subarray(0, out.at);
        this.count(entry, true);
        this.queue.push(entry);
        if (this.queue.length > 2 * this.waiting + QUEUE_SLACK) {
            this.queue = this.queue.filter((other, i) => i >= this.head && !other.done);
            this.head = 0;
        }
    }

    private count(entry: Entry, waits: boolean): void {
        entry.waiting = waits;
        this.waiting += waits ? 1 : -1;
        this.waitingBytes += (waits ? 1 : -1) * (entry.frame?.length ?? 0);
    }

    // --- Ends ---

    private maybeRan(entry: Entry, connection: Connection | undefined): boolean {
        if (entry.written) return true;
        return !entry.waiting && connection !== undefined && entry.batch < connection.batchNumber;
    }

    private settle(entry: Entry): void {
        entry.done = true;
        if (entry.waiting) {
            this.count(entry, false);
            entry.frame = undefined;
        } else {
            this.sent.delete(entry.id);
            if (this.waiting > 0) this.pump();
        }
        if (entry.onAbort !== undefined) entry.job.signal?.removeEventListener("abort", entry.onAbort);
    }

    private fail(entry: Entry, error: unknown): void {
        this.settle(entry);
        entry.reject(error);
    }

    /** Nobody waits for it any more, but the server may still answer. */
    private abandon(entry: Entry, error: unknown): void {
        if (!entry.waiting && entry.job.undo !== undefined) this.late.set(entry.id, entry.job.undo);
        this.fail(entry, error);
    }

    private listen(entry: Entry, signal: AbortSignal): void {
        entry.onAbort = () => this.abandon(entry, signal.reason);
        signal.addEventListener("abort", entry.onAbort, { once: true });
    }

    private sweep(): void {
        const now = performance.now();
        const all = this.waiting === 0 ? this.sent.values() : [...this.sent.values(), ...this.queue.slice(this.head)];
        for (const entry of all) {
            if (entry.done || entry.expires > now) continue;
            const maybeRan = this.maybeRan(entry, this.connection);
            this.abandon(entry, new RequestTimeout(entry.job.verb, entry.job.timeoutMs, maybeRan));
        }
        if (this.sent.size === 0 && this.waiting === 0) {
            clearInterval(this.sweeper);
            this.sweeper = undefined;
        }
    }
}

function tooLarge(entry: Entry, bytes: number, max: number): Error {
    const message = `${entry.job.verb}: a frame of ${bytes} bytes; this server takes at most ${max}: send less at once`;
    return serverError(create(ErrorSchema, { status: Status.TOO_LARGE, message }), false);
}

function readPlain(body: AnswerBody, exact: boolean): unknown {
    if (body.case === "reply") return decodePayload(body.value.payload, exact);
    if (body.case === "done") return undefined;
    throw new ProtocolViolation(`an answer of the kind "${body.case}" to another request`);
}
