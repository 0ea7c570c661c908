import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
    type Client,
    Closed,
    Double,
    InvalidArgument,
    InvalidValue,
    ServerError,
    TooManyRequests,
    connect,
    errors,
    incarnation,
} from "../src/index.js";
import { Server } from "./server.js";

let server: Server;
let client: Client;
before(async () => {
    server = await Server.start();
    client = await connect(server.address);
});
after(async () => {
    await client.close();
    assert.equal(await server.stop(), 0);
});

async function all<T>(elements: AsyncIterable<T>): Promise<T[]> {
    const list = [];
    for await (const element of elements) list.push(element);
    return list;
}

const serverSays = (status: string) => (error: unknown) => error instanceof ServerError && error.status === status;

test("10,000 pipelined calls are answered in their order", async () => {
    await client.start("counter", { name: "ten-thousand" });
    const values = await Promise.all(Array.from({ length: 10_000 }, () => client.call("ten-thousand", "inc")));
    assert.deepStrictEqual(values, Array.from({ length: 10_000 }, (_, i) => i + 1));
});

test("calls to many actors, each with its own answer", async () => {
    const names = Array.from({ length: 50 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name, i) => client.start("counter", { name, argument: i })));
    assert.deepStrictEqual(await Promise.all(names.map((name) => client.call(name, "state"))), [...names.keys()]);
    const listed = await all(client.list({ prefix: "many-", limit: 7 }));
    assert.deepStrictEqual(listed.map((actor) => actor.name).sort(), [...names].sort());
});

test("values of every kind go through an actor unchanged", async () => {
    const value = { i: -(1n << 63n), d: 0.1, s: "ä", b: new Uint8Array([0, 255]), l: [null, true, NaN], m: {} };
    await client.start("cache", { name: "values" });
    assert.equal(await client.call("values", ["put", "k", value]), null);
    assert.deepStrictEqual(await client.call("values", ["get", "k"]), value);
    const exact = await connect(server.address, { exact: true });
    await exact.call("values", ["put", "e", [1n, new Double(1)]]);
    assert.deepStrictEqual(await exact.call("values", ["get", "e"]), [1n, new Double(1)]);
    await exact.close();
});

test("cast and send; start with options; inspect, whereis, kill, suspend, resume, stop", async () => {
    const started = await client.start("counter", {
        name: "life", argument: 5, restart: "permanent", onIntensity: "suspend", intensity: { restarts: 9, periodMs: 1000 },
        mailboxMax: 10, isolation: "shared", generations: 4, stepBack: true, keepTables: [], hibernateAfterMs: 60000,
    });
    assert.equal(typeof started.id, "bigint");
    assert.equal(started.ignored, false);
    await client.cast("life", "inc");
    await client.send("life", "inc");
    assert.equal(await client.call("life", "state"), 7);
    assert.equal(await client.call(started.id!, "inc", { deadlineMs: 1000 }), 8);

    const info = await client.inspect("life");
    assert.equal(info.incarnation, started.id);
    assert.equal(info.unit, started.unit);
    assert.equal(info.state?.value, 8);
    assert.ok(Math.abs((info.state?.atMs ?? 0) - Date.now()) < 60_000);
    assert.equal(info.isolation, "shared");

    assert.equal(await client.whereis("life"), started.id);
    await client.kill("life");
    assert.equal(await client.call("life", "state"), 8);
    assert.notEqual(await client.whereis("life"), started.id);
    await assert.rejects(client.call(started.id!, "state"), errors.Noproc);

    await client.suspend("life");
    assert.equal((await client.inspect("life")).suspended, true);
    await assert.rejects(client.call("life", "state", { deadlineMs: 20 }), errors.Timeout);
    await client.resume("life");
    assert.equal(await client.call("life", "state"), 8);
    await client.stop("life", { reason: ["done", 1] });
    assert.equal(await client.whereis("life"), undefined);
});

test("states: generations, get, restore, replace", async () => {
    await client.start("counter", { name: "states", generations: 4 });
    for (let i = 0; i < 3; i++) await client.call("states", "inc");
    const { generations, kept } = await client.generations("states");
    assert.equal(kept, 4);
    assert.deepStrictEqual(generations.map((one) => one.version), [4, 3, 2, 1]);
    assert.equal((await client.getState("states")).value, 3);
    assert.equal((await client.getState("states", { version: 2 })).value, 1);
    assert.equal((await client.inspect("states", { version: 3 })).state?.value, 2);
    await client.restoreState("states", 2);
    assert.equal(await client.call("states", "state"), 1);
    await client.replaceState("states", 40);
    assert.equal(await client.call("states", "inc"), 41);
    await assert.rejects(client.getState("states", { version: 1000 }), errors.NotFound);
    await assert.rejects(client.replaceState("states", "text"), errors.Refused);
});

