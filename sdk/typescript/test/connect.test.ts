import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../src/address.js";
import { ConnectFailed, ProtocolViolation, connect, errors } from "../src/index.js";
import { backoffMs } from "../src/session.js";
import { Peer } from "./peers.js";
import { Server } from "./server.js";

test("addresses", () => {
    const good: [string, string, number][] = [
        ["localhost", "localhost", 7420],
        ["127.0.0.1:80", "127.0.0.1", 80],
        ["[::1]:81", "::1", 81],
        ["[::1]", "::1", 7420],
        ["::1", "::1", 7420],
    ];
    for (const [text, host, port] of good) assert.deepStrictEqual(parseAddress(text), { host, port });
    for (const text of ["", ":80", "a:b", "a:0", "a:65536", "a b:1", "[::1", "http://a:1"]) {
        assert.throws(() => parseAddress(text), /address|port/, text);
    }
});

test("the back-off doubles up to its bound, with jitter", () => {
    assert.equal(backoffMs(0, 1), 10);
    assert.equal(backoffMs(0, 0), 5);
    assert.equal(backoffMs(3, 1), 80);
    assert.equal(backoffMs(1000, 1), 2000);
});

test("nobody there: ConnectFailed with the cause of each attempt", async () => {
    const peer = await new Peer(() => undefined).start();
    const { address } = peer;
    await peer.stop();
    const error = await connect(address, { connectTimeoutMs: 200 }).catch((failure: unknown) => failure);
    assert.ok(error instanceof ConnectFailed);
    assert.ok(error.causes.length > 1);
    assert.match(String(error.causes[0]), /ECONNREFUSED/);
    assert.match(error.message, /is peeperd running there/);
});

test("a server that comes up within the time is found", async () => {
    const first = await Server.start();
    const { address } = first;
    await first.killHard();
    const connecting = connect(address);
    const second = await Server.start([], address);
    const client = await connecting;
    await client.ping();
    await client.close();
    await second.stop();
});

test("servers that are none", async () => {
    const kinds: [string, Peer, RegExp][] = [
        ["closes at once", new Peer((socket) => socket.destroy()), /closed|ECONNRESET/],
        ["closes after the hello", new Peer((socket) => socket.once("data", () => socket.end())), /closed/],
        ["never answers", new Peer(() => undefined), /no welcome within/],
        ["speaks HTTP", new Peer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")), /closed/],
        ["garbage", new Peer((socket) => socket.write(Buffer.from("05ffffffffff", "hex"))), /no frame/],
        ["an endless length", new Peer((socket) => socket.write(Buffer.alloc(10, 0xff))), /5 bytes/],
        ["a frame of 2 GiB", new Peer((socket) => socket.write(Buffer.from("ffffffff07", "hex"))), /frameBytesMax/],
        ["a Done", new Peer((socket) => socket.write(Buffer.from("0408012a00", "hex"))), /no welcome/],
    ];
    for (const [what, peer, message] of kinds) {
        await peer.start();
        const error = await connect(peer.address, { connectTimeoutMs: 200 }).catch((failure: unknown) => failure);
        assert.ok(error instanceof ConnectFailed, what);
        assert.ok(error.causes.some((cause) => message.test(cause.message)), `${what}: ${error.causes.join("; ")}`);
        await peer.stop();
    }
});

test("a wrong token is told at once, a right one is welcome", async () => {
    const server = await Server.start(["--token", "secret"]);
    const began = performance.now();
    await assert.rejects(connect(server.address), errors.Unauthenticated);
    await assert.rejects(connect(server.address, { token: "wrong" }), errors.Unauthenticated);
    assert.ok(performance.now() - began < 3000);
    const client = await connect(server.address, { token: "secret", clientName: "test" });
    await client.ping();
    await client.close();
    await server.stop();
});

test("a full server is asked again until the time is over", async () => {
    const server = await Server.start(["--connections-max", "1"]);
    const one = await connect(server.address);
    const error = await connect(server.address, { connectTimeoutMs: 150 }).catch((failure: unknown) => failure);
    assert.ok(error instanceof ConnectFailed);
    assert.ok(error.causes[0] instanceof errors.Overloaded, String(error.causes[0]));
    const waiting = connect(server.address);
    await one.close();
    await (await waiting).close();
    await server.stop();
});

test("connect() can be cancelled", async () => {
    const peer = await new Peer(() => undefined).start();
    await assert.rejects(connect(peer.address, { signal: AbortSignal.timeout(30) }), { name: "TimeoutError" });
    await assert.rejects(connect(peer.address, { signal: AbortSignal.abort() }), { name: "AbortError" });
    await peer.stop();
});

test("a frame over the client's own limit ends the connection", async () => {
    const server = await Server.start();
    const client = await connect(server.address, { frameBytesMax: 4096 });
    const told = new Promise<Error>((resolve) => client.on("disconnected", resolve));
    await client.start("probe", { name: "large" });
    await assert.rejects(client.call("large", [["reply_bytes", 10_000]]), { name: "Disconnected" });
    assert.ok((await told) instanceof ProtocolViolation);
    await client.ping();
    await client.close();
    await server.stop();
});
