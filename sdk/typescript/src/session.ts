// session: a connection that comes back. It makes the first one, and another one whenever it ends, until close() or
// until the server refuses the client for good.
import { setTimeout as delay } from "node:timers/promises";
import { type Event, type Welcome } from "../gen/peeper/v1/peeper_pb.js";
import { type Address } from "./address.js";
import { Connection, type ConnectionEvents, isFatal } from "./connection.js";
import { serverError } from "./errors.js";
import { type Options } from "./options.js";
import { ConnectFailed } from "./peeper_error.js";
import { type AnswerBody, Requests } from "./requests.js";

const BACKOFF_MS_FIRST = 10;
const BACKOFF_MS_MAX = 2000;
const STEADY_MS = 1000; // a connection that lived so long begins the back-off anew
const CAUSES_MAX = 16;

export interface SessionEvents {
    /** There is a connection; from the second one on it is a new one. */
    onUp: (first: boolean) => void;
    /** The connection is over, and its requests have been told. */
    onDown: (cause: Error) => void;
    onEvent: (event: Event["kind"]) => void;
    /** The server has refused the client for good. */
    onRefused: (cause: Error) => void;
}

/** Doubles with each attempt; the jitter keeps many clients from coming back at the same moment. */
export function backoffMs(attempt: number, random: number = Math.random()): number {
    return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_FIRST * 2 ** Math.min(attempt, 20)) * (0.5 + random / 2);
}

export class Session {
    readonly requests: Requests;
    private connection: Connection | undefined;
    private readonly stop = new AbortController();
    private attempts = 0; // since the last steady connection
    private upSince = 0;
    private lastWelcome: Welcome | undefined;

    constructor(
        private readonly address: Address,
        readonly options: Options,
        private readonly events: SessionEvents,
    ) {
        this.requests = new Requests(options, (body) => this.takePushed(body));
    }

    get closed(): boolean {
        return this.stop.signal.aborted;
    }

    /** What the server said in its welcome, the last time that there was a connection. */
    get welcome(): Welcome | undefined {
        return this.lastWelcome;
    }

    /** Makes the first connection. Rejects with ConnectFailed, the server's error, or the signal's reason. */
    async connect(signal: AbortSignal | undefined): Promise<void> {
        const onAbort = (): void => this.stop.abort();
        signal?.throwIfAborted();
        signal?.addEventListener("abort", onAbort, { once: true });
        try {
            await this.establish(performance.now() + this.options.connectTimeoutMs, true);
        } catch (error) {
            void this.close(error);
            signal?.throwIfAborted();
            throw error;
        } finally {
            signal?.removeEventListener("abort", onAbort);
        }
    }

    /** Ends it for good; every request that has no answer is told. Twice is fine. */
    async close(cause?: unknown): Promise<void> {
        this.stop.abort();
        this.requests.close(cause);
        const connection = this.connection;
        this.connection = undefined;
        await connection?.close();
    }

    private async establish(until: number, first: boolean): Promise<void> {
        const causes: Error[] = [];
        for (let tries = 1; ; tries++) {
            const leftMs = Math.min(until - performance.now(), this.options.connectTimeoutMs);
            try {
                await this.attempt(Math.max(1, Math.ceil(leftMs)), first);
                return;
            } catch (error) {
                if (this.closed || isFatal(error)) throw error;
                causes.push(error as Error);
                if (causes.length > CAUSES_MAX) causes.shift();
            }
            const pauseMs = backoffMs(this.attempts++);
            if (performance.now() + pauseMs >= until) {
                const { host, port } = this.address;
                throw new ConnectFailed(`${host}:${port}`, this.options.connectTimeoutMs, tries, causes);
            }
            await delay(pauseMs, undefined, { signal: this.stop.signal });
        }
    }

    private async attempt(timeoutMs: number, first: boolean): Promise<void> {
        let ended: Error | undefined; // it may end in the very bytes that welcome us
        const events: ConnectionEvents = {
            onFrame: (bytes, from, end) => this.requests.take(bytes, from, end),
            onDrain: () => this.requests.pump(),
            onEnd: (cause) => {
                ended = cause;
                if (this.connection === connection) this.lose(cause);
            },
        };
        let connection: Connection | undefined;
        connection = await Connection.open(this.address, this.options, events, timeoutMs, this.stop.signal);
        if (ended !== undefined) throw ended;
        if (this.closed) {
            void connection.close();
            this.stop.signal.throwIfAborted();
        }
        this.connection = connection;
        this.lastWelcome = connection.welcome;
        this.upSince = performance.now();
        this.requests.attach(connection);
        this.events.onUp(first);
    }

    private lose(cause: Error): void {
        this.connection = undefined;
        if (performance.now() - this.upSince >= STEADY_MS) this.attempts = 0;
        this.requests.detach(cause);
        this.events.onDown(cause);
        void this.comeBack();
    }

    private async comeBack(): Promise<void> {
        try {
            const pauseMs = this.attempts === 0 ? 0 : backoffMs(this.attempts);
            this.attempts++;
            await delay(pauseMs, undefined, { signal: this.stop.signal });
            await this.establish(Infinity, false);
        } catch (error) {
            if (this.closed) return;
            await this.close(error);
            this.events.onRefused(error as Error);
        }
    }

    private takePushed(body: AnswerBody): void {
        if (body.case === "event") this.events.onEvent(body.value.kind);
        // The last words of a server that closes. Those about a request without an id do not occur: all have one.
        else if (body.case === "error" && this.connection !== undefined) {
            this.connection.lastWords = serverError(body.value, this.options.exact);
        }
    }
}
