// client: what connect() answers: all verbs, the code that the server runs, and events.
import { EventEmitter } from "node:events";
import { type Event, UpgradeProgressSchema, WelcomeSchema } from "../gen/peeper/v1/peeper_pb.js";
import { type Address, parseAddress } from "./address.js";
import {
    type BehaviourInfo,
    type Down,
    type Exit,
    type UpgradeProgress,
    type UpgradeReport,
    type Welcome,
} from "./answers.js";
import { toNative } from "./native.js";
import { type ConnectOptions, type Options, completeOptions } from "./options.js";
import { ProtocolViolation } from "./peeper_error.js";
import { Session } from "./session.js";
import { SupervisorVerbs } from "./supervisor_verbs.js";
import { Ties } from "./ties.js";
import { type Payload, encodePayload } from "./value.js";
import { type ReadOptions } from "./verbs.js";
import { type WatchPort, Watches } from "./watch.js";

const UPGRADE_TIMEOUT_MS = 600_000;

/** What a client tells without being asked. */
export interface ClientEvents {
    /** The connection is over; another one is being made. */
    disconnected: [cause: Error];
    /** There is a connection again. */
    reconnected: [];
    /** The server goes down. */
    goodbye: [message: string];
    /** The server has refused the client for good, which is closed now. */
    refused: [cause: Error];
    /** Of any monitor, also those that nobody awaits. */
    down: [down: Down];
    /** Of any link. */
    exit: [exit: Exit];
    /** How far an upgrade is that this client has asked for. */
    upgradeProgress: [progress: UpgradeProgress];
}

export interface UpgradeOptions extends ReadOptions {
    /** For code_change. */
    extra?: Payload;
    /** How long the client waits for all actors to be asked, in milliseconds; default ten minutes. */
    timeoutMs?: number | undefined;
}

/** A client of one server. Make it with connect(). */
export class Client extends SupervisorVerbs {
    /** @internal */
    protected readonly session: Session;
    /** @internal */
    protected readonly ties: Ties;
    /** @internal */
    protected readonly watches: Watches;
    private readonly emitter = new EventEmitter();

    /** @internal */
    constructor(address: Address, options: Options) {
        super();
        this.session = new Session(address, options, {
            onUp: (first) => {
                if (first) return;
                this.watches.connectionBack();
                this.tell("reconnected");
            },
            onDown: (cause) => {
                this.tell("disconnected", cause);
                this.ties.connectionLost();
                this.watches.connectionLost();
            },
            onEvent: (kind) => this.take(kind),
            onRefused: (cause) => {
                this.watches.close(cause);
                this.tell("refused", cause);
            },
        });
        this.ties = new Ties(options.exact, {
            onDown: (down) => this.tell("down", down),
            onExit: (exit) => this.tell("exit", exit),
        });
        this.watches = new Watches(this.watchPort(), options.exact);
    }

    /** @internal */
    connect(signal: AbortSignal | undefined): Promise<void> {
        return this.session.connect(signal);
    }

    /** Asks the server for a sign of life. */
    async ping(options: ReadOptions = {}): Promise<void> {
        await this.ask({ case: "ping", value: {} }, this.reads(options), (body) => {
            if (body.case !== "pong") throw new ProtocolViolation(`an answer of the kind "${body.case}" to ping`);
        });
    }

    /** Which code there is, and how many actors run each version. */
    async behaviours(options: ReadOptions = {}): Promise<BehaviourInfo[]> {
        const listing = await this.get<{ behaviours: BehaviourInfo[] }>(
            { case: "listBehaviours", value: {} },
            this.reads(options),
            "behaviourListing",
        );
        return listing.behaviours;
    }

    /** Gives the server a file with a behaviour, new or in place of the file of that name; then upgrades its actors. */
    async deploy(file: string, content: Uint8Array, options: UpgradeOptions = {}): Promise<UpgradeReport> {
        const value = { file, content, extra: encodePayload(options.extra) };
        return this.get({ case: "deploy", value }, this.upgrades(options), "upgradeReport");
    }

