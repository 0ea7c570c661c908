// watch: the changes of states, as async iterators. A watch outlives its connection: it is made again from the version
// after the last one seen. It never holds up the reader: a consumer that is too slow finds a gap.
import { ChangedSchema, EndedSchema, type Event, GapSchema, StepBackSchema } from "../gen/peeper/v1/peeper_pb.js";
import { type StepBack, type WatchEvent } from "./answers.js";
import { ServerError } from "./errors.js";
import { toNative } from "./native.js";
import { Closed } from "./peeper_error.js";

/** What a watch asks the server for. */
export interface WatchRequest {
    name: string;
    prefix: boolean;
    fromVersion: bigint;
    withOld: boolean;
    unit: bigint;
}

/** How a watch reaches the server. */
export interface WatchPort {
    /** Asks; `onRef` is called before any event of it is read. */
    watch: (request: WatchRequest, onRef: (ref: bigint) => void, signal?: AbortSignal) => Promise<void>;
    unwatch: (ref: bigint) => Promise<void>;
}

type Taker = { resolve: (result: IteratorResult<WatchEvent, undefined>) => void; reject: (error: unknown) => void };

const SCHEMAS = { changed: ChangedSchema, ended: EndedSchema, gap: GapSchema, steppedBack: StepBackSchema };

/** A stream of changes: `for await (const event of watch)`. Leaving the loop ends it. */
export class Watch implements AsyncIterableIterator<WatchEvent> {
    /** What the server called it first. It keeps this name here when it is made again. */
    ref = 0n;
    private events: WatchEvent[] = [];
    private head = 0;
    private takers: Taker[] = [];
    private serverRef = 0n; // 0: the server has no such watch now
    private asking = false;
    private behind = false; // the consumer is: nothing is taken until it has read what there is
    private over: { error: unknown } | undefined;
    private seen: { unit: bigint; version: number } | undefined;
    private step: StepBack | undefined; // the last one

    /** @internal */
    constructor(
        private readonly request: WatchRequest,
        private readonly eventsMax: number,
        private readonly watches: Watches,
    ) {}

    /** The next event; done after close(). Rejects where the server no longer lets us watch. */
    next(): Promise<IteratorResult<WatchEvent, undefined>> {
        if (this.head < this.events.length) {
            const value = this.events[this.head++] as WatchEvent;
            if (this.head === this.events.length) {
                this.events = [];
                this.head = 0;
                if (this.behind) this.catchUp();
            }
            return Promise.resolve({ value, done: false });
        }
        if (this.over !== undefined) {
            const { error } = this.over;
            this.over = { error: undefined };
            return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
        }
        return new Promise((resolve, reject) => this.takers.push({ resolve, reject }));
    }

    async return(): Promise<IteratorResult<WatchEvent, undefined>> {
        await this.close();
        return { value: undefined, done: true };
    }

    [Symbol.asyncIterator](): this {
        return this;
    }

    /** Ends it: no event follows, those that nobody has read included. */
    async close(): Promise<void> {
        this.events = [];
        this.head = 0;
        this.end(undefined);
        await this.leave();
    }

    /** @internal Makes it, or makes it again. */
    async ask(signal?: AbortSignal): Promise<void> {
        if (this.asking || this.over !== undefined) return;
        this.asking = true;
        try {
            await this.watches.port.watch(this.resumed(), (ref) => this.begin(ref), signal);
        } finally {
            this.asking = false;
        }
        if (this.over !== undefined) await this.leave();
    }

    /** @internal The server has forgotten it. */
    lost(): void {
        this.watches.byRef.delete(this.serverRef);
        this.serverRef = 0n;
    }

    /** @internal Makes it again where it is wanted and not there. */
    again(): void {
        if (this.serverRef !== 0n || this.behind) return;
        this.ask().catch((error: unknown) => {
            const refused = error instanceof ServerError && !error.retryable;
            if (refused || error instanceof Closed) this.end(error);
            else this.watches.againSoon(this);
        });
    }

    /** @internal */
    take(event: WatchEvent): void {
        if (this.behind || this.over !== undefined || this.knows(event)) return;
        if (this.events.length - this.head >= this.eventsMax) {
            this.behind = true;
            void this.leave();
            return;
        }
        this.note(event);
        this.push(event);
    }

