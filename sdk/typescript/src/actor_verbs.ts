// actor_verbs: messages to actors, and their beginning and end.
import { randomUUID } from "node:crypto";
import {
    Isolation as IsolationNumber,
    OnIntensity as OnIntensityNumber,
    Restart as RestartNumber,
} from "../gen/peeper/v1/peeper_pb.js";
import { type Answer, type Isolation, type OnIntensity, type Restart } from "./answers.js";
import { Body, KEYS_IN_SCHEMA, writeHot } from "./hot_frames.js";
import { MS_MAX, checkWhole } from "./options.js";
import { InvalidArgument, ProtocolViolation } from "./peeper_error.js";
import { type AnswerBody, type Repeat } from "./requests.js";
import { type Incarnation, type Target, checkTarget, targetFields } from "./target.js";
import { type Link, type Monitor } from "./ties.js";
import { type Payload, encodePayload } from "./value.js";
import { GRACE_MS, type ReadOptions, type RequestOptions, type TimeoutOptions, uint32 } from "./verbs.js";
import { TieVerbs } from "./tie_verbs.js";

export interface CastOptions extends RequestOptions {
    /**
     * Lets the client repeat a request that was written before the connection broke, where the server keeps replies by
     * key; "auto" makes a key. Where the server has no such keys it changes nothing. (Not with send.)
     */
    idempotencyKey?: string | undefined;
    /** How long to wait for the server's word, in milliseconds; default: the client's requestTimeoutMs. */
    timeoutMs?: number | undefined;
}

export interface CallOptions extends RequestOptions {
    /** As of cast. */
    idempotencyKey?: string | undefined;
    /**
     * How long the server waits for the reply before it answers TIMEOUT, in milliseconds; default: the client's
     * requestTimeoutMs. A call that waits in the mailbox until then is not run.
     */
    deadlineMs?: number | undefined;
}

export interface StartOptions extends TimeoutOptions {
    /** 1 to 255 bytes without control characters; none: an anonymous actor, addressed by its incarnation. */
    name?: string | undefined;
    /** For init. */
    argument?: Payload;
    /** Default "transient": a restart follows abnormal ends only. */
    restart?: Restart | undefined;
    /** Default "backoff". */
    onIntensity?: OnIntensity | undefined;
    /** More `restarts` than these within `periodMs` are a crash loop; default 3 in 5000 ms. */
    intensity?: { restarts: number; periodMs: number } | undefined;
    /** Messages that may wait; default: the server's. */
    mailboxMax?: number | undefined;
    /** Ties it to this connection: it ends with it. */
    link?: boolean | undefined;
    /** Watches it from its first moment. */
    monitor?: boolean | undefined;
    /** Exits of linked actors end it instead of becoming messages. */
    noTrapExit?: boolean | undefined;
    /** Idleness after which no host keeps a copy, in milliseconds; 4294967295: never. Default: as its behaviour says. */
    hibernateAfterMs?: number | undefined;
    /** Default "shared". */
    isolation?: Isolation | undefined;
    /** Good states that are kept, 1 to 16; default: the server's. */
    generations?: number | undefined;
    /** A crash right after a restart is followed by a restart with the generation before. */
    stepBack?: boolean | undefined;
    /** Name of an actor that hears of changes of the state. */
    listener?: string | undefined;
    /** Tables that a restart gives back; default: all of them. */
    keepTables?: readonly string[] | undefined;
}

export interface Started {
    /** Absent where init wanted no actor (`ignored`), which is no error. */
    id?: Incarnation;
    /** Stays the same over restarts. */
    unit?: bigint;
    name: string;
    ignored: boolean;
    /** What init gave to whoever starts the actor. */
    info?: Answer;
    /** Where `monitor` was asked for. */
    monitor?: Monitor;
    /** Where `link` was asked for. */
    link?: Link;
}

export interface StopOptions extends TimeoutOptions {
    /** Default "normal". */
    reason?: Payload;
}

const NO_OPTIONS = Object.freeze({});

/** The number of an enum's value by its short name. Throws InvalidArgument. */
function enumNumber(field: string, numbers: Record<string, string | number>, name: string | undefined): number {
    if (name === undefined) return 0;
    const number = numbers[name.toUpperCase()];
    if (typeof number === "number" && number !== 0) return number;
    throw new InvalidArgument(`${field} is "${name}"; there is no such choice`);
}

export abstract class ActorVerbs extends TieVerbs {
    /** Asks an actor and waits for its reply. */
    call(target: Target, message?: Payload, options: CallOptions = NO_OPTIONS): Promise<Answer> {
        const deadlineMs = options.deadlineMs ?? this.session.options.requestTimeoutMs;
        if (!Number.isInteger(deadlineMs) || deadlineMs < 1 || deadlineMs > MS_MAX) {
            return Promise.reject(new InvalidArgument(`deadlineMs is ${deadlineMs}; it is a whole number from 1`));
        }
        return this.hot("call", Body.CALL, target, message, options, deadlineMs, deadlineMs + GRACE_MS);
    }