test("tables and the dictionary, page by page", async () => {
    await client.start("shelf", { name: "tables" }).catch(() => undefined);
    const tables = await client.tables("tables");
    assert.ok(Array.isArray(tables));
    for (const table of tables) {
        if (!table.private) assert.equal((await all(client.rows("tables", table.name, { limit: 1 }))).length, table.rows);
    }
    await assert.rejects(all(client.rows("tables", "nothing")), errors.NotFound);
});

test("crashes: told, listed, shown, redriven, discarded", async () => {
    await client.start("counter", { name: "crash" });
    const error = await client.call("crash", "raise").catch((raised: unknown) => raised);
    assert.ok(error instanceof errors.Crashed);
    assert.equal(error.kind, "raise");
    assert.equal(error.retryable, false);
    const [crash] = await all(client.crashes({ name: "crash", limit: 1 }));
    assert.equal(crash?.kind, "raise");
    const shown = await client.showCrash(crash!.crash!);
    assert.equal(shown.payload, "raise");
    await assert.rejects(client.redrive(crash!.crash!), errors.Crashed);
    await client.discardCrash(crash!.crash!);
    await assert.rejects(client.showCrash(crash!.crash!), errors.NotFound);
});

test("supervisors: start, children, specs, transfer", async () => {
    const child = { id: "one", start: { behaviour: "counter", name: "tree-one", argument: 1 } };
    const top = await client.startSupervisor({ strategy: "one_for_one", children: [child] }, { name: "tree" });
    assert.equal(top.name, "tree");
    await client.startChild("tree", { id: "two", start: { behaviour: "counter" } });
    assert.deepStrictEqual((await all(client.whichChildren("tree", { limit: 1 }))).map((one) => one.id), ["two", "one"]);
    assert.deepStrictEqual(await client.countChildren("tree"), { specs: 2, active: 2, supervisors: 0, workers: 2 });
    await assert.rejects(client.restartChild("tree", "two"), errors.Running);
    await client.terminateChild("tree", "two");
    await assert.rejects(client.startChild("tree", { id: "two", start: { behaviour: "counter" } }), errors.AlreadyPresent);
    assert.ok((await client.restartChild("tree", "two")).id);
    await client.terminateChild("tree", "two");
    await client.deleteChild("tree", "two");
    const spec = (await client.getChildSpec("tree", "one")) as { restart: string };
    assert.equal(spec.restart, "permanent");
    await client.checkSpecs([child]);
    const bad = await client.checkSpecs([{ ...child, restart: "often" }]).catch((error: unknown) => error);
    assert.ok(bad instanceof errors.BadSpec);
    assert.deepStrictEqual(bad.reason, ["invalid_restart", "often"]);
    await client.changeSupervisor("tree", { strategy: "one_for_all", intensity: 1, max_children: 1 });
    await assert.rejects(client.startChild("tree", { id: "three", start: { behaviour: "counter" } }), errors.MaxChildren);

    await client.startSupervisor({ children: [] }, { name: "other" });
    const prepared = await client.prepareTransfer("tree-one", "other", { source: "tree" });
    assert.ok(prepared.validMs > 0);
    assert.ok((await client.commitTransfer(prepared.handle)).id);
    await assert.rejects(client.commitTransfer(prepared.handle), errors.Conflict);
    const back = await client.transfer("tree-one", "tree", { source: "other" });
    assert.equal(back.name, "tree-one");
    await assert.rejects(client.call("tree", "hello"), errors.Invalid);
    await client.startSupervisor(
        { strategy: "simple_one_for_one", children: [{ id: "x", start: { behaviour: "counter" } }] },
        { name: "simple" },
    );
    await assert.rejects(client.terminateChild("simple", "x"), errors.SimpleOneForOne);
    const { id } = await client.startChild("simple", {});
    await client.terminateChild("simple", id!);
    for (const name of ["tree", "other", "simple"]) await client.stop(name);
});

test("behaviours, deploy, upgrade", async () => {
    const listed = await client.behaviours();
    const counter = listed.find((one) => one.name === "counter" && one.kind === "native");
    assert.equal(counter?.current, true);
    await assert.rejects(client.deploy("x.so", new Uint8Array([1])), errors.Forbidden);
    await assert.rejects(client.deploy("broken.lua", Buffer.from("return {")), errors.Refused);
    await assert.rejects(client.upgrade("nothing"), serverSays("UNKNOWN_BEHAVIOUR"));
});

