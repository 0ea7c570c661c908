// verbs: each verb of the driver as one call of the SDK. No logic of its own.
import { type DescMessage } from "@bufbuild/protobuf";
import * as pb from "../gen/peeper/v1/peeper_pb.js";
import { type Client, type Payload, type Target, incarnation } from "../src/index.js";
import { answerJson } from "./answers.js";
import { type Json, fromTagged, toTagged } from "./tagged.js";

/** Arguments of one request. */
export class Args {
    constructor(private readonly args: { [key: string]: Json }) {}

    text(name: string): string {
        return (this.args[name] ?? "") as string;
    }

    number(name: string): number | undefined {
        const value = this.args[name];
        return value === undefined || value === null ? undefined : Number(value);
    }

    /** 0, which the schema has for "the default", is the SDK's undefined. */
    ms(name: string): number | undefined {
        return this.number(name) || undefined;
    }

    uint64(name: string): bigint | undefined {
        const value = this.args[name];
        return value === undefined || value === null ? undefined : BigInt(value as string | number);
    }

    flag(name: string): boolean {
        return this.args[name] === true;
    }

    value(name: string): Payload {
        const value = this.args[name];
        return value === undefined ? undefined : fromTagged(value);
    }

    bytes(name: string): Uint8Array {
        return Buffer.from(this.text(name), "base64");
    }

    has(name: string): boolean {
        return this.args[name] !== undefined && this.args[name] !== null;
    }

    object(name: string): { [key: string]: Json } | undefined {
        return (this.args[name] ?? undefined) as { [key: string]: Json } | undefined;
    }

    /** {"name": ...} or {"incarnation": ...}. */
    target(name = "target"): Target {
        const { name: called, incarnation: id } = this.object(name) ?? {};
        return id !== undefined ? incarnation(BigInt(id as string)) : ((called ?? "") as string);
    }

    maybeTarget(name: string): Target | undefined {
        return this.has(name) ? this.target(name) : undefined;
    }

    child(): string | bigint {
        return this.uint64("incarnation") ?? this.text("child");
    }

    /** Drops what is undefined, and gives the rest whatever type the SDK asks for. */
    static options(options: object): never {
        return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
    }
}

type Verb = (client: Client, args: Args) => Promise<Json | object | void>;

const as = (schema: DescMessage, answer: object): Json => answerJson(schema, answer);
const page = (args: Args): never => Args.options({ cursor: args.uint64("cursor"), limit: args.number("limit") });
const timeout = (args: Args): never => Args.options({ timeoutMs: args.ms("timeout_ms") });
const key = (args: Args): string | undefined => args.text("idempotency_key") || undefined;

function startOptions(args: Args): never {
    const intensity = args.object("intensity");
    const keep = args.object("keep_tables");
    return Args.options({
        name: args.text("name"),
        argument: args.value("argument"),
        timeoutMs: args.ms("timeout_ms"),
        restart: args.text("restart") || undefined,
        onIntensity: args.text("on_intensity") || undefined,
        intensity: intensity && { restarts: Number(intensity["restarts"] ?? 0), periodMs: Number(intensity["period_ms"] ?? 0) },
        mailboxMax: args.number("mailbox_max"),
        link: args.flag("link"),
        monitor: args.flag("monitor"),
        noTrapExit: args.flag("no_trap_exit"),
        hibernateAfterMs: args.number("hibernate_after_ms"),
        isolation: args.text("isolation") || undefined,
        generations: args.number("generations"),
        stepBack: args.flag("step_back"),
        listener: args.text("listener"),
        keepTables: keep && (keep["names"] ?? []),
    });
}

async function reads(client: Client, args: Args, table: string): Promise<Json> {
    const options = { from: args.value("from"), prefix: args.text("prefix"), limit: args.number("limit") };
    return as(pb.RowsSchema, await client.rowsPage(args.target(), table, Args.options(options)));
}

