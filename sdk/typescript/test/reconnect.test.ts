import assert from "node:assert/strict";
import { test } from "node:test";
import { Closed, Disconnected, RequestTimeout, connect, errors } from "../src/index.js";
import { type Requests } from "../src/requests.js";
import { DEFAULTS } from "../src/options.js";
import { FakeServer, Proxy, next } from "./peers.js";
import { Server } from "./server.js";

test("a call that was written when the connection broke may have run; the client comes back", async () => {
    const server = await Server.start();
    const proxy = await new Proxy(server.address).start();
    const client = await connect(proxy.address);
    await client.start("counter", { name: "c" });
    const written = client.call("c", ["sleep", 100]);
    setTimeout(() => proxy.cut(), 20);
    await assert.rejects(written, (error) => error instanceof Disconnected && error.maybeRan && !error.retryable);
    assert.equal(await client.call("c", "state"), 0);
    assert.equal(proxy.connections, 2);
    await client.close();
    await proxy.stop();
    await server.stop();
});

test("requests that merely look are repeated, and those that were not written are sent", async () => {
    const server = await Server.start();
    const proxy = await new Proxy(server.address).start();
    const client = await connect(proxy.address);
    await client.start("counter", { name: "c", argument: 7 });
    proxy.passing = false;
    const looks = [client.inspect("c"), client.getState("c"), client.whereis("c"), client.ping()];
    const acts = client.call("c", "inc");
    acts.catch(() => undefined);
    const gone = next(client, "disconnected");
    setTimeout(() => {
        proxy.passing = true;
        proxy.cut();
    }, 20);
    await gone;
    const waits = client.call("c", "inc");
    await Promise.all(looks);
    await assert.rejects(acts, Disconnected);
    assert.equal(await waits, 8);
    await client.close();
    await proxy.stop();
    await server.stop();
});

test("10,000 calls while the connection breaks: each is answered or told, none runs twice", async () => {
    const server = await Server.start();
    const proxy = await new Proxy(server.address).start();
    const client = await connect(proxy.address);
    await client.start("counter", { name: "c" });
    const calls = Array.from({ length: 10_000 }, async (_, i) => {
        if (i % 2500 === 1250) await client.ping().then(() => proxy.cut());
        return client.call("c", "inc", { deadlineMs: 30_000 });
    });
    const settled = await Promise.allSettled(calls);
    const answered = settled.filter((one) => one.status === "fulfilled").length;
    const told = settled.filter((one) => one.status === "rejected" && one.reason instanceof Disconnected);
    assert.equal(answered + told.length, 10_000);
    assert.ok(told.length > 0 && told.length <= 4 * DEFAULTS.requestsMax, `${told.length}`);
    const ran = (await client.call("c", "state")) as number;
    assert.ok(ran >= answered && ran <= 10_000, `${ran} ran, ${answered} answered`);
    const values = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value as number] : []));
    assert.equal(new Set(values).size, answered);
    await client.close();
    await proxy.stop();
    await server.stop();
});

test("a server that is killed and started again is found again; its actors are gone", async () => {
    let server = await Server.start();
    const client = await connect(server.address);
    await client.start("counter", { name: "c" });
    const monitor = await client.monitor("c");
    const link = await client.link("c");
    const again = next(client, "reconnected");
    await server.killHard();
    assert.deepStrictEqual(await monitor.down, { ref: monitor.ref, name: "c", reason: "noconnection" });
    assert.deepStrictEqual(await link.exit, { name: "c", reason: "noconnection" });
    server = await Server.start([], server.address);
    await again;
    await assert.rejects(client.call("c", "state"), errors.Noproc);
    await client.close();
    await server.stop();
});

test("without a server requests wait, up to their own time", async () => {
    const server = await Server.start();
    const client = await connect(server.address, { requestTimeoutMs: 100 });
    const gone = next(client, "disconnected");
    await server.killHard();
    await gone;
    await assert.rejects(client.ping(), (error) => error instanceof RequestTimeout && !error.maybeRan && error.retryable);
    await client.close();
});

test("a server that never answers: the client's own time-out", async () => {
    const server = await new FakeServer(() => undefined).start();
    const client = await connect(server.address);
    await assert.rejects(
        client.call("c", 1, { deadlineMs: 10 }),
        (error) => error instanceof RequestTimeout && error.maybeRan && /260 ms/.test(error.message),
    );
    await client.close();
    await server.stop();
});