    /** @internal No more events come. */
    end(error: unknown): void {
        this.watches.all.delete(this);
        if (this.over !== undefined) return;
        this.over = { error };
        const takers = this.takers;
        this.takers = [];
        for (const [i, taker] of takers.entries()) {
            if (error !== undefined && i === 0) taker.reject(error);
            else taker.resolve({ value: undefined, done: true });
        }
        if (takers.length > 0) this.over = { error: undefined };
    }

    private begin(ref: bigint): void {
        const first = this.ref === 0n;
        if (first) this.ref = ref;
        this.serverRef = ref;
        this.watches.byRef.set(ref, this);
        // Of a name the server itself knows what is missing since `seen`; else nobody does.
        const known = !this.request.prefix && (this.seen !== undefined || this.request.fromVersion > 0n);
        if (!first && !known) {
            this.push({ type: "gap", name: this.request.prefix ? "" : this.request.name, firstVersion: 0, lastVersion: 0 });
        }
    }

    private resumed(): WatchRequest {
        if (this.request.prefix || this.seen === undefined) return this.request;
        return { ...this.request, unit: this.seen.unit, fromVersion: BigInt(this.seen.version + 1) };
    }

    /** A watch that is made again is told once more that the actor has an older state. */
    private knows(event: WatchEvent): boolean {
        if (event.type !== "steppedBack") return false;
        const { unit, step } = this.step ?? {};
        return unit === event.unit && step?.from === event.step.from && step.atMs === event.step.atMs;
    }

    private note(event: WatchEvent): void {
        if (event.unit === undefined) return;
        if (event.type === "steppedBack") {
            this.step = event;
            return;
        }
        const version = event.type === "gap" ? event.lastVersion : event.version;
        const same = this.seen?.unit === event.unit;
        this.seen = { unit: event.unit, version: Math.max(version, same ? (this.seen?.version ?? 0) : 0) };
    }

    private push(event: WatchEvent): void {
        const taker = this.takers.shift();
        if (taker !== undefined) taker.resolve({ value: event, done: false });
        else this.events.push(event);
    }

    private catchUp(): void {
        this.behind = false;
        if (this.over === undefined) this.again();
    }

    private async leave(): Promise<void> {
        const ref = this.serverRef;
        if (ref === 0n) return;
        this.lost();
        try {
            await this.watches.port.unwatch(ref);
        } catch {
            // Without a connection there is no watch either.
        }
    }
}

/** All watches of a client. */
export class Watches {
    /** @internal */
    readonly byRef = new Map<bigint, Watch>();
    /** @internal */
    readonly all = new Set<Watch>();
    private readonly tryAgain = new Set<Watch>();

    constructor(
        readonly port: WatchPort,
        private readonly exact: boolean,
    ) {}

    async open(request: WatchRequest, eventsMax: number, signal?: AbortSignal): Promise<Watch> {
        const watch = new Watch(request, eventsMax, this);
        this.all.add(watch);
        try {
            await watch.ask(signal);
        } catch (error) {
            this.all.delete(watch);
            throw error;
        }
        return watch;
    }

    /** The watch that is called so. */
    find(ref: bigint): Watch | undefined {
        for (const watch of this.all) if (watch.ref === ref) return watch;
        return undefined;
    }

    take(kind: Event["kind"]): void {
        if (kind.case === undefined || !(kind.case in SCHEMAS) || !("ref" in kind.value)) return;
        const watch = this.byRef.get(kind.value.ref);
        if (watch === undefined) return; // unwatched meanwhile
        const { ref: _, ...native } = toNative(SCHEMAS[kind.case as keyof typeof SCHEMAS], kind.value, this.exact) as { ref: bigint };
        watch.take({ type: kind.case, ...native } as WatchEvent);
    }

    connectionLost(): void {
        for (const watch of this.all) watch.lost();
    }

    connectionBack(): void {
        for (const watch of this.all) watch.again();
    }

    /** @internal */
    againSoon(watch: Watch): void {
        this.tryAgain.add(watch);
        if (this.tryAgain.size > 1) return;
        setTimeout(() => {
            const watches = [...this.tryAgain];
            this.tryAgain.clear();
            for (const one of watches) if (this.all.has(one)) one.again();
        }, 100).unref();
    }

    /** The client is closed; `cause` where that was not asked for. */
    close(cause: unknown): void {
        for (const watch of [...this.all]) {
            watch.end(cause === undefined ? undefined : new Closed("watch", false, cause));
        }
    }
}