test("typed errors of the server", async () => {
    await client.start("counter", { name: "typed", mailboxMax: 1 });
    const holder = await client.whereis("typed");
    const taken = await client.start("counter", { name: "typed" }).catch((error: unknown) => error);
    assert.ok(taken instanceof errors.AlreadyStarted);
    assert.equal(BigInt(taken.reason as number | bigint), holder);
    await assert.rejects(client.call("nobody", 1), errors.Noproc);
    await assert.rejects(client.start("nothing"), errors.UnknownBehaviour);
    await assert.rejects(client.start("counter", { argument: "x" }), errors.Refused);
    await assert.rejects(client.call("typed", ["sleep", 200], { deadlineMs: 20 }), errors.Timeout);
    const full = await Promise.allSettled(Array.from({ length: 20 }, () => client.call("typed", "inc")));
    assert.ok(full.some((one) => one.status === "rejected" && one.reason instanceof errors.MailboxFull && one.reason.retryable));
    await client.start("counter", { name: "stopped" });
    const [, , behind] = await Promise.allSettled([
        client.call("stopped", ["sleep", 50]),
        client.stop("stopped", { reason: "enough" }),
        client.call("stopped", "inc"),
    ]);
    const down = (behind as PromiseRejectedResult).reason as unknown;
    assert.ok(down instanceof errors.Down);
    assert.equal(down.reason, "enough");
    await assert.rejects(client.showCrash(1n << 40n), errors.NotFound);
    const large = await client.cast("typed", new Uint8Array(5 << 20)).catch((error: unknown) => error);
    assert.ok(large instanceof errors.TooLarge);
    assert.match(large.message, /send less at once/);
});

test("wrong arguments are told before anything is sent", async () => {
    const wrong: [() => Promise<unknown>, RegExp][] = [
        [() => client.call("", 1), /names nobody/],
        [() => client.call(5 as never, 1), /bigint/],
        [() => client.call("a", 1, { deadlineMs: 0 }), /deadlineMs/],
        [() => client.start("counter", { restart: "often" as never }), /restart is "often"/],
        [() => client.start("counter", { mailboxMax: -1 }), /mailboxMax/],
        [() => client.stop("a", { timeoutMs: 1.5 }), /timeoutMs/],
        [() => client.showCrash(-1), /crash/],
        [() => connect("a b"), /no address/],
        [() => connect("host:99999"), /port/],
        [() => connect("host", { requestsMax: 0 }), /requestsMax/],
        [() => connect("host", { tokens: "x" } as never), /no option "tokens"/],
    ];
    for (const [request, message] of wrong) {
        await assert.rejects(request, (error) => error instanceof InvalidArgument && message.test(error.message));
    }
    assert.throws(() => incarnation(0n), InvalidArgument);
    await assert.rejects(client.call("a", 1n << 70n), InvalidValue);
    assert.equal(await client.call("ten-thousand", "state"), 10_000);
});

test("a signal gives a request up, before and after it is sent", async () => {
    await client.start("counter", { name: "cancelled" });
    await assert.rejects(client.call("cancelled", "inc", { signal: AbortSignal.abort() }), { name: "AbortError" });
    const controller = new AbortController();
    const slow = client.call("cancelled", ["sleep", 100], { signal: controller.signal });
    setImmediate(() => controller.abort(new Error("enough")));
    await assert.rejects(slow, /enough/);
    await assert.rejects(client.call("cancelled", ["sleep", 100], { signal: AbortSignal.timeout(10) }), { name: "TimeoutError" });
    assert.equal(await client.call("cancelled", "state"), 0);
});

test("more requests than may be on the way wait; more than may wait are told", async () => {
    const small = await connect(server.address, { requestsMax: 2, waitingMax: 3 });
    const calls = Array.from({ length: 6 }, () => small.call("ten-thousand", "state"));
    const settled = await Promise.allSettled(calls);
    assert.deepStrictEqual(settled.map((one) => one.status), [...Array<string>(5).fill("fulfilled"), "rejected"]);
    assert.ok((settled[5] as PromiseRejectedResult).reason instanceof TooManyRequests);
    // A request that waits can be given up; it is never sent.
    await small.start("counter", { name: "small" });
    const slow = [small.call("small", ["sleep", 50]), small.call("small", ["sleep", 1])];
    const controller = new AbortController();
    const waiting = small.call("small", "inc", { signal: controller.signal });
    controller.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    await Promise.all(slow);
    assert.equal(await small.call("small", "state"), 0);
    await small.close();
});

test("after close() everything says so; twice is fine", async () => {
    const other = await connect(server.address);
    await other.start("counter", { name: "closing" });
    const waiting = other.call("closing", ["sleep", 300]);
    setTimeout(() => void other.close(), 20);
    await assert.rejects(waiting, (error) => error instanceof Closed && error.maybeRan);
    await other.close();
    await assert.rejects(other.ping(), /connect\(\) makes another one/);
});
