// ties: the monitors and links of a client. They end with the incarnation, or with the connection: then the reason is
// "noconnection", as in Erlang.
import { DownSchema, type Event, ExitSchema } from "../gen/peeper/v1/peeper_pb.js";
import { type Down, type Exit } from "./answers.js";
import { toNative } from "./native.js";
import { type Target } from "./target.js";

/** Something that comes once, as a promise and as an iterator of at most one. */
abstract class Once<T> {
    /** Resolves once, never rejects; with undefined where it was ended before anything came. */
    protected readonly coming: Promise<T | undefined>;
    private resolve!: (value: T | undefined) => void;

    constructor() {
        this.coming = new Promise((resolve) => (this.resolve = resolve));
    }

    /** @internal */
    settle(value: T | undefined): void {
        this.resolve(value);
    }

    async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
        const value = await this.coming;
        if (value !== undefined) yield value;
    }
}

/** Watches one incarnation until its end. */
export class Monitor extends Once<Down> {
    /** @internal */
    constructor(
        /** Unique on its server. */
        readonly ref: bigint,
        readonly target: Target,
        private readonly end: (monitor: Monitor, flush: boolean) => Promise<void>,
    ) {
        super();
    }

    /** The end of the incarnation; undefined after demonitor(). Never rejects. */
    get down(): Promise<Down | undefined> {
        return this.coming;
    }

    /** Ends it. With `flush` a Down that is on its way is thrown away. */
    demonitor(options: { flush?: boolean } = {}): Promise<void> {
        return this.end(this, options.flush ?? false);
    }
}

/** Ties the connection and one incarnation to each other. */
export class Link extends Once<Exit> {
    /** @internal */
    constructor(
        readonly target: Target,
        private readonly end: (target: Target) => Promise<void>,
    ) {
        super();
    }

    /** The end of the incarnation; undefined after unlink(). Never rejects. */
    get exit(): Promise<Exit | undefined> {
        return this.coming;
    }

    /** Removes it; no Exit follows. */
    unlink(): Promise<void> {
        return this.end(this.target);
    }
}

export interface TiesEvents {
    onDown: (down: Down) => void;
    onExit: (exit: Exit) => void;
}

export class Ties {
    private readonly monitors = new Map<bigint, Monitor>();
    private readonly links = new Map<Target, Link>();

    constructor(
        private readonly exact: boolean,
        private readonly events: TiesEvents,
    ) {}

    addMonitor(ref: bigint, target: Target, end: (monitor: Monitor, flush: boolean) => Promise<void>): Monitor {
        const monitor = new Monitor(ref, target, end);
        this.monitors.set(ref, monitor);
        return monitor;
    }

    /** Links do not count up: a second one is the first. */
    addLink(target: Target, end: (target: Target) => Promise<void>): Link {
        const link = this.links.get(target) ?? new Link(target, end);
        this.links.set(target, link);
        return link;
    }

    dropMonitor(ref: bigint): void {
        this.monitors.get(ref)?.settle(undefined);
        this.monitors.delete(ref);
    }

    dropLink(target: Target): void {
        this.links.get(target)?.settle(undefined);
        this.links.delete(target);
    }

    /** Takes a Down or an Exit. */
    take(kind: Event["kind"]): void {
        if (kind.case === "down") this.takeDown(toNative(DownSchema, kind.value, this.exact) as Down);
        else if (kind.case === "exit") this.takeExit(toNative(ExitSchema, kind.value, this.exact) as Exit);
    }

    connectionLost(): void {
        const reason = "noconnection";
        for (const { ref, target } of [...this.monitors.values()]) {
            this.takeDown(typeof target === "string" ? { ref, name: target, reason } : { ref, id: target, name: "", reason });
        }
        for (const { target } of [...this.links.values()]) {
            this.takeExit(typeof target === "string" ? { name: target, reason } : { id: target, name: "", reason });
        }
    }

    private takeDown(down: Down): void {
        const monitor = this.monitors.get(down.ref as bigint);
        if (monitor === undefined) return; // demonitored with flush
        this.monitors.delete(monitor.ref);
        monitor.settle(down);
        this.events.onDown(down);
    }

    private takeExit(exit: Exit): void {
        const targets: (Target | undefined)[] = [exit.name, exit.id];
        for (const target of targets) {
            if (target === undefined) continue;
            this.links.get(target)?.settle(exit);
            this.links.delete(target);
        }
        this.events.onExit(exit);
    }
}
