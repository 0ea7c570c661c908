// options: what connect() takes, with its defaults and limits.
import { InvalidArgument } from "./peeper_error.js";

export interface ConnectOptions {
    /** The server's secret, where it was started with one. */
    token?: string;
    /** Names this client in the server's logs; at most 255 bytes. Default "peeper-typescript/0.1.0". */
    clientName?: string;
    /** Resolving, connecting and hello together, with as many attempts as fit. Milliseconds; default 5000. */
    connectTimeoutMs?: number;
    /** For requests that name no time of their own. Milliseconds; default 5000. */
    requestTimeoutMs?: number;
    /** Requests on the way at once; further ones wait. Default 1024. */
    requestsMax?: number;
    /** Requests that may wait; more are TooManyRequests. Default 65536. */
    waitingMax?: number;
    /** Events that one watch keeps for a consumer that is slower than they come. Default 1024. */
    eventsMax?: number;
    /** The longest answer, in bytes; default 64 MiB. (What may be sent is told by the server.) */
    frameBytesMax?: number;
    /** Integers come as bigint and doubles as Double, so that what comes can be sent back unchanged. Default false. */
    exact?: boolean;
    /** Cancels connect(); afterwards it does nothing. */
    signal?: AbortSignal;
}

export type Options = Required<Omit<ConnectOptions, "signal">>;

export const DEFAULTS: Options = {
    token: "",
    clientName: "peeper-typescript/0.1.0",
    connectTimeoutMs: 5000,
    requestTimeoutMs: 5000,
    requestsMax: 1024,
    waitingMax: 65536,
    eventsMax: 1024,
    frameBytesMax: 64 << 20,
    exact: false,
};

/** Milliseconds beyond which Node's timers do not count. */
export const MS_MAX = 2 ** 31 - 1;

/** Throws InvalidArgument unless `value` is a whole number in that range. */
export function checkWhole(name: string, value: number, min: number, max: number): number {
    if (!Number.isInteger(value) || value < min || value > max) {
        throw new InvalidArgument(`${name} is ${value}; it is a whole number from ${min} to ${max}`);
    }
    return value;
}

/** The options with all defaults. Throws InvalidArgument. */
export function completeOptions(given: ConnectOptions): Options {
    const options = { ...DEFAULTS };
    for (const [name, value] of Object.entries(given)) {
        if (name === "signal" || value === undefined) continue;
        if (!(name in DEFAULTS)) throw new InvalidArgument(`there is no option "${name}"`);
        const expected = typeof DEFAULTS[name as keyof Options];
        if (typeof value !== expected) throw new InvalidArgument(`the option ${name} is a ${expected}`);
        (options as Record<string, unknown>)[name] = value;
    }
    checkWhole("connectTimeoutMs", options.connectTimeoutMs, 1, MS_MAX);
    checkWhole("requestTimeoutMs", options.requestTimeoutMs, 1, MS_MAX);
    checkWhole("requestsMax", options.requestsMax, 1, 1 << 20);
    checkWhole("waitingMax", options.waitingMax, 0, 1 << 24);
    checkWhole("eventsMax", options.eventsMax, 1, 1 << 24);
    checkWhole("frameBytesMax", options.frameBytesMax, 1024, 2 ** 31 - 1);
    if (new TextEncoder().encode(options.clientName).length > 255) {
        throw new InvalidArgument("clientName has more than 255 bytes");
    }
    return options;
}
