import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fromTagged, toTagged } from "../driver/tagged.js";
import { decodePayload, encodePayload } from "../src/index.js";
import { Server } from "./server.js";

type Line = { id?: number; ok?: unknown; error?: Record<string, unknown>; event?: string; [field: string]: unknown };

let server: Server;
let driver: ChildProcess;
const events: Line[] = [];
const arrivals = new EventEmitter();
const waiting = new Map<number, (line: Line) => void>();
let lastId = 0;

before(async () => {
    server = await Server.start();
    const program = fileURLToPath(new URL("../driver/main.js", import.meta.url));
    driver = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: driver.stdout! }).on("line", (text) => {
        const line = JSON.parse(text) as Line;
        // An event may have an "id", too: that of an incarnation.
        if (line.event !== undefined) {
            events.push(line);
            arrivals.emit("event");
        } else waiting.get(line.id as number)?.(line);
    });
});
after(async () => {
    const ended = once(driver, "exit");
    driver.stdin!.end();
    assert.deepStrictEqual(await ended, [0, null]);
    await server.stop();
});

function ask(verb: string, args: object = {}): Promise<Line> {
    const id = ++lastId;
    return new Promise((resolve) => {
        waiting.set(id, resolve);
        driver.stdin!.write(`${JSON.stringify({ id, client: "main", verb, args })}\n`);
    });
}

async function ok(verb: string, args: object = {}): Promise<Record<string, any>> {
    const line = await ask(verb, args);
    assert.equal(line.error, undefined, JSON.stringify(line));
    return line.ok as Record<string, any>;
}

/** The first event of that kind, once it is there. */
async function event(kind: string): Promise<Line> {
    for (;;) {
        const found = events.find((line) => line.event === kind);
        if (found !== undefined) return found;
        await once(arrivals, "event");
    }
}

test("tagged Values go through the SDK unchanged", () => {
    const tagged = [
        null, true, "text", { int: "-9223372036854775808" }, { int: "1" }, { double: "0.1" }, { double: "2" }, { double: "nan" },
        { double: "-inf" }, { double: "-0" }, { double: "1e+300" }, { bytes: "AP8=" }, [{ int: "9223372036854775807" }],
        { map: [["__proto__", { int: "1" }], ["a", []]] },
    ];
    for (const one of tagged) {
        assert.deepStrictEqual(toTagged(decodePayload(encodePayload(fromTagged(one)), true)), one);
    }
});

test("a session: connect, start, call, look, errors, events", async () => {
    const [host, port] = server.address.split(":") as [string, string];
    const connecting = ask("connect", { host, port: Number(port) });
    const started = await ok("start", { behaviour: "counter", name: "d", argument: { int: "5" }, monitor: true, restart: "temporary" });
    const welcome = (await connecting).ok as { protocol_version: number; limits: { name_bytes_max: number } };
    assert.deepStrictEqual([welcome.protocol_version, welcome.limits.name_bytes_max], [1, 255]);
    assert.match(started["id"], /^\d+$/);
    assert.match(started["monitor"], /^\d+$/);
    assert.deepStrictEqual(await ok("call", { target: { name: "d" }, message: "inc" }), { payload: { int: "6" } });
    assert.deepStrictEqual(await ok("call", { target: { incarnation: started["id"] }, message: ["add", { int: "-7" }] }), {
        payload: { int: "-1" },
    });
    const info = await ok("inspect", { target: { name: "d" } });
    assert.equal(info["isolation"], "shared");
    assert.deepStrictEqual(info["state"].value, { int: "-1" });
    assert.equal(info["state"].version, "3");
    assert.deepStrictEqual(await ok("whereis", { target: { name: "nobody" } }), {});

    const { error } = await ask("start", { behaviour: "counter", name: "d" });
    assert.equal(error?.["status"], "ALREADY_STARTED");
    assert.deepStrictEqual(error["reason"], { int: started["id"] });
    const local = await ask("call", { target: { name: "d" }, message: { int: "9223372036854775808" } });
    assert.equal(local.error?.["local"], "InvalidValue");

    const { ref } = await ok("watch", { name: "d", from_version: "1" });
    await ok("stop", { target: { name: "d" }, reason: ["bye"] });
    const down = await event("down");
    const { id, monitor: downRef } = started;
    assert.deepStrictEqual(down, { client: "main", event: "down", ref: downRef, id, name: "d", reason: ["bye"] });
    const ended = await event("ended");
    assert.deepStrictEqual([ended["ref"], ended["reason"], ended["value"]], [ref, ["bye"], { int: "-1" }]);
    assert.equal((await event("changed"))["name"], "d");
});

