import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { promisify } from "node:util";
import { Server, sourceText } from "./server.js";

test("the example of the README runs as it stands", async () => {
    const example = /```ts\n([\s\S]*?)```/.exec(sourceText("README.md"))?.[1] ?? "";
    assert.equal(example.trim().split("\n").length, 5);
    const server = await Server.start();
    // Inside of the package, so that its name leads to it.
    const folder = mkdtempSync(fileURLToPath(new URL("../example-", import.meta.url)));
    try {
        const program = `${folder}/example.mjs`;
        assert.ok(example.includes("127.0.0.1:7420"));
        writeFileSync(program, example.replace("127.0.0.1:7420", server.address));
        const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 20_000 });
        assert.equal(stdout, "1\n");
    } finally {
        rmSync(folder, { recursive: true });
        await server.stop();
    }
});
