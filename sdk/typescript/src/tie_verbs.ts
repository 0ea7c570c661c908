// tie_verbs: monitors, links and watches.
import { type ServerFrame, StartedSchema } from "../gen/peeper/v1/peeper_pb.js";
import { type Started } from "./actor_verbs.js";
import { type Answer } from "./answers.js";
import { toNative } from "./native.js";
import { checkWhole } from "./options.js";
import { ProtocolViolation } from "./peeper_error.js";
import { type AnswerBody } from "./requests.js";
import { type Incarnation, type Target, targetFields } from "./target.js";
import { type Link, Monitor, type Ties } from "./ties.js";
import { decodePayload } from "./value.js";
import { type ReadOptions, type RequestOptions, Verbs, uint64 } from "./verbs.js";
import { Watch, type Watches } from "./watch.js";

export interface WatchOptions extends RequestOptions {
    /** `name` is what names begin with; "" means all actors that have a name. */
    prefix?: boolean | undefined;
    /** The first version that is wanted; 1: also the newest state. Default: what comes from now on. Not with prefix. */
    fromVersion?: number | bigint | undefined;
    /** The unit whose versions fromVersion counts. */
    unit?: bigint | undefined;
    /** Changed events have the state before. */
    withOld?: boolean | undefined;
    /** Events that are kept for a slow consumer; default: the client's eventsMax. */
    eventsMax?: number | undefined;
}

function wrong(body: AnswerBody, wanted: string): ProtocolViolation {
    return new ProtocolViolation(`an answer of the kind "${body.case}", not "${wanted}"`);
}

export abstract class TieVerbs extends Verbs {
    /** @internal */
    protected abstract readonly ties: Ties;
    /** @internal */
    protected abstract readonly watches: Watches;

    /** Watches one incarnation: `(await monitor.down)?.reason`. Nobody there: Down with the reason "noproc". */
    async monitor(target: Target, options: ReadOptions = {}): Promise<Monitor> {
        const treatment = {
            ...this.reads(options),
            undo: (body: AnswerBody) => {
                if (body.case === "monitored") this.forget({ case: "demonitor", value: { ref: body.value.ref, flush: true } });
            },
        };
        return this.ask({ case: "monitor", value: targetFields(target) }, treatment, (body) => {
            if (body.case !== "monitored") throw wrong(body, "monitored");
            return this.ties.addMonitor(body.value.ref, target, this.endMonitor);
        });
    }

    /** Ends a monitor. One that is over is no error. With `flush` a Down that is on its way is thrown away. */
    async demonitor(monitor: Monitor | bigint, options: ReadOptions & { flush?: boolean } = {}): Promise<void> {
        const ref = monitor instanceof Monitor ? monitor.ref : uint64("ref", monitor);
        const flush = options.flush ?? false;
        if (flush) this.ties.dropMonitor(ref);
        await this.ask({ case: "demonitor", value: { ref, flush } }, this.reads(options), (body) => {
            if (body.case !== "done") throw wrong(body, "done");
            this.ties.dropMonitor(ref);
        });
    }

    /** Ties this connection and one incarnation to each other: `(await link.exit)?.reason`. Nobody there: "noproc". */
    async link(target: Target, options: ReadOptions = {}): Promise<Link> {
        const fields = targetFields(target);
        const treatment = { ...this.reads(options), undo: () => this.forget({ case: "unlink", value: fields }) };
        return this.ask({ case: "link", value: fields }, treatment, (body) => {
            if (body.case !== "done") throw wrong(body, "done");
            return this.ties.addLink(target, this.endLink);
        });
    }

    /** Removes a link; where there is none it does nothing. */
    async unlink(target: Target, options: ReadOptions = {}): Promise<void> {
        await this.ask({ case: "unlink", value: targetFields(target) }, this.reads(options), (body) => {
            if (body.case !== "done") throw wrong(body, "done");
            this.ties.dropLink(target);
        });
    }

    /** Tells each committed change of one actor's state, or of all whose names begin so. See Watch. */
    async watch(name: string, options: WatchOptions = {}): Promise<Watch> {
        const { signal } = options;
        const eventsMax = options.eventsMax ?? this.session.options.eventsMax;
        signal?.throwIfAborted();
        const opening = this.watches.open(
            {
                name,
                prefix: options.prefix ?? false,
                fromVersion: uint64("fromVersion", options.fromVersion),
                withOld: options.withOld ?? false,
                unit: uint64("unit", options.unit),
            },
            checkWhole("eventsMax", eventsMax, 1, 1 << 24),
            signal,
        );
        return opening;
    }

    /** Ends a watch; its iterators are done. One that is over is no error. */
    async unwatch(watch: Watch | bigint, options: ReadOptions = {}): Promise<void> {
        const found = watch instanceof Watch ? watch : this.watches.find(watch);
        if (found !== undefined) await found.close();
        else await this.do({ case: "unwatch", value: { ref: watch as bigint } }, this.reads(options));
    }

    /** @internal */
    protected payload(bytes: Uint8Array): Answer {
        return decodePayload(bytes, this.session.options.exact);
    }

    /** @internal What Started says, with its monitor and its link. */
    protected started(body: AnswerBody, link: boolean | undefined): Started {
        if (body.case !== "started") throw wrong(body, "started");
        const { monitor, ...started } = toNative(StartedSchema, body.value, this.session.options.exact) as Started & {
            monitor?: bigint;
        };
        const result: Started = started;
        const id = started.id as Incarnation;
        if (typeof monitor === "bigint") result.monitor = this.ties.addMonitor(monitor, id, this.endMonitor);
        if (link === true && !started.ignored) result.link = this.ties.addLink(id, this.endLink);
        return result;
    }

    /** @internal Nobody knows of the actor that was started; only its ties are taken back. */
    protected undoStarted(body: ServerFrame["body"], link: boolean | undefined): void {
        if (body.case !== "started") return;
        const { id, monitor } = body.value;
        if (monitor !== 0n) this.forget({ case: "demonitor", value: { ref: monitor, flush: true } });
        if (link === true && id !== 0n) this.forget({ case: "unlink", value: { id } });
    }

    /** Takes something back that nobody asks for; if the connection ends meanwhile it is gone anyway. */
    private forget(body: Parameters<typeof this.do>[0]): void {
        this.do(body, this.acts({})).catch(() => undefined);
    }

    private readonly endMonitor = (monitor: Monitor, flush: boolean): Promise<void> => this.demonitor(monitor, { flush });
    private readonly endLink = (target: Target): Promise<void> => this.unlink(target);
}
