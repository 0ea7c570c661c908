// address: "host:port" to its parts.
import { InvalidArgument } from "./peeper_error.js";

export const PORT_DEFAULT = 7420;

export interface Address {
    readonly host: string;
    readonly port: number;
}

/** "host", "host:port", "[::1]:port" or "::1". Throws InvalidArgument. */
export function parseAddress(text: string): Address {
    const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
    const plain = /^([^:[\]\s]+)(?::(\d+))?$/.exec(text);
    const match = bracketed ?? plain;
    if (match === null) {
        if (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text)) return { host: text, port: PORT_DEFAULT };
        throw new InvalidArgument(`"${text}" is no address; use "host:port", for example "127.0.0.1:${PORT_DEFAULT}"`);
    }
    const port = match[2] === undefined ? PORT_DEFAULT : Number(match[2]);
    if (port < 1 || port > 65535) throw new InvalidArgument(`"${text}": a port is a number from 1 to 65535`);
    return { host: match[1] as string, port };
}
