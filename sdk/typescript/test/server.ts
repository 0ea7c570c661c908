// server: runs the real peeperd for a test, on free ports.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
/** The build whose server is tested. */
export const build = process.env["PEEPER_BUILD"] ?? `${root}build`;

const READY = /^ready tcp=([0-9.]+:\d+) http=([0-9.]+:\d+)$/;

const running = new Set<ChildProcess>();
// The runner ends a test that takes too long with SIGTERM, which alone would run no "exit".
process.on("SIGTERM", () => process.exit(1));
process.on("exit", () => running.forEach((server) => server.kill("SIGKILL")));

export class Server {
    private constructor(
        private readonly process: ChildProcess,
        readonly address: string,
        readonly log: string[],
    ) {}

    /** Starts peeperd and waits until it says that it is ready. `listen` is where, if not on a free port. */
    static async start(options: string[] = [], listen = "127.0.0.1:0"): Promise<Server> {
        const program = `${build}/bin/peeperd`;
        const places = ["--listen", listen, "--http", "127.0.0.1:0", "--behaviours", `${build}/behaviours`];
        const child = spawn(program, [...places, ...options], { stdio: ["ignore", "pipe", "pipe"] });
        running.add(child);
        child.on("exit", () => running.delete(child));
        const log: string[] = [];
        createInterface({ input: child.stderr }).on("line", (line) => {
            log.push(line);
            if (log.length > 1000) log.shift();
        });
        const lines = createInterface({ input: child.stdout });
        const failed = once(child, "exit").then(() => Promise.reject(new Error(`peeperd ended: ${log.join("\n")}`)));
        const [line] = (await Promise.race([once(lines, "line"), failed])) as [string];
        failed.catch(() => undefined);
        const match = READY.exec(line);
        if (match === null) throw new Error(`peeperd said "${line}"`);
        return new Server(child, match[1] as string, log);
    }

    /** kill -9, as a fault would; its hosts follow it. */
    async killHard(): Promise<void> {
        if (this.process.exitCode !== null || this.process.signalCode !== null) return;
        const ended = once(this.process, "exit");
        this.process.kill("SIGKILL");
        await ended;
    }

    /** SIGTERM; answers the exit status. */
    async stop(): Promise<number | null> {
        if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
        const ended = once(this.process, "exit") as Promise<[number | null]>;
        this.process.kill("SIGTERM");
        return (await ended)[0];
    }

    get pid(): number {
        return this.process.pid as number;
    }
}

/** The text of the repository's file. */
export function sourceText(path: string): string {
    return readFileSync(`${root}sdk/typescript/${path}`, "utf8");
}

/** Names of the files in a folder of the package. */
export function sourceFiles(path: string): string[] {
    return readdirSync(`${root}sdk/typescript/${path}`);
}
