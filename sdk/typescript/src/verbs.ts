// verbs: what every verb does: a request becomes a Job, its answer plain data.
import { type DescMessage, type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import { type ClientFrame, ClientFrameSchema, ServerFrameSchema } from "../gen/peeper/v1/peeper_pb.js";
import { answerOf } from "./native.js";
import { MS_MAX, checkWhole } from "./options.js";
import { InvalidArgument, ProtocolViolation } from "./peeper_error.js";
import { type AnswerBody, type Job, type Repeat } from "./requests.js";
import { type Session } from "./session.js";

/** What every request takes. */
export interface RequestOptions {
    /**
     * Gives the request up: its promise rejects with the signal's reason. What has been written is not taken back, so
     * it may be run all the same.
     */
    signal?: AbortSignal | undefined;
}

/** Of requests that look only: how long to wait. */
export interface ReadOptions extends RequestOptions {
    /** Milliseconds; default: the client's requestTimeoutMs. */
    timeoutMs?: number | undefined;
}

/** Of requests for which the server has a time-out of its own. */
export interface TimeoutOptions extends RequestOptions {
    /**
     * How long the server waits before it answers TIMEOUT, in milliseconds; default: the client's requestTimeoutMs. The
     * client itself waits a little longer.
     */
    timeoutMs?: number | undefined;
}

/** The client's own timer comes a little after the server's, whose answer says more. */
export const GRACE_MS = 250;

type RequestBody = NonNullable<MessageInitShape<typeof ClientFrameSchema>["body"]>;
type Case = NonNullable<ClientFrame["body"]["case"]>;
type AnswerCase = NonNullable<AnswerBody["case"]>;

/** How a request is treated, apart from what it says. */
export interface Treatment {
    repeat: Repeat;
    /** That the client waits. */
    waitMs: number;
    signal: AbortSignal | undefined;
    undo?: (body: AnswerBody) => void;
}

/** The message type of each kind of answer. */
const answerSchemas = new Map<string, DescMessage>();
for (const field of ServerFrameSchema.fields) {
    if (field.fieldKind === "message") answerSchemas.set(field.localName, field.message);
}

export abstract class Verbs {
    /** @internal */
    protected abstract readonly session: Session;

    /** How long to wait where nothing is said, or what is said. Throws InvalidArgument. */
    protected waitMs(given: number | undefined): number {
        if (given === undefined) return this.session.options.requestTimeoutMs;
        return checkWhole("timeoutMs", given, 1, MS_MAX);
    }

    /** Reads only: may be sent twice. */
    protected reads(options: ReadOptions): Treatment {
        return { repeat: "reads", waitMs: this.waitMs(options.timeoutMs), signal: options.signal };
    }

    /** Does something, at once: the server has no time-out for it. */
    protected acts(options: ReadOptions): Treatment {
        return { repeat: "never", waitMs: this.waitMs(options.timeoutMs), signal: options.signal };
    }

    /** Does something that the server waits for, up to the time that the request says. */
    protected waits(timeoutMs: number, options: RequestOptions): Treatment {
        return { repeat: "never", waitMs: timeoutMs + GRACE_MS, signal: options.signal };
    }

    /** Sends a request whose answer `accept` understands. */
    protected ask<T>(body: RequestBody, treatment: Treatment, accept: (body: AnswerBody) => T): Promise<T> {
        const frame = create(ClientFrameSchema, { body });
        const job: Job = {
            verb: body.case as Case,
            repeat: treatment.repeat,
            timeoutMs: treatment.waitMs,
            signal: treatment.signal,
            accept,
            write: (out, id) => {
                frame.id = BigInt(id);
                const bytes = toBinary(ClientFrameSchema, frame);
                out.varint(bytes.length);
                out.raw(bytes);
            },
            ...(treatment.undo !== undefined && { undo: treatment.undo }),
        };
        return this.session.requests.submit<T>(job);
    }

    /** ask() for an answer of one kind, as plain data. */
    protected get<T>(body: RequestBody, treatment: Treatment, kind: AnswerCase): Promise<T> {
        const schema = answerSchemas.get(kind) as DescMessage;
        return this.ask(body, treatment, answerOf<T>(kind, schema, this.session.options.exact));
    }

    /** ask() for a Done. */
    protected do(body: RequestBody, treatment: Treatment): Promise<void> {
        return this.ask(body, treatment, (answer) => {
            if (answer.case !== "done") throw new ProtocolViolation(`an answer of the kind "${answer.case}", not "done"`);
        });
    }
}

/** A uint64 of a request. Throws InvalidArgument. */
export function uint64(name: string, value: number | bigint | undefined): bigint {
    if (value === undefined) return 0n;
    if (typeof value === "bigint" ? value >= 0n && value < 1n << 64n : Number.isSafeInteger(value) && value >= 0) {
        return BigInt(value);
    }
    throw new InvalidArgument(`${name} is ${value}; it is a whole number from 0 to 2^64 - 1`);
}

/** A uint32 of a request. Throws InvalidArgument. */
export function uint32(name: string, value: number | undefined): number {
    return value === undefined ? 0 : checkWhole(name, value, 0, 2 ** 32 - 1);
}

/** All elements of all pages. */
export async function* allPages<P extends { next?: N }, N, T>(
    page: (from: N | undefined) => Promise<P>,
    elements: (page: P) => T[],
): AsyncGenerator<T, void, undefined> {
    let next: N | undefined;
    do {
        const one = await page(next);
        yield* elements(one);
        next = one.next;
    } while (next !== undefined);
}
