import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Changed, type Client, type WatchEvent, connect, errors } from "../src/index.js";
import { type Watch } from "../src/watch.js";
import { FakeServer, Proxy, next } from "./peers.js";
import { Server } from "./server.js";

let server: Server;
let client: Client;
before(async () => {
    server = await Server.start();
    client = await connect(server.address);
});
after(async () => {
    await client.close();
    await server.stop();
});

/** The next so many events. */
async function take(watch: Watch, count: number): Promise<WatchEvent[]> {
    const events = [];
    for (let i = 0; i < count; i++) {
        const { value, done } = await watch.next();
        assert.ok(done !== true);
        events.push(value as WatchEvent);
    }
    return events;
}

const brief = (event: WatchEvent): unknown[] =>
    event.type === "gap"
        ? ["gap", event.name, event.firstVersion, event.lastVersion]
        : event.type === "steppedBack"
          ? ["steppedBack", event.step.from, event.step.to]
          : [event.type, event.version, event.value];

test("changes come in order, with the state before where it is wanted, and the end", async () => {
    const { unit } = await client.start("counter", { name: "w" });
    const watch = await client.watch("w", { withOld: true });
    await client.call("w", "inc");
    await client.call("w", "state");
    await client.call("w", ["add", 2]);
    await client.stop("w", { reason: "bye" });
    const [one, two, end] = await take(watch, 3);
    assert.ok(one?.type === "changed" && end?.type === "ended");
    assert.deepStrictEqual([one.unit, one.version, one.value, one.old], [unit, 2, 1, { value: 0 }]);
    assert.ok(Math.abs(one.atMs - Date.now()) < 60_000);
    assert.deepStrictEqual(brief(two!), ["changed", 3, 3]);
    assert.deepStrictEqual([end.reason, end.version, end.value], ["bye", 3, 3]);
    await watch.close();
});

test("leaving the loop ends the watch; close() ends a loop that waits", async () => {
    await client.start("counter", { name: "loop" });
    for await (const event of await client.watch("loop", { fromVersion: 1 })) {
        assert.deepStrictEqual(brief(event), ["changed", 1, 0]);
        break;
    }
    assert.equal((await client.inspect("loop")).watchers, 0);
    const watch = await client.watch("loop");
    const waiting = watch.next();
    await client.unwatch(watch);
    assert.deepStrictEqual(await waiting, { value: undefined, done: true });
    assert.deepStrictEqual(await watch.next(), { value: undefined, done: true });
    await assert.rejects(client.watch("p", { prefix: true, fromVersion: 3 }), errors.Invalid);
});

test("a prefix watches actors that come later, too", async () => {
    const watch = await client.watch("pre-", { prefix: true });
    await client.start("counter", { name: "pre-1", argument: 5 });
    const [first] = await take(watch, 1);
    assert.equal((first as Changed).name, "pre-1");
    await watch.close();
});

test("a watch is made again after the connection broke: nothing is missed or doubled", async () => {
    const proxy = await new Proxy(server.address).start();
    const watcher = await connect(proxy.address);
    const { unit } = await client.start("counter", { name: "again", generations: 16 });
    const watch = await watcher.watch("again", { fromVersion: 1 });
    await client.call("again", "inc");
    assert.deepStrictEqual((await take(watch, 2)).map(brief), [["changed", 1, 0], ["changed", 2, 1]]);
    const back = next(watcher, "reconnected");
    proxy.cut();
    for (let i = 0; i < 5; i++) await client.call("again", "inc");
    await back;
    await client.call("again", "inc");
    const events = await take(watch, 6);
    assert.deepStrictEqual(events.map(brief), [3, 4, 5, 6, 7, 8].map((version) => ["changed", version, version - 1]));
    assert.ok(events.every((event) => event.unit === unit));

    // More than the server keeps: a gap tells which.
    const again = next(watcher, "reconnected");
    const gone = next(watcher, "disconnected");
    proxy.cut();
    await gone;
    for (let i = 0; i < 40; i++) void client.call("again", "inc");
    await client.call("again", "state");
    await again;
    const [gap, first] = await take(watch, 2);
    assert.ok(gap?.type === "gap" && gap.name === "again" && gap.firstVersion === 9, JSON.stringify(brief(gap!)));
    assert.equal((first as Changed).version, gap.lastVersion + 1);
    await watcher.close();
    assert.equal((await take(watch, 0)).length, 0);
    await proxy.stop();
});