test("every verb of the list is known, and others are told", async () => {
    const verbs = (await ask("features")).ok as string[];
    const wanted =
        "call cast send start stop kill suspend resume whereis list inspect get_state generations restore_state " +
        "replace_state tables rows dictionary crashes show_crash redrive discard_crash behaviours deploy upgrade " +
        "start_supervisor start_child terminate_child restart_child delete_child which_children count_children " +
        "get_child_spec check_specs change_supervisor transfer prepare_transfer commit_transfer monitor demonitor link " +
        "unlink watch unwatch ping close connect features";
    for (const verb of wanted.split(" ")) assert.ok(verbs.includes(verb), verb);
    assert.match(String((await ask("dance")).error?.["message"]), /no verb "dance"/);
});

test("every verb does something with little", async () => {
    const spec = { map: [["children", []]] };
    await ok("start", { behaviour: "counter", name: "e", generations: 3, intensity: { restarts: 2, period_ms: 10 } });
    const target = { name: "e" };
    for (const verb of ["cast", "send"]) assert.deepStrictEqual(await ok(verb, { target, message: "inc" }), {});
    for (const verb of ["suspend", "resume", "tables", "generations", "get_state", "link", "unlink"]) await ok(verb, { target });
    await ok("replace_state", { target, state: { int: "3" } });
    await ok("restore_state", { target, version: "2" });
    assert.deepStrictEqual((await ask("rows", { target, table: "none" })).error?.["status"], "NOT_FOUND");
    assert.ok(Array.isArray((await ok("list", { prefix: "e" }))["actors"]));
    assert.equal((await ask("call", { target, message: "raise" })).error?.["kind"], "raise");
    const { crash } = (await ok("crashes", { name: "e" }))["reports"][0];
    assert.equal((await ok("show_crash", { crash }))["payload"], "raise");
    assert.equal((await ask("redrive", { crash })).error?.["status"], "CRASHED");
    await ok("discard_crash", { crash });
    assert.ok((await ok("behaviours"))["behaviours"][0].callbacks.length > 0);
    assert.equal((await ask("deploy", { file: "x.so", content: "AA==" })).error?.["status"], "FORBIDDEN");
    assert.equal((await ask("upgrade", { behaviour: "none" })).error?.["status"], "UNKNOWN_BEHAVIOUR");
    await ok("start_supervisor", { name: "s", spec });
    await ok("start_supervisor", { name: "t", spec });
    const child = { map: [["id", "c"], ["start", { map: [["behaviour", "counter"], ["name", "moved"]] }]] };
    await ok("start_child", { target: { name: "s" }, spec: child });
    await ok("transfer", { target: { name: "moved" }, to: { name: "t" } });
    const { handle } = await ok("prepare_transfer", { target: { name: "moved" }, to: { name: "s" }, source: { name: "t" } });
    await ok("commit_transfer", { handle });
    assert.equal((await ok("count_children", { target: { name: "s" } }))["active"], 1);
    await ok("get_child_spec", { target: { name: "s" }, child: "c" });
    await ok("check_specs", { specs: [child] });
    await ok("change_supervisor", { target: { name: "s" }, spec: { map: [["intensity", { int: "1" }]] } });
    await ok("terminate_child", { target: { name: "s" }, child: "c" });
    await ok("restart_child", { target: { name: "s" }, child: "c" });
    await ok("terminate_child", { target: { name: "s" }, child: "c" });
    await ok("delete_child", { target: { name: "s" }, child: "c" });
    await ok("which_children", {});
    const { ref } = await ok("monitor", { target });
    await ok("demonitor", { ref, flush: true });
    await ok("kill", { target });
    await ok("unwatch", { ref: "12345" });
    await ok("close");
});
