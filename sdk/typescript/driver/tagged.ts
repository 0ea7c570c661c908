// tagged: the JSON form of Values that all drivers share, to native data and back.
import { Double, type Payload, Raw, type Value } from "../src/index.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type { Json };

const NOT_FINITE: Record<string, number> = { nan: NaN, inf: Infinity, "-inf": -Infinity };

/** Throws where it is none. */
export function fromTagged(json: Json): Value {
    if (json === null || typeof json === "boolean" || typeof json === "string") return json;
    if (Array.isArray(json)) return json.map(fromTagged);
    if (typeof json === "object") {
        const { int, double, bytes, map, encoded } = json;
        if (typeof int === "string") return BigInt(int);
        if (typeof double === "string") return new Double(NOT_FINITE[double] ?? Number(double));
        if (typeof bytes === "string") return new Uint8Array(Buffer.from(bytes, "base64"));
        if (typeof encoded === "string") return new Raw(Buffer.from(encoded, "base64")) as unknown as Value;
        if (Array.isArray(map)) {
            return new Map(map.map((entry) => [(entry as Json[])[0] as string, fromTagged((entry as Json[])[1] as Json)]));
        }
    }
    throw new Error(`${JSON.stringify(json)} is no tagged Value`);
}

function doubleText(value: number): string {
    if (Number.isNaN(value)) return "nan";
    if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
    return Object.is(value, -0) ? "-0" : String(value);
}

/** Of what a client with `exact` gives. */
export function toTagged(value: Payload): Json {
    if (value === undefined || value === null) return null;
    if (typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "bigint") return { int: String(value) };
    // Constants of the SDK itself, such as in the reason of a lost connection, are not exact.
    if (typeof value === "number") return Number.isSafeInteger(value) ? { int: String(value) } : { double: doubleText(value) };
    if (value instanceof Double) return { double: doubleText(value.value) };
    if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
    if (value instanceof Raw) return { encoded: Buffer.from(value.bytes).toString("base64") };
    if (Array.isArray(value)) return value.map(toTagged);
    const entries = value instanceof Map ? [...value] : Object.entries(value as Record<string, Value>);
    return { map: entries.map(([key, element]) => [key as string, toTagged(element as Value)]) };
}