    /** Sends a message to handle_cast. Resolves when it is in the mailbox, or nobody was there. */
    cast(target: Target, message?: Payload, options: CastOptions = NO_OPTIONS): Promise<void> {
        return this.hot("cast", Body.CAST, target, message, options, 0, options.timeoutMs);
    }

    /** Sends a message to handle_info. Resolves as of cast. */
    send(target: Target, message?: Payload, options: ReadOptions = NO_OPTIONS): Promise<void> {
        return this.hot("send", Body.SEND, target, message, options, 0, options.timeoutMs);
    }

    private hot<T>(
        verb: string,
        body: Body,
        target: Target,
        message: Payload,
        options: CastOptions,
        deadlineMs: number,
        timeoutMs: number = this.session.options.requestTimeoutMs,
    ): Promise<T> {
        let key = options.idempotencyKey ?? "";
        if (key === "auto") key = randomUUID();
        const repeat: Repeat = key !== "" && KEYS_IN_SCHEMA ? "keyed" : "never";
        return this.session.requests.submit<T>({
            verb,
            repeat,
            timeoutMs,
            signal: options.signal,
            write: (out, id) => writeHot(out, id, body, checkTarget(target), message, deadlineMs, key),
        });
    }

    /** Creates an actor of a behaviour; resolves when its init has returned. */
    async start(behaviour: string, options: StartOptions = {}): Promise<Started> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const { link, intensity, keepTables } = options;
        const value = {
            name: options.name ?? "",
            behaviour,
            argument: encodePayload(options.argument),
            timeoutMs,
            restart: enumNumber("restart", RestartNumber, options.restart),
            onIntensity: enumNumber("onIntensity", OnIntensityNumber, options.onIntensity),
            isolation: enumNumber("isolation", IsolationNumber, options.isolation),
            ...(intensity !== undefined && {
                intensity: {
                    restarts: uint32("intensity.restarts", intensity.restarts),
                    periodMs: uint32("intensity.periodMs", intensity.periodMs),
                },
            }),
            mailboxMax: uint32("mailboxMax", options.mailboxMax),
            link: link ?? false,
            monitor: options.monitor ?? false,
            noTrapExit: options.noTrapExit ?? false,
            hibernateAfterMs: uint32("hibernateAfterMs", options.hibernateAfterMs),
            generations: uint32("generations", options.generations),
            stepBack: options.stepBack ?? false,
            listener: options.listener ?? "",
            ...(keepTables !== undefined && { keepTables: { names: [...keepTables] } }),
        };
        const treatment = { ...this.waits(timeoutMs, options), undo: (body: AnswerBody) => this.undoStarted(body, link) };
        return this.ask({ case: "start", value }, treatment, (body) => this.started(body, link));
    }

    /** Runs terminate and ends the actor; its state is forgotten. After a time-out the stop goes on. */
    async stop(target: Target, options: StopOptions = {}): Promise<void> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const reason = encodePayload(options.reason);
        await this.do({ case: "stop", value: { ...targetFields(target), reason, timeoutMs } }, this.waits(timeoutMs, options));
    }

    /** Ends the incarnation at once, without terminate; it is restarted with its state. */
    async kill(target: Target, options: ReadOptions = {}): Promise<void> {
        await this.do({ case: "kill", value: targetFields(target) }, this.acts(options));
    }

    /** Lets the actor's messages wait until resume(). */
    async suspend(target: Target, options: ReadOptions = {}): Promise<void> {
        await this.do({ case: "suspend", value: targetFields(target) }, this.acts(options));
    }

    /** Brings an actor back that was suspended, or waits because it was over its intensity. */
    async resume(target: Target, options: ReadOptions = {}): Promise<void> {
        await this.do({ case: "resume", value: targetFields(target) }, this.acts(options));
    }

    /** Runs the message of a crash again. Resolves with the reply to a call; undefined to another message. */
    async redrive(crash: bigint | number, options: TimeoutOptions = {}): Promise<Answer | undefined> {
        const timeoutMs = checkWhole("timeoutMs", this.waitMs(options.timeoutMs), 1, MS_MAX);
        const treatment = this.waits(timeoutMs, options);
        return this.ask({ case: "redrive", value: { crash: BigInt(crash), timeoutMs } }, treatment, (body) => {
            if (body.case === "done") return undefined;
            if (body.case === "reply") return this.payload(body.value.payload);
            throw new ProtocolViolation(`an answer of the kind "${body.case}" to redrive`);
        });
    }
}