export const VERBS: Record<string, Verb> = {
    ping: (client) => client.ping(),
    call: async (client, args) => {
        const options = Args.options({ deadlineMs: args.ms("deadline_ms"), idempotencyKey: key(args) });
        return { payload: toTagged(await client.call(args.target(), args.value("message"), options)) };
    },
    cast: (client, args) => client.cast(args.target(), args.value("message"), { idempotencyKey: key(args) }),
    send: (client, args) => client.send(args.target(), args.value("message")),
    start: async (client, args) => as(pb.StartedSchema, await client.start(args.text("behaviour"), startOptions(args))),
    stop: (client, args) =>
        client.stop(args.target(), Args.options({ reason: args.value("reason"), timeoutMs: args.ms("timeout_ms") })),
    kill: (client, args) => client.kill(args.target()),
    suspend: (client, args) => client.suspend(args.target()),
    resume: (client, args) => client.resume(args.target()),
    whereis: async (client, args) => as(pb.LocatedSchema, { id: await client.whereis(args.target()) }),
    list: async (client, args) =>
        as(pb.ListingSchema, await client.listPage({ prefix: args.text("prefix"), ...(page(args) as object) })),
    inspect: async (client, args) =>
        as(pb.ActorInfoSchema, await client.inspect(args.target(), Args.options({ version: args.uint64("version") }))),
    get_state: async (client, args) =>
        as(pb.StateInfoSchema, await client.getState(args.target(), Args.options({ version: args.uint64("version") }))),
    generations: async (client, args) => as(pb.GenerationsSchema, await client.generations(args.target())),
    restore_state: (client, args) => client.restoreState(args.target(), args.uint64("version") ?? 0n, timeout(args)),
    replace_state: (client, args) => client.replaceState(args.target(), args.value("state"), timeout(args)),
    tables: async (client, args) => as(pb.TableListingSchema, { tables: await client.tables(args.target()) }),
    rows: (client, args) => reads(client, args, args.text("table")),
    dictionary: (client, args) => reads(client, args, ""),
    crashes: async (client, args) =>
        as(pb.CrashListingSchema, await client.crashesPage({ name: args.text("name"), ...(page(args) as object) })),
    show_crash: async (client, args) => as(pb.CrashReportSchema, await client.showCrash(args.uint64("crash") ?? 0n)),
    redrive: async (client, args) => {
        const reply = await client.redrive(args.uint64("crash") ?? 0n, timeout(args));
        return reply === undefined ? {} : { payload: toTagged(reply) };
    },
    discard_crash: (client, args) => client.discardCrash(args.uint64("crash") ?? 0n),
    behaviours: async (client) => as(pb.BehaviourListingSchema, { behaviours: await client.behaviours() }),
    deploy: async (client, args) => {
        const options = Args.options({ extra: args.value("extra") });
        return as(pb.UpgradeReportSchema, await client.deploy(args.text("file"), args.bytes("content"), options));
    },
    upgrade: async (client, args) => {
        const options = Args.options({
            file: args.text("file"),
            content: args.bytes("content"),
            extra: args.value("extra"),
            dryRun: args.flag("dry_run"),
        });
        return as(pb.UpgradeReportSchema, await client.upgrade(args.text("behaviour"), options));
    },
    start_supervisor: async (client, args) => {
        const options = Args.options({ name: args.text("name"), timeoutMs: args.ms("timeout_ms") });
        return as(pb.StartedSchema, await client.startSupervisor(args.value("spec"), options));
    },
    start_child: async (client, args) =>
        as(pb.StartedSchema, await client.startChild(args.target(), args.value("spec"), timeout(args))),
    terminate_child: (client, args) => client.terminateChild(args.target(), args.child(), timeout(args)),
    restart_child: async (client, args) =>
        as(pb.StartedSchema, await client.restartChild(args.target(), args.text("child"), timeout(args))),
    delete_child: (client, args) => client.deleteChild(args.target(), args.text("child")),
    which_children: async (client, args) => {
        const options = { child: args.text("child"), ...(page(args) as object) };
        return as(pb.ChildrenSchema, await client.whichChildrenPage(args.maybeTarget("target"), options));
    },
    count_children: async (client, args) => as(pb.ChildCountsSchema, await client.countChildren(args.target())),
    get_child_spec: async (client, args) => ({ payload: toTagged(await client.getChildSpec(args.target(), args.child())) }),
    check_specs: (client, args) => client.checkSpecs(args.value("specs")),
    change_supervisor: (client, args) => client.changeSupervisor(args.target(), args.value("spec")),
    transfer: async (client, args) => {
        const options = Args.options({ source: args.maybeTarget("source"), timeoutMs: args.ms("timeout_ms") });
        return as(pb.StartedSchema, await client.transfer(args.target(), args.target("to"), options));
    },
    prepare_transfer: async (client, args) => {
        const options = Args.options({ source: args.maybeTarget("source") });
        return as(pb.TransferPreparedSchema, await client.prepareTransfer(args.target(), args.target("to"), options));
    },
    commit_transfer: async (client, args) =>
        as(pb.StartedSchema, await client.commitTransfer(args.uint64("handle") ?? 0n, timeout(args))),
    monitor: async (client, args) => as(pb.MonitoredSchema, await client.monitor(args.target())),
    demonitor: (client, args) => client.demonitor(args.uint64("ref") ?? 0n, { flush: args.flag("flush") }),
    link: async (client, args) => {
        await client.link(args.target());
    },
    unlink: (client, args) => client.unlink(args.target()),
    unwatch: (client, args) => client.unwatch(args.uint64("ref") ?? 0n),
};

// Other names under which the schema or the list of verbs knows them.
const ALIASES = {
    where_is: "whereis", list_generations: "generations", list_tables: "tables", read_table: "rows",
    list_crashes: "crashes", list_behaviours: "behaviours", prepare: "prepare_transfer", commit: "commit_transfer",
};
for (const [alias, verb] of Object.entries(ALIASES)) VERBS[alias] = VERBS[verb] as Verb;
