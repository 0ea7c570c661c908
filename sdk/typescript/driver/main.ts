// driver: the SDK for programs that speak JSON, so that one set of cases tests all SDKs. It reads one request a line
// on stdin and writes one answer or event a line on stdout, in whatever order they come.
import { createInterface } from "node:readline";
import * as pb from "../gen/peeper/v1/peeper_pb.js";
import { type Client, type ConnectOptions, type Watch, connect } from "../src/index.js";
import { answerJson, errorJson } from "./answers.js";
import { type Json } from "./tagged.js";
import { Args, VERBS } from "./verbs.js";

interface Request {
    id: Json;
    client?: string;
    verb: string;
    args?: { [key: string]: Json };
}

const clients = new Map<string, Client>();

function say(line: object): void {
    process.stdout.write(`${JSON.stringify(line)}\n`);
}

function tellEvents(name: string, client: Client): void {
    const tell = (event: string, fields: object): void => say({ client: name, event, ...fields });
    client.on("down", (down) => tell("down", answerJson(pb.DownSchema, down)));
    client.on("exit", (exit) => tell("exit", answerJson(pb.ExitSchema, exit)));
    client.on("goodbye", (message) => tell("goodbye", { message }));
    client.on("disconnected", (cause) => tell("disconnected", { message: cause.message }));
    client.on("reconnected", () => tell("reconnected", {}));
    client.on("refused", (cause) => tell("refused", { error: errorJson(cause) }));
    client.on("upgradeProgress", (progress) => tell("upgrade_progress", answerJson(pb.UpgradeProgressSchema, progress)));
}

const WATCH_EVENTS = {
    changed: ["changed", pb.ChangedSchema],
    ended: ["ended", pb.EndedSchema],
    gap: ["gap", pb.GapSchema],
    steppedBack: ["stepped_back", pb.StepBackSchema],
} as const;

async function tellChanges(name: string, watch: Watch): Promise<void> {
    for await (const event of watch) {
        const [word, schema] = WATCH_EVENTS[event.type];
        say({ client: name, event: word, ...answerJson(schema, { ...event, ref: watch.ref }) });
    }
}

/** Options of connect(): those of a hello, and the limits that all SDKs have. */
function connectOptions(args: Args): ConnectOptions {
    return Args.options({
        exact: true,
        token: args.has("token") ? args.text("token") : undefined,
        clientName: args.has("client") ? args.text("client") : undefined,
        connectTimeoutMs: args.number("connect_timeout_ms"),
        requestTimeoutMs: args.number("request_timeout_ms"),
        requestsMax: args.number("requests_max"),
    });
}

async function run({ client: name = "main", verb, args: given = {} }: Request): Promise<Json | object | void> {
    const args = new Args(given);
    if (verb === "features") return [...Object.keys(VERBS), "connect", "close", "watch", "features"].sort();
    if (verb === "connect") {
        const client = await connect(`${args.text("host") || "127.0.0.1"}:${args.number("port") ?? 7420}`, connectOptions(args));
        clients.set(name, client);
        tellEvents(name, client);
        return answerJson(pb.WelcomeSchema, client.welcome);
    }
    const client = clients.get(name);
    if (client === undefined) throw new Error(`there is no client "${name}"; connect first`);
    if (verb === "close") {
        clients.delete(name);
        return client.close();
    }
    if (verb === "watch") {
        const options = {
            prefix: args.flag("prefix"),
            fromVersion: args.uint64("from_version"),
            withOld: args.flag("with_old"),
            unit: args.uint64("unit"),
        };
        const watched = args.has("target") ? (args.target() as string) : args.text("name");
        const watch = await client.watch(watched, Args.options(options));
        tellChanges(name, watch).catch((error: unknown) => say({ client: name, event: "watch_failed", error: errorJson(error) }));
        return { ref: String(watch.ref) };
    }
    const known = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
    if (known === undefined) throw new Error(`there is no verb "${verb}"`);
    return known(client, args);
}

async function answer(line: string): Promise<void> {
    let id: Json = null;
    try {
        const request = JSON.parse(line) as Request;
        id = request.id;
        say({ id, ok: (await run(request)) ?? {} });
    } catch (error) {
        say({ id, error: errorJson(error) });
    }
}

// Requests are sent in the order of their lines: those that come behind a connect wait for it.
const open = new Set<Promise<void>>();
for await (const line of createInterface({ input: process.stdin })) {
    const answered = answer(line);
    open.add(answered);
    void answered.then(() => open.delete(answered));
    if (/"verb": *"(connect|close)"/.test(line)) await answered;
}
await Promise.all(open);
for (const client of clients.values()) await client.close();
