// value: native data to the bytes of a peeper.v1.Value, and back.
//
// Written by hand, because it runs twice in each call; value.test.ts holds it to the generated code. Recursion is
// bounded by DEPTH_MAX in both directions.
import { Reader, Writer } from "./bytes.js";
import { InvalidValue } from "./peeper_error.js";

/** Lists and maps may stand in each other so deep. */
export const DEPTH_MAX = 64;

const INT_MIN = -(1n << 63n);
const INT_MAX = (1n << 63n) - 1n;

/** A double also where a number would be sent as an int: `new Double(3)`. */
export class Double {
    constructor(readonly value: number) {}

    valueOf(): number {
        return this.value;
    }
}

/** Bytes that stand for a whole payload: a behaviour's own encoding, or a Value that is encoded already. */
export class Raw {
    constructor(readonly bytes: Uint8Array) {}
}

/** What actors and clients say to each other. */
export type Value =
    | null
    | boolean
    | number
    | bigint
    | Double
    | string
    | Uint8Array
    | readonly Value[]
    | { readonly [key: string]: Value | undefined }
    | ReadonlyMap<string, Value>;

/** What a payload may be where it is sent: undefined is null. */
export type Payload = Value | Raw | undefined;

// --- To bytes ----------------------------------------------------------------------------------

function within(error: unknown, step: string): unknown {
    if (!(error instanceof InvalidValue)) return error;
    const message = error.message.slice(error.path.length + 2);
    return new InvalidValue(message, `$${step}${error.path.slice(1)}`);
}

function keyStep(key: string): string {
    return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function writeNumber(out: Writer, value: number): void {
    // Minus zero is an integer to JavaScript, but an int has none.
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
        out.byte(0x21);
        out.double(value);
        return;
    }
    out.byte(0x18);
    const zigzag = value < 0 ? -2 * value - 1 : 2 * value;
    if (zigzag <= Number.MAX_SAFE_INTEGER) out.varint(zigzag);
    else out.varint64(value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value));
}

function writeBigInt(out: Writer, value: bigint): void {
    if (value < INT_MIN || value > INT_MAX) throw new InvalidValue(`${value} does not fit in 64 bits`);
    out.byte(0x18);
    out.varint64(value < 0n ? -2n * value - 1n : 2n * value);
}

function writeList(out: Writer, list: readonly Value[], levels: number): void {
    out.byte(0x3a);
    const body = out.begin();
    for (let i = 0; i < list.length; i++) {
        out.byte(0x0a);
        const element = out.begin();
        try {
            writeKind(out, list[i], levels);
        } catch (error) {
            throw within(error, `[${i}]`);
        }
        out.end(element);
    }
    out.end(body);
}

function writeEntry(out: Writer, key: unknown, value: Value | undefined, levels: number): void {
    if (typeof key !== "string") throw new InvalidValue(`a ${typeof key} is no key of a map; use strings`);
    out.byte(0x0a);
    const entry = out.begin();
    try {
        out.byte(0x0a);
        out.text(key);
        out.byte(0x12);
        const element = out.begin();
        writeKind(out, value, levels);
        out.end(element);
    } catch (error) {
        throw within(error, keyStep(key));
    }
    out.end(entry);
}

function writeMap(out: Writer, map: object, levels: number): void {
    out.byte(0x42);
    const body = out.begin();
    if (map instanceof Map) {
        for (const [key, value] of map as Map<unknown, Value>) writeEntry(out, key, value, levels);
    } else {
        for (const key of Object.keys(map)) {
            const value = (map as Record<string, Value | undefined>)[key];
            // As JSON.stringify does: an optional field that is not there is not there.
            if (value !== undefined) writeEntry(out, key, value, levels);
        }
    }
    out.end(body);
}

