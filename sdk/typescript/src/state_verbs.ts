// state_verbs: looking at actors, their states, tables and crashes. Looking neither wakes an actor nor waits for it.
import {
    type ActorInfo,
    type ActorPage,
    type CrashPage,
    type CrashReport,
    type Generations,
    type Row,
    type RowPage,
    type StateInfo,
    type TableInfo,
} from "./answers.js";
import { ActorVerbs } from "./actor_verbs.js";
import { ProtocolViolation } from "./peeper_error.js";
import { type Incarnation, type Target, targetFields } from "./target.js";
import { type Payload, encodePayload } from "./value.js";
import { type ReadOptions, type TimeoutOptions, allPages, uint32, uint64 } from "./verbs.js";

/** Of what comes in pages. */
export interface PageOptions extends ReadOptions {
    /** `next` of the page before; none: the first page. */
    cursor?: bigint | number | undefined;
    /** Elements of a page, at most 1000; default 100. */
    limit?: number | undefined;
}

/** Of iterators over all pages; `timeoutMs` is that of each page. */
export interface AllOptions extends ReadOptions {
    /** Elements that are asked for at once, at most 1000; default 100. */
    limit?: number | undefined;
}

export interface RowOptions extends AllOptions {
    /** Only rows whose key is a string that begins so. */
    prefix?: string | undefined;
}

export abstract class StateVerbs extends ActorVerbs {
    /** The present incarnation; undefined: nobody. */
    async whereis(target: Target, options: ReadOptions = {}): Promise<Incarnation | undefined> {
        return this.ask({ case: "whereIs", value: targetFields(target) }, this.reads(options), (body) => {
            if (body.case !== "located") throw new ProtocolViolation(`an answer of the kind "${body.case}" to whereis`);
            return body.value.id === 0n ? undefined : (body.value.id as Incarnation);
        });
    }

    /** All actors whose name begins with `prefix`, without states, in no order that means anything. */
    list(options: AllOptions & { prefix?: string } = {}): AsyncGenerator<ActorInfo, void, undefined> {
        return allPages(
            (cursor: bigint | undefined) => this.listPage({ ...options, cursor }),
            (page) => page.actors,
        );
    }

    /** One page of list(). It may be short, even empty, while `next` is there. */
    async listPage(options: PageOptions & { prefix?: string } = {}): Promise<ActorPage> {
        const value = {
            prefix: options.prefix ?? "",
            cursor: uint64("cursor", options.cursor),
            limit: uint32("limit", options.limit),
        };
        return this.get({ case: "list", value }, this.reads(options), "listing");
    }

    /** All that is known of one actor, with its newest state, or that of `version`. */
    async inspect(target: Target, options: ReadOptions & { version?: number | bigint } = {}): Promise<ActorInfo> {
        const value = { ...targetFields(target), version: uint64("version", options.version) };
        return this.get({ case: "inspect", value }, this.reads(options), "actorInfo");
    }

    /** The newest committed state, or that of `version`. */
    async getState(target: Target, options: ReadOptions & { version?: number | bigint } = {}): Promise<StateInfo> {
        const value = { ...targetFields(target), version: uint64("version", options.version) };
        return this.get({ case: "getState", value }, this.reads(options), "state");
    }

    /** Which states of the actor the server still has. */
    async generations(target: Target, options: ReadOptions = {}): Promise<Generations> {
        return this.get({ case: "listGenerations", value: targetFields(target) }, this.reads(options), "generations");
    }

    /** Gives the actor the state of one of its generations; it becomes a new version. */
    async restoreState(target: Target, version: number | bigint, options: TimeoutOptions = {}): Promise<void> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { ...targetFields(target), version: uint64("version", version), timeoutMs };
        await this.do({ case: "restoreState", value }, this.waits(timeoutMs, options));
    }

    /** Gives the actor another state, before all messages that wait for it. */
    async replaceState(target: Target, state: Payload, options: TimeoutOptions = {}): Promise<void> {
        const timeoutMs = this.waitMs(options.timeoutMs);
        const value = { ...targetFields(target), state: encodePayload(state), timeoutMs };
        await this.do({ case: "replaceState", value }, this.waits(timeoutMs, options));
    }

    /** Which tables the actor has. */
    async tables(target: Target, options: ReadOptions = {}): Promise<TableInfo[]> {
        const listing = await this.get<{ tables: TableInfo[] }>(
            { case: "listTables", value: targetFields(target) },
            this.reads(options),
            "tableListing",
        );
        return listing.tables;
    }

    /** All rows of a table. NotFound where the row at the end of a page went from a table without order meanwhile. */
    rows(target: Target, table: string, options: RowOptions = {}): AsyncGenerator<Row, void, undefined> {
        return allPages(
            (from: Payload) => this.rowsPage(target, table, { ...options, from }),
            (page) => page.rows,
        );
    }

    /** All entries of the actor's dictionary. */
    dictionary(target: Target, options: RowOptions = {}): AsyncGenerator<Row, void, undefined> {
        return this.rows(target, "", options);
    }

    /** One page of rows(): those after the key `from`, which is `next` of the page before. */
    async rowsPage(target: Target, table: string, options: RowOptions & { from?: Payload } = {}): Promise<RowPage> {
        const value = {
            ...targetFields(target),
            table,
            prefix: options.prefix ?? "",
            from: encodePayload(options.from),
            limit: uint32("limit", options.limit),
        };
        return this.get({ case: "readTable", value }, this.reads(options), "rows");
    }

    /** The crash log, newest first, without messages; only of one actor where `name` is given. */
    crashes(options: AllOptions & { name?: string } = {}): AsyncGenerator<CrashReport, void, undefined> {
        return allPages(
            (cursor: bigint | undefined) => this.crashesPage({ ...options, cursor }),
            (page) => page.reports,
        );
    }

    /** One page of crashes(). */
    async crashesPage(options: PageOptions & { name?: string } = {}): Promise<CrashPage> {
        const value = {
            name: options.name ?? "",
            cursor: uint64("cursor", options.cursor),
            limit: uint32("limit", options.limit),
        };
        return this.get({ case: "listCrashes", value }, this.reads(options), "crashListing");
    }

    /** One crash with its message. */
    async showCrash(crash: bigint | number, options: ReadOptions = {}): Promise<CrashReport> {
        const value = { crash: uint64("crash", crash) };
        return this.get({ case: "showCrash", value }, this.reads(options), "crashReport");
    }

    /** Removes a crash from the log. */
    async discardCrash(crash: bigint | number, options: ReadOptions = {}): Promise<void> {
        await this.do({ case: "discardCrash", value: { crash: uint64("crash", crash) } }, this.acts(options));
    }
}
