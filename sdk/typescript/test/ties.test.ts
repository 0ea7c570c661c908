import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type Client, type Down, connect } from "../src/index.js";
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

test("a monitor tells the end of an incarnation once, as a promise and as an iterator", async () => {
    const { id } = await client.start("counter", { name: "m" });
    const byName = await client.monitor("m");
    const byId = await client.monitor(id!);
    await client.stop("m", { reason: ["done", 1] });
    assert.deepStrictEqual(await byName.down, { ref: byName.ref, id, name: "m", reason: ["done", 1] });
    assert.equal((await byId.down)?.name, "");
    const downs: Down[] = [];
    for await (const down of byId) downs.push(down);
    assert.equal(downs.length, 1);
});

test("nobody there: noproc at once", async () => {
    assert.deepStrictEqual((await (await client.monitor("nobody")).down)?.reason, "noproc");
    assert.deepStrictEqual(await (await client.link("nobody")).exit, { name: "nobody", reason: "noproc" });
});

test("after demonitor and unlink nothing comes", async () => {
    const events: unknown[] = [];
    const note = (event: unknown): void => void events.push(event);
    client.on("down", note).on("exit", note);
    await client.start("counter", { name: "quiet" });
    const [monitor, flushed, link] = await Promise.all([client.monitor("quiet"), client.monitor("quiet"), client.link("quiet")]);
    await monitor.demonitor();
    await flushed.demonitor({ flush: true });
    await link.unlink();
    await client.demonitor(monitor);
    await client.stop("quiet");
    assert.equal(await monitor.down, undefined);
    assert.equal(await flushed.down, undefined);
    assert.equal(await link.exit, undefined);
    await client.ping();
    assert.deepStrictEqual(events, []);
    client.off("down", note).off("exit", note);
});

test("links do not count up, and a link tells which incarnation ended", async () => {
    const { id } = await client.start("counter", { name: "linked" });
    const link = await client.link("linked");
    assert.equal(await client.link("linked"), link);
    await client.kill("linked");
    assert.deepStrictEqual(await link.exit, { id, name: "linked", reason: "killed" });
    // That link is over; the next incarnation needs another one.
    await client.call("linked", "state");
    const second = await client.link("linked");
    assert.notEqual(second, link);
    await client.kill("linked");
    assert.notEqual((await second.exit)?.id, id);
});

test("start with monitor and link: from the first moment", async () => {
    const started = await client.start("counter", { monitor: true, link: true, restart: "temporary" });
    await client.kill(started.id!);
    assert.equal((await started.monitor?.down)?.reason, "killed");
    assert.equal((await started.link?.exit)?.id, started.id);

    const parent = await connect(server.address);
    const child = await parent.start("counter", { name: "child", link: true, restart: "temporary" });
    const seen = await client.monitor(child.id!);
    await parent.close();
    assert.equal((await seen.down)?.reason, "noconnection");
    assert.equal((await child.link?.exit)?.reason, "noconnection");
});

test("a listener that throws does not stop what comes behind its event", async () => {
    // In a process of its own: the exception is one that nobody catches.
    const program = `
        import { connect } from ${JSON.stringify(new URL("../src/index.js", import.meta.url).href)};
        process.on("uncaughtException", (error) => console.log(error.message));
        const client = await connect(${JSON.stringify(server.address)});
        client.on("down", () => { throw new Error("a fault"); });
        const monitors = await Promise.all(Array.from({ length: 5 }, () => client.monitor("nobody")));
        await Promise.all(monitors.map((monitor) => monitor.down));
        await client.close();
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
    assert.equal(stdout, "a fault\n".repeat(5));
});