test("a clean stop of the server is announced", async () => {
    const server = await Server.start();
    const client = await connect(server.address);
    const goodbye = next(client, "goodbye");
    assert.equal(await server.stop(), 0);
    await goodbye;
    await client.close();
});

test("a server that refuses the token of a client that comes back ends it", async () => {
    const first = await Server.start(["--token", "one"]);
    const client = await connect(first.address, { token: "one" });
    const watch = await client.watch("c");
    const refused = new Promise<Error>((resolve) => client.on("refused", resolve));
    const gone = next(client, "disconnected");
    await first.killHard();
    await gone;
    const waiting = client.call("c", "inc", { deadlineMs: 20_000 });
    waiting.catch(() => undefined);
    const second = await Server.start(["--token", "two"], first.address);
    assert.ok((await refused) instanceof errors.Unauthenticated);
    await assert.rejects(waiting, (error) => error instanceof Closed && !error.maybeRan);
    await assert.rejects(watch.next(), Closed);
    await assert.rejects(client.ping(), /the server refused it/);
    await client.close();
    await second.stop();
});

test("garbage in the middle of a stream ends the connection, and the client comes back", async () => {
    const server = await new FakeServer((frame, socket) => {
        if (frame.body.case === "call") socket.write(Buffer.from("05ffffffffff", "hex"));
        return frame.body.case === "ping" ? { case: "pong", value: {} as never } : undefined;
    }).start();
    const client = await connect(server.address);
    await assert.rejects(client.call("c", 1), (error) => error instanceof Disconnected && /no frame/.test(String(error.cause)));
    await client.ping();
    await client.close();
    await server.stop();
});

test("an answer of the wrong kind is told to its request only", async () => {
    const server = await new FakeServer(() => ({ case: "pong", value: {} as never })).start();
    const client = await connect(server.address);
    await assert.rejects(client.call("c", 1), { name: "ProtocolViolation" });
    await assert.rejects(client.inspect("c"), { name: "ProtocolViolation" });
    await client.ping();
    await client.close();
    await server.stop();
});

test("what a late answer has begun is taken back", async () => {
    const answers: (() => void)[] = [];
    const server: FakeServer = await new FakeServer((frame, socket) => {
        if (frame.body.case !== "watch" && frame.body.case !== "monitor") return { case: "done", value: {} as never };
        const kind = frame.body.case === "watch" ? "watching" : "monitored";
        answers.push(() => server.say(socket, frame.id, { case: kind, value: { ref: 77n } as never } as never));
        return undefined;
    }).start();
    const client = await connect(server.address);
    await assert.rejects(client.watch("c", { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
    await assert.rejects(client.monitor("c", { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
    for (const answer of answers) answer();
    await client.unlink("c");
    await client.unlink("c");
    const kinds = server.frames.map((frame) => frame.body.case);
    assert.ok(kinds.includes("unwatch") && kinds.includes("demonitor"), kinds.join());
    await client.close();
    await server.stop();
});

test("a keyed request is repeated only where both servers keep replies by key", async () => {
    for (const [before, after, repeated] of [
        [["idempotency"], ["idempotency"], true],
        [["idempotency"], [], false],
        [[], ["idempotency"], false],
    ] as [string[], string[], boolean][]) {
        let calls = 0;
        const server: FakeServer = await new FakeServer((frame, socket) => {
            if (frame.body.case !== "call") return { case: "pong", value: {} as never };
            if (++calls > 1) return { case: "reply", value: { payload: new Uint8Array([0x18, 2]) } as never };
            server.features = after;
            socket.destroy();
            return undefined;
        }).start();
        server.features = before;
        const client = await connect(server.address);
        const call = keyedCall(client);
        if (repeated) assert.equal(await call, 1);
        else await assert.rejects(call, (error) => error instanceof Disconnected && error.maybeRan);
        await client.close();
        await server.stop();
    }
});

function keyedCall(client: object): Promise<unknown> {
    const { session } = client as { session: { requests: Requests } };
    return session.requests.submit({
        verb: "call",
        repeat: "keyed",
        timeoutMs: 2000,
        signal: undefined,
        write: (out, id) => out.raw(new Uint8Array([0x07, 0x08, id, 0x1a, 0x03, 0x0a, 0x01, 0x63])),
    });
}