    /**
     * Brings all actors of a behaviour to another version of its code while they run: that of a file, or what the
     * server's directory has now. With `dryRun` it only tells who would refuse.
     */
    async upgrade(
        behaviour: string,
        options: UpgradeOptions & { file?: string; content?: Uint8Array; dryRun?: boolean } = {},
    ): Promise<UpgradeReport> {
        const value = {
            behaviour,
            file: options.file ?? "",
            content: options.content ?? new Uint8Array(),
            extra: encodePayload(options.extra),
            dryRun: options.dryRun ?? false,
        };
        return this.get({ case: "upgrade", value }, this.upgrades(options), "upgradeReport");
    }

    /** Ends the connection. What has no answer yet rejects with Closed; watches are done. Twice is fine. */
    async close(): Promise<void> {
        if (!this.session.closed) this.ties.connectionLost();
        const closing = this.session.close();
        this.watches.close(undefined);
        await closing;
    }

    /** As close(): `await using client = await connect(...)`. */
    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    /** What the server said the last time that it was connected to. */
    get welcome(): Welcome {
        return toNative(WelcomeSchema, this.session.welcome as object, this.session.options.exact) as Welcome;
    }

    /** Calls `listener` with each event of that name. */
    on<N extends keyof ClientEvents>(name: N, listener: (...args: ClientEvents[N]) => void): this {
        this.emitter.on(name, listener as (...args: unknown[]) => void);
        return this;
    }

    /** Takes a listener away. */
    off<N extends keyof ClientEvents>(name: N, listener: (...args: ClientEvents[N]) => void): this {
        this.emitter.off(name, listener as (...args: unknown[]) => void);
        return this;
    }

    private upgrades(options: UpgradeOptions): ReturnType<typeof this.acts> {
        return this.acts({ ...options, timeoutMs: options.timeoutMs ?? UPGRADE_TIMEOUT_MS });
    }

    /** Not now: a listener that throws must not stop the frames behind its event. */
    private tell<N extends keyof ClientEvents>(name: N, ...args: ClientEvents[N]): void {
        if (this.emitter.listenerCount(name) > 0) queueMicrotask(() => this.emitter.emit(name, ...args));
    }

    private take(kind: Event["kind"]): void {
        if (kind.case === "goodbye") {
            this.tell("goodbye", kind.value.message);
        } else if (kind.case === "upgradeProgress") {
            const progress = toNative(UpgradeProgressSchema, kind.value, this.session.options.exact);
            this.tell("upgradeProgress", progress as UpgradeProgress);
        } else {
            this.ties.take(kind);
            this.watches.take(kind);
        }
    }

    private watchPort(): WatchPort {
        const unwatch = (ref: bigint): Promise<void> => this.do({ case: "unwatch", value: { ref } }, this.acts({}));
        return {
            unwatch,
            watch: (request, onRef, signal) => {
                const treatment = {
                    ...this.reads({ signal }),
                    undo: (body: Parameters<Parameters<typeof this.ask>[2]>[0]) => {
                        if (body.case === "watching") unwatch(body.value.ref).catch(() => undefined);
                    },
                };
                return this.ask({ case: "watch", value: request }, treatment, (body) => {
                    if (body.case !== "watching") throw new ProtocolViolation(`an answer of the kind "${body.case}" to watch`);
                    onRef(body.value.ref);
                });
            },
        };
    }
}

/**
 * Connects to the peeperd at "host:port" (port 7420 where none is said) and says hello. Attempts are repeated until
 * connectTimeoutMs have passed.
 *
 * Rejects with ConnectFailed, with the server's own error (`errors.Unauthenticated`, ...), with InvalidArgument, or with
 * the reason of `options.signal`.
 */
export async function connect(address: string, options: ConnectOptions = {}): Promise<Client> {
    const client = new Client(parseAddress(address), completeOptions(options));
    await client.connect(options.signal);
    return client;
}
