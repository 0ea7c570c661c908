import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientFrameSchema } from "../gen/peeper/v1/peeper_pb.js";
import { Writer } from "../src/bytes.js";
import { type Connection } from "../src/connection.js";
import { Disconnected } from "../src/index.js";
import { DEFAULTS } from "../src/options.js";
import { type Job, Requests } from "../src/requests.js";

/** As much of a connection as requests see: what is in its batch, and how often that was written. */
class Batch {
    readonly batch = new Writer(16);
    readonly features = new Set<string>();
    batchNumber = 0;
    writable = true;

    flushSoon(): void {}

    get text(): string {
        return Buffer.from(this.batch.bytes.subarray(0, this.batch.at)).toString();
    }

    get connection(): Connection {
        return this as unknown as Connection;
    }
}

function job(text: string, repeat: Job["repeat"] = "never"): Job {
    return { verb: "call", repeat, timeoutMs: 60_000, signal: undefined, write: (out) => out.raw(Buffer.from(text)) };
}

test("what had not left the batch when the connection ended is sent over the next one, in its order", async () => {
    const requests = new Requests(DEFAULTS, () => undefined);
    const first = new Batch();
    requests.attach(first.connection);
    const written = [requests.submit(job("a")), requests.submit(job("b", "reads"))];
    first.batchNumber++;
    const unwritten = [requests.submit(job("c")), requests.submit(job("d", "reads"))];
    first.writable = false;
    const waiting = requests.submit(job("e"));
    requests.detach(new Error("cut"));
    await assert.rejects(written[0]!, (error) => error instanceof Disconnected && error.maybeRan);

    const second = new Batch();
    requests.attach(second.connection);
    assert.equal(second.text, "bcde");
    requests.close(undefined);
    const ends = await Promise.allSettled([written[1], ...unwritten, waiting]);
    const maybe = ends.map((end) => ((end as PromiseRejectedResult).reason as { maybeRan: boolean }).maybeRan);
    assert.deepStrictEqual(maybe, [true, false, false, false]);
});

test("every field of a request is one that a verb sets", () => {
    const target = "name id";
    const transfer = `${target} target target_id source source_id`;
    // A field that is new in the schema belongs into its verb, the driver, and then here.
    const known: Record<string, string> = {
        hello: "protocol_version token client features",
        call: `${target} payload deadline_ms idempotency_key`,
        cast: `${target} payload idempotency_key`,
        send: `${target} payload`,
        start:
            "name behaviour argument timeout_ms restart on_intensity intensity mailbox_max link monitor no_trap_exit " +
            "hibernate_after_ms isolation generations step_back listener keep_tables",
        stop: `${target} reason timeout_ms`,
        kill: target,
        where_is: target,
        list: "prefix cursor limit",
        inspect: `${target} version`,
        resume: target,
        ping: "",
        start_supervisor: "name spec timeout_ms",
        start_child: `${target} spec timeout_ms`,
        terminate_child: `${target} child incarnation timeout_ms`,
        restart_child: `${target} child timeout_ms`,
        delete_child: `${target} child`,
        which_children: `${target} child cursor limit`,
        count_children: target,
        get_child_spec: `${target} child incarnation`,
        check_specs: "specs",
        change_supervisor: `${target} spec`,
        monitor: target,
        demonitor: "ref flush",
        link: target,
        unlink: target,
        suspend: target,
        get_state: `${target} version`,
        replace_state: `${target} state timeout_ms`,
        list_crashes: "name cursor limit",
        show_crash: "crash",
        redrive: "crash timeout_ms",
        discard_crash: "crash",
        list_generations: target,
        restore_state: `${target} version timeout_ms`,
        watch: "name prefix from_version with_old unit",
        unwatch: "ref",
        transfer: `${transfer} timeout_ms`,
        prepare_transfer: transfer,
        commit_transfer: "handle timeout_ms",
        list_behaviours: "",
        deploy: "file content extra",
        upgrade: "behaviour file content extra dry_run",
        list_tables: target,
        read_table: `${target} table prefix from limit`,
    };
    const schema = ClientFrameSchema.fields.filter((field) => field.fieldKind === "message");
    const fields = schema.map((field) => [field.name, field.message!.fields.map((one) => one.name).sort().join(" ")]);
    const sorted = Object.entries(known).map(([name, text]) => [name, text.split(" ").sort().join(" ")]);
    assert.deepStrictEqual(Object.fromEntries(fields), Object.fromEntries(sorted));
});