test("what cannot be resumed is a gap: a prefix, and a watch that had seen nothing", async () => {
    const proxy = await new Proxy(server.address).start();
    const watcher = await connect(proxy.address);
    await client.start("counter", { name: "unseen" });
    const prefix = await watcher.watch("unsee", { prefix: true });
    const unseen = await watcher.watch("unseen");
    const back = next(watcher, "reconnected");
    proxy.cut();
    await back;
    assert.deepStrictEqual((await take(prefix, 1)).map(brief), [["gap", "", 0, 0]]);
    assert.deepStrictEqual((await take(unseen, 1)).map(brief), [["gap", "unseen", 0, 0]]);
    await client.call("unseen", "inc");
    assert.deepStrictEqual((await take(prefix, 1)).map(brief), [["changed", 2, 1]]);
    assert.deepStrictEqual((await take(unseen, 1)).map(brief), [["changed", 2, 1]]);
    await watcher.close();
    await proxy.stop();
});

test("a consumer that is too slow holds nobody up, finds what it was sent, and then a gap", async () => {
    const watcher = await connect(server.address);
    await client.start("counter", { name: "slow", generations: 2 });
    const watch = await watcher.watch("slow", { eventsMax: 3, fromVersion: 1 });
    await Promise.all(Array.from({ length: 50 }, () => client.call("slow", "inc")));
    await watcher.call("slow", "inc");
    await watcher.ping();
    const kept = await take(watch, 3);
    assert.deepStrictEqual(kept.map(brief), [["changed", 1, 0], ["changed", 2, 1], ["changed", 3, 2]]);
    const [gap, newest] = await take(watch, 2);
    assert.ok(gap?.type === "gap" && gap.firstVersion === 4, JSON.stringify(brief(gap!)));
    assert.equal((newest as Changed).version, gap.lastVersion + 1);
    await watcher.close();
});

test("of a server that was started again the stream begins anew", async () => {
    let other = await Server.start();
    const watcher = await connect(other.address);
    await watcher.start("counter", { name: "w" });
    const watch = await watcher.watch("w", { fromVersion: 1 });
    for (let i = 0; i < 3; i++) await watcher.call("w", "inc");
    await take(watch, 4);
    const back = next(watcher, "reconnected");
    await other.killHard();
    other = await Server.start([], other.address);
    await back;
    await watcher.start("counter", { name: "w", argument: 7 });
    const events = [];
    do events.push(...(await take(watch, 1)));
    while (events.at(-1)?.type === "gap");
    assert.deepStrictEqual(brief(events.at(-1)!), ["changed", 1, 7]);
    await watcher.close();
    await other.stop();
});

test("a step back is told once, also where the watch is made again", async () => {
    const step = { ref: 5n, name: "s", unit: 9n, step: { from: 4n, to: 2n, atMs: 1000n }, missed: 0n };
    let asked = 0;
    const fake: FakeServer = await new FakeServer((frame) => {
        if (frame.body.case !== "watch") return { case: "pong", value: {} as never };
        asked++;
        return { case: "watching", value: { ref: 5n } as never };
    }).start();
    const watcher = await connect(fake.address);
    const watch = await watcher.watch("s", { fromVersion: 1 });
    const push = (): void => fake.push({ case: "event", value: { kind: { case: "steppedBack", value: step } } as never });
    push();
    assert.deepStrictEqual((await take(watch, 1)).map(brief), [["steppedBack", 4, 2]]);
    const back = next(watcher, "reconnected");
    fake.cut();
    await back;
    await watcher.ping();
    assert.equal(asked, 2);
    push();
    fake.push({ case: "event", value: { kind: { case: "gap", value: { ref: 5n, name: "s", unit: 9n } } } as never });
    assert.deepStrictEqual((await take(watch, 1)).map(brief), [["gap", "s", 0, 0]]);
    await watcher.close();
    await fake.stop();
});
