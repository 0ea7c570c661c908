// errors: everything that a request can fail with.
//
// What the server answers is a `ServerError`, of one class per status in `errors`: that table is made from the
// schema's enum, so no status is without a class. What the client itself finds is one of the classes below it.
import { type Error as ErrorFrame, Status, StatusSchema } from "../gen/peeper/v1/peeper_pb.js";
import { Raw, type Value, decodePayload } from "./value.js";
import { PeeperError } from "./peeper_error.js";

export {
    Closed,
    ConnectFailed,
    Disconnected,
    InvalidArgument,
    InvalidValue,
    PeeperError,
    ProtocolViolation,
    RequestTimeout,
    TooManyRequests,
} from "./peeper_error.js";

/** The name of a status, as in the schema without its prefix: "NOPROC", "MAILBOX_FULL", ... */
export type StatusName = Exclude<keyof typeof Status, "UNSPECIFIED">;

/** What the server answered in place of what was asked for. */
export class ServerError extends PeeperError {
    /** The status; "INTERNAL" where this client does not know the number. */
    readonly status: StatusName;
    /** The number of the status on the wire. */
    readonly statusNumber: number;
    override readonly retryable: boolean;
    /** When to try again, in milliseconds; 0 where nothing is known. */
    readonly retryAfterMs: number;
    /** The structured reason, such as the holder's id of `AlreadyStarted`; undefined where there is none. */
    readonly reason: Value | Raw | undefined;
    /** Of a crash: raise, contract, exit, signal, deadline, memory, killed or host_lost. Else empty. */
    readonly kind: string;

    constructor(status: StatusName, frame: ErrorFrame, exact: boolean) {
        super(frame.message);
        this.status = status;
        this.statusNumber = frame.status;
        this.retryable = frame.retryable;
        this.retryAfterMs = frame.retryAfterMs;
        this.reason = frame.reason.length === 0 ? undefined : decodePayload(frame.reason, exact);
        this.kind = frame.kind;
    }
}

type Pascal<S extends string> = S extends `${infer First}_${infer Rest}`
    ? `${Capitalize<Lowercase<First>>}${Pascal<Rest>}`
    : Capitalize<Lowercase<S>>;

type ServerErrorClass = new (frame: ErrorFrame, exact: boolean) => ServerError;

/** One class per status: `errors.Noproc`, `errors.AlreadyStarted`, `errors.MailboxFull`, ... */
export const errors = {} as { readonly [S in StatusName as Pascal<S>]: ServerErrorClass };

const byNumber = new Map<number, ServerErrorClass>();

function className(status: string): string {
    return status.replace(/([A-Z])([A-Z]*)_?/g, (_, first: string, rest: string) => first + rest.toLowerCase());
}

for (const value of StatusSchema.values) {
    if (value.number === Status.UNSPECIFIED) continue;
    const status = value.localName as StatusName;
    const name = className(status);
    const made = {
        [name]: class extends ServerError {
            constructor(frame: ErrorFrame, exact: boolean) {
                super(status, frame, exact);
                this.name = name;
            }
        },
    }[name] as ServerErrorClass;
    (errors as Record<string, ServerErrorClass>)[name] = made;
    byNumber.set(value.number, made);
}

/** The error of a frame. A number that this client does not know is treated like INTERNAL. */
export function serverError(frame: ErrorFrame, exact: boolean): ServerError {
    return new (byNumber.get(frame.status) ?? errors.Internal)(frame, exact);
}
