// bench: pipelined calls per second of one client, in one process, to one counter of a running peeperd.
//
//     node dist/bench/bench.js [HOST:PORT [SECONDS]]
//
// Prints median and best of one-second rounds, the latency of calls one after the other, and how busy this process
// was: at 100 % its one thread is the limit, below that it is the server or the machine.
import { connect, errors } from "../src/index.js";

const [address = "127.0.0.1:7420", seconds = "5"] = process.argv.slice(2);
const PIPELINE = 256; // calls on the way at once
const LATENCY_CALLS = 2000;

const client = await connect(address);
await client.start("counter", { name: "bench-ts", argument: 0 }).catch((error: unknown) => {
    if (!(error instanceof errors.AlreadyStarted)) throw error;
});

function percentile(sorted: readonly number[], share: number): number {
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
}

async function callUntil(until: number): Promise<number> {
    let calls = 0;
    while (performance.now() < until) {
        await client.call("bench-ts", "inc");
        calls++;
    }
    return calls;
}

async function round(ms: number): Promise<{ rate: number; busy: number }> {
    const began = performance.now();
    const before = process.cpuUsage();
    const counts = await Promise.all(Array.from({ length: PIPELINE }, () => callUntil(began + ms)));
    const tookMs = performance.now() - began;
    const used = process.cpuUsage(before);
    return {
        rate: (counts.reduce((sum, count) => sum + count, 0) / tookMs) * 1000,
        busy: (used.user + used.system) / 1000 / tookMs,
    };
}

await round(1000); // until the code is compiled
const rounds = [];
for (let i = 0; i < Number(seconds); i++) rounds.push(await round(1000));
const rates = rounds.map((one) => one.rate).sort((a, b) => a - b);
const busy = rounds.map((one) => one.busy).sort((a, b) => a - b);

const latencies = [];
for (let i = 0; i < LATENCY_CALLS; i++) {
    const began = performance.now();
    await client.call("bench-ts", "inc");
    latencies.push((performance.now() - began) * 1000);
}
latencies.sort((a, b) => a - b);

const count = (n: number): string => Math.round(n).toLocaleString("en-US");
console.log(
    `pipeline ${PIPELINE}: median ${count(percentile(rates, 0.5))} calls/s, best ${count(rates.at(-1) as number)}, ` +
        `${Math.round(percentile(busy, 0.5) * 100)} % of one core`,
);
console.log(
    `one at a time: p50 ${count(percentile(latencies, 0.5))} us, p99 ${count(percentile(latencies, 0.99))} us`,
);
await client.close();