function isPlain(value: object): boolean {
    const prototype: unknown = Object.getPrototypeOf(value);
    // Also the Object of another realm, such as a vm context's.
    return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function writeObject(out: Writer, value: object, levels: number): void {
    if (value instanceof Uint8Array) {
        out.byte(0x32);
        out.varint(value.length);
        out.raw(value);
        return;
    }
    if (value instanceof Double) {
        out.byte(0x21);
        out.double(value.value);
        return;
    }
    const isList = Array.isArray(value);
    if (!isList && !(value instanceof Map) && !isPlain(value)) {
        const name = (value.constructor as { name?: string } | undefined)?.name ?? "object";
        const help = value instanceof Raw ? "it can only be a whole payload" : "turn it into plain data first";
        throw new InvalidValue(`a ${name} is no Value; ${help}`);
    }
    if (levels === 0) {
        throw new InvalidValue(`lists and maps nest deeper than ${DEPTH_MAX} levels; flatten the data, or break the cycle`);
    }
    if (isList) writeList(out, value as Value[], levels - 1);
    else writeMap(out, value, levels - 1);
}

function writeKind(out: Writer, value: Value | undefined, levels: number): void {
    switch (typeof value) {
        case "string":
            out.byte(0x2a);
            out.text(value);
            return;
        case "number":
            writeNumber(out, value);
            return;
        case "boolean":
            out.byte(0x10);
            out.byte(value ? 1 : 0);
            return;
        case "bigint":
            writeBigInt(out, value);
            return;
        case "object":
            if (value !== null) {
                writeObject(out, value, levels);
                return;
            }
            out.byte(0x08);
            out.byte(1);
            return;
        default:
            throw new InvalidValue(`${value === undefined ? "undefined" : `a ${typeof value}`} is no Value; null is`);
    }
}

/** Writes the bytes of a payload. Throws InvalidValue; then the owner of the writer sets it back. */
export function writePayload(out: Writer, payload: Payload): void {
    if (payload === undefined) return;
    if (payload instanceof Raw) out.raw(payload.bytes);
    else writeKind(out, payload, DEPTH_MAX);
}

/** The bytes of a payload. */
export function encodePayload(payload: Payload): Uint8Array {
    const out = new Writer(64);
    writePayload(out, payload);
    return out.bytes.slice(0, out.at);
}

// --- From bytes --------------------------------------------------------------------------------

function readInt(input: Reader, exact: boolean): number | bigint {
    const from = input.at;
    const zigzag = input.varint();
    if (!exact && zigzag <= Number.MAX_SAFE_INTEGER) {
        return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    }
    input.at = from;
    const wide = input.varint64();
    const value = wide & 1n ? -(wide >> 1n) - 1n : wide >> 1n;
    const number = Number(value);
    return !exact && Number.isSafeInteger(number) ? number : value;
}

function readList(input: Reader, exact: boolean, levels: number): Value[] {
    const list: Value[] = [];
    const outer = input.end;
    const end = input.block();
    input.end = end;
    while (input.at < end) {
        const tag = input.varint();
        if (tag === 0x0a) list.push(readElement(input, exact, levels));
        else input.skip(tag);
    }
    input.end = outer;
    return list;
}

/** An own property whatever its name: assigning "__proto__" would change the object's prototype. */
function setKey(map: Record<string, Value>, key: string, value: Value): void {
    if (key !== "__proto__") map[key] = value;
    else Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

function readEntry(input: Reader, map: Record<string, Value>, exact: boolean, levels: number): void {
    let key = "";
    let value: Value = null;
    const outer = input.end;
    const end = input.block();
    input.end = end;
    while (input.at < end) {
        const tag = input.varint();
        if (tag === 0x0a) key = input.text();
        else if (tag === 0x12) value = readElement(input, exact, levels);
        else input.skip(tag);
    }
    input.end = outer;
    setKey(map, key, value);
}

function readMap(input: Reader, exact: boolean, levels: number): Value {
    const map: Record<string, Value> = {};
    const outer = input.end;
    const end = input.block();
    input.end = end;
    while (input.at < end) {
        const tag = input.varint();
        if (tag === 0x0a) readEntry(input, map, exact, levels);
        else input.skip(tag);
    }
    input.end = outer;
    return map;
}

function readElement(input: Reader, exact: boolean, levels: number): Value {
    const outer = input.end;
    const end = input.block();
    input.end = end;
    const value = readKinds(input, exact, levels);
    input.end = outer;
    return value;
}

/** Reads to the end of the reader; of several kinds the last one counts. */
function readKinds(input: Reader, exact: boolean, levels: number): Value {
    let value: Value = null;
    while (input.at < input.end) {
        const tag = input.varint();
        switch (tag) {
            case 0x08:
                input.varint();
                value = null;
                break;
            case 0x10:
                value = input.varint64() !== 0n;
                break;
            case 0x18:
                value = readInt(input, exact);
                break;
            case 0x21:
                value = exact ? new Double(input.double()) : input.double();
                break;
            case 0x2a:
                value = input.text();
                break;
            case 0x32: {
                const end = input.block();
                // A copy: what came with it, up to a whole read of the socket, shall not stay alive.
                value = new Uint8Array(input.bytes.subarray(input.at, end));
                input.at = end;
                break;
            }
            case 0x3a:
            case 0x42:
                if (levels === 0) throw new InvalidValue(`lists and maps nest deeper than ${DEPTH_MAX} levels`);
                value = tag === 0x3a ? readList(input, exact, levels - 1) : readMap(input, exact, levels - 1);
                break;
            default:
                input.skip(tag);
        }
    }
    return value;
}

/** The Value in bytes[from, end). Throws InvalidValue where there is none. */
export function readValue(bytes: Uint8Array, from: number, end: number, exact: boolean): Value {
    return readKinds(new Reader(bytes, from, end), exact, DEPTH_MAX);
}

/** What a payload says; Raw where it is no Value, since a behaviour may have an encoding of its own. */
export function decodePayload(bytes: Uint8Array, exact: boolean): Value | Raw {
    return readPayload(bytes, 0, bytes.length, exact);
}

/** decodePayload() of bytes[from, end). */
export function readPayload(bytes: Uint8Array, from: number, end: number, exact: boolean): Value | Raw {
    try {
        return readValue(bytes, from, end, exact);
    } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        return new Raw(new Uint8Array(bytes.subarray(from, end)));
    }
}
