// peeper_error: the base of all errors, and those that the client finds itself.

/** The base of every error of this package, but for a cancelled request: that rejects with its signal's reason. */
export class PeeperError extends Error {
    /** The same request may succeed later, and sending it again is safe: it was not run. */
    readonly retryable: boolean = false;

    constructor(message: string, options?: ErrorOptions) {
        super(message, options);
        this.name = new.target.name;
    }
}

/** The connection ended before the answer came. */
export class Disconnected extends PeeperError {
    /** True: the request was written, and may or may not have been run. False: it was not, and may be sent again. */
    readonly maybeRan: boolean;
    override readonly retryable: boolean;

    constructor(verb: string, maybeRan: boolean, cause?: unknown) {
        super(
            maybeRan
                ? `${verb}: the connection ended before the answer came, so it may have been run; look at the actor ` +
                      `before you repeat it, or give calls and casts an idempotencyKey`
                : `${verb}: the connection ended before it was sent; it was not run and can be repeated`,
            { cause },
        );
        this.maybeRan = maybeRan;
        this.retryable = !maybeRan;
    }
}

/** No connection could be made within connectTimeoutMs. */
export class ConnectFailed extends PeeperError {
    /** Why each attempt failed, oldest first; at most the last 16. */
    readonly causes: readonly Error[];
    override readonly retryable = true;

    constructor(address: string, timeoutMs: number, attempts: number, causes: readonly Error[]) {
        const last = causes.at(-1);
        super(
            `no connection to ${address} within ${timeoutMs} ms (${attempts} attempts, the last: ` +
                `${last?.message ?? "not finished"}); is peeperd running there?`,
            { cause: last },
        );
        this.causes = causes;
    }
}

/** The client was closed: by close(), or because the server refused it for good (then `cause` says why). */
export class Closed extends PeeperError {
    /** As of Disconnected. */
    readonly maybeRan: boolean;

    constructor(verb: string, maybeRan: boolean, cause?: unknown) {
        const why = cause instanceof Error ? `the server refused it: ${cause.message}` : "close() was called";
        super(`${verb}: this client is closed (${why}); connect() makes another one`, { cause });
        this.maybeRan = maybeRan;
    }
}

/** The client itself has waited long enough; the server's own time-out is `errors.Timeout`. */
export class RequestTimeout extends PeeperError {
    /** As of Disconnected. */
    readonly maybeRan: boolean;
    override readonly retryable: boolean;

    constructor(verb: string, timeoutMs: number, maybeRan: boolean) {
        super(
            maybeRan
                ? `${verb}: no answer within ${timeoutMs} ms, so it may have been run; is the server alive?`
                : `${verb}: not sent within ${timeoutMs} ms; there was no connection, or too many requests before it`,
        );
        this.maybeRan = maybeRan;
        this.retryable = !maybeRan;
    }
}

/** An argument or option that means nothing; nothing was sent. */
export class InvalidArgument extends PeeperError {}

/** Something that no Value can hold; nothing was sent. */
export class InvalidValue extends PeeperError {
    /** Where it stands: "$.items[3].price". */
    readonly path: string;

    constructor(problem: string, path = "$") {
        super(`${path}: ${problem}`);
        this.path = path;
    }
}

/** As many requests wait as may; nothing was sent. */
export class TooManyRequests extends PeeperError {
    override readonly retryable = true;

    constructor(verb: string, what: string) {
        super(`${verb}: ${what} wait already; await some answers before you send more`);
    }
}

/** The other side does not speak this protocol; the connection is given up. */
export class ProtocolViolation extends PeeperError {
    constructor(what: string) {
        super(`${what}; is this a peeperd, of a version that this client knows?`);
    }
}
