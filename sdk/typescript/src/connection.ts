// connection: one TCP connection that has said hello. It writes what one turn of the loop has put into its batch at
// once, and hands on frames. It does not know what they mean, and ends only once.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Socket, connect as connectSocket } from "node:net";
import {
    ClientFrameSchema,
    ServerFrameSchema,
    Status,
    type Welcome,
} from "../gen/peeper/v1/peeper_pb.js";
import { type Address } from "./address.js";
import { Writer } from "./bytes.js";
import { serverError } from "./errors.js";
import { FrameReader, type OnFrame } from "./frame_reader.js";
import { type Options } from "./options.js";
import { ProtocolViolation } from "./peeper_error.js";

const PROTOCOL_VERSION = 1;
const HELLO_ID = 1n;
const BATCH_BYTES = 1 << 16;
const CLOSE_MS = 1000; // that the server has to close its side

/** What a connection tells its owner, after the welcome. */
export interface ConnectionEvents {
    onFrame: OnFrame;
    /** It can be written to again. */
    onDrain: () => void;
    /** It is over: nothing comes any more. */
    onEnd: (cause: Error) => void;
}

/** Errors of a hello that another attempt would only repeat. */
export function isFatal(error: unknown): boolean {
    const number = (error as { statusNumber?: number }).statusNumber;
    return (
        number === Status.UNAUTHENTICATED ||
        number === Status.UNSUPPORTED_VERSION ||
        number === Status.PROTOCOL ||
        number === Status.INVALID
    );
}

export class Connection {
    welcome: Welcome | undefined;
    features: ReadonlySet<string> = new Set();
    /** Frames of this turn of the loop. */
    batch = new Writer(BATCH_BYTES);
    /** Counts batches: what is in a batch of a lower number has been written. */
    batchNumber = 0;
    /** What the server said before it closed, if it did. */
    lastWords: Error | undefined;
    private written = 0; // of the batch's memory
    private flushing = false;
    private welcomed = false;
    private over = false;
    private readonly reader: FrameReader;

    private constructor(
        private readonly socket: Socket,
        private readonly options: Options,
        private readonly events: ConnectionEvents,
        private readonly onWelcome: () => void,
        private readonly onFailure: (cause: Error) => void,
    ) {
        this.reader = new FrameReader(options.frameBytesMax, (bytes, from, end) => {
            if (this.welcomed) events.onFrame(bytes, from, end);
            else this.takeWelcome(bytes.subarray(from, end));
        });
        socket.setNoDelay(true);
        socket.on("connect", () => this.sayHello());
        socket.on("data", (chunk) => this.feed(chunk));
        socket.on("drain", () => {
            if (!this.over && this.welcomed) events.onDrain();
        });
        socket.on("error", (error) => this.end(error));
        socket.on("close", () => this.end(new Error("the server closed the connection")));
    }

    /** Connects and says hello. Rejects with the server's error, or with what went wrong; `signal` cancels. */
    static open(
        address: Address,
        options: Options,
        events: ConnectionEvents,
        timeoutMs: number,
        signal: AbortSignal,
    ): Promise<Connection> {
        return new Promise((resolve, reject) => {
            const socket = connectSocket({ host: address.host, port: address.port });
            const give_up = (cause: Error): void => {
                stop();
                socket.destroy();
                reject(cause);
            };
            const connection = new Connection(
                socket,
                options,
                events,
                () => {
                    stop();
                    resolve(connection);
                },
                give_up,
            );
            const late = setTimeout(() => {
                connection.end(new ProtocolViolation(`no welcome within ${timeoutMs} ms`));
            }, timeoutMs);
            const onAbort = (): void => connection.end(new Error("cancelled"));
            const stop = (): void => {
                clearTimeout(late);
                signal.removeEventListener("abort", onAbort);
            };
            signal.addEventListener("abort", onAbort);
            if (signal.aborted) onAbort();
        });
    }

    /** Whether a frame can be put into the batch now; else wait for onDrain. */
    get writable(): boolean {
        return !this.over && !this.socket.writableNeedDrain;
    }

    /** To be called after something was put into the batch: it leaves at the end of this turn of the loop. */
    flushSoon(): void {
        if (this.flushing) return;
        this.flushing = true;
        setImmediate(() => {
            this.flushing = false;
            if (!this.over) this.flush();
        });
    }

    /** Ends it. No event follows. Resolves when the socket is closed. */
    close(): Promise<void> {
        const first = !this.over;
        this.over = true;
        return new Promise((resolve) => {
            if (this.socket.closed) {
                resolve();
                return;
            }
            this.socket.once("close", () => resolve());
            if (first) this.socket.end();
            this.socket.resume();
            setTimeout(() => this.socket.destroy(), CLOSE_MS).unref();
        });
    }

    private flush(): void {
        const batch = this.batch;
        if (batch.at === this.written) return;
        this.socket.write(batch.bytes.subarray(this.written, batch.at));
        this.written = batch.at;
        this.batchNumber++;
        // The socket may hold on to what was written, so memory is never written twice.
        if (batch.bytes.length - batch.at < BATCH_BYTES / 4 || batch.bytes.length > 4 * BATCH_BYTES) {
            this.batch = new Writer(BATCH_BYTES);
            this.written = 0;
        }
    }

    private sayHello(): void {
        const hello = create(ClientFrameSchema, {
            id: HELLO_ID,
            body: {
                case: "hello",
                value: {
                    protocolVersion: PROTOCOL_VERSION,
                    token: this.options.token,
                    client: this.options.clientName,
                    features: ["idempotency"],
                },
            },
        });
        const bytes = toBinary(ClientFrameSchema, hello);
        this.batch.varint(bytes.length);
        this.batch.raw(bytes);
        this.flush();
    }

    private takeWelcome(bytes: Uint8Array): void {
        const { id, body } = fromBinary(ServerFrameSchema, bytes);
        if (body.case === "error") throw serverError(body.value, this.options.exact);
        if (body.case !== "welcome" || id !== HELLO_ID) throw new ProtocolViolation("the first answer is no welcome");
        if (body.value.protocolVersion !== PROTOCOL_VERSION || body.value.limits === undefined) {
            throw new ProtocolViolation("a welcome to another version");
        }
        this.welcome = body.value;
        this.features = new Set(body.value.features);
        this.welcomed = true;
        this.onWelcome();
    }

    private feed(chunk: Uint8Array): void {
        if (this.over) return;
        try {
            this.reader.feed(chunk);
        } catch (error) {
            const known = error instanceof Error && "retryable" in error;
            this.end(known ? error : new ProtocolViolation(`bytes that are no frame (${String(error)})`));
        }
    }

    private end(cause: Error): void {
        if (this.over) return;
        this.over = true;
        this.socket.destroy();
        if (this.welcomed) this.events.onEnd(this.lastWords ?? cause);
        else this.onFailure(cause);
    }
}
