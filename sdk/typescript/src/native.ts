// native: a generated message to the plain data of answers.ts, by the schema.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { ProtocolViolation } from "./peeper_error.js";
import { type AnswerBody } from "./requests.js";
import { decodePayload } from "./value.js";

// 64-bit fields that name something; all others count or measure.
const IDS = new Set(["id", "unit", "incarnation", "ref", "monitor", "handle", "crash", "next"]);
// Payloads that are there also where they have no bytes, which means null.
const ALWAYS = new Set(["key", "value"]);

function shortName(field: DescField & { fieldKind: "enum" }, number: number): string | undefined {
    const value = field.enum.value[number];
    return number === 0 || value === undefined ? undefined : value.localName.toLowerCase();
}

function scalar(field: DescField & { fieldKind: "scalar" }, value: unknown, exact: boolean): unknown {
    if (field.scalar === ScalarType.UINT64) {
        if (!IDS.has(field.name)) return Number(value);
        return value === 0n ? undefined : value;
    }
    if (field.scalar === ScalarType.BYTES) {
        const bytes = value as Uint8Array;
        return bytes.length === 0 && !ALWAYS.has(field.name) ? undefined : decodePayload(bytes, exact);
    }
    return value;
}

/** What one field says; undefined where it is left out. */
function fieldValue(field: DescField, value: unknown, exact: boolean): unknown {
    switch (field.fieldKind) {
        case "scalar":
            return scalar(field, value, exact);
        case "enum":
            return shortName(field, value as number);
        case "message":
            return value === undefined ? undefined : toNative(field.message, value as object, exact);
        case "list": {
            const list = value as object[];
            if (field.listKind !== "message") return [...list];
            return list.map((element) => toNative(field.message, element, exact));
        }
        default:
            throw new Error(`no answer has a field like ${field.name}`);
    }
}

/** The plain data of a message. */
export function toNative(schema: DescMessage, message: object, exact: boolean): object {
    const native: Record<string, unknown> = {};
    for (const field of schema.fields) {
        const value = fieldValue(field, (message as Record<string, unknown>)[field.localName], exact);
        if (value !== undefined) native[field.localName] = value;
    }
    return native;
}

/** Makes `accept` of a Job: an answer of that kind, as plain data. */
export function answerOf<T>(kind: AnswerBody["case"], schema: DescMessage, exact: boolean): (body: AnswerBody) => T {
    return (body) => {
        if (body.case !== kind) throw new ProtocolViolation(`an answer of the kind "${body.case}", not "${kind}"`);
        return toNative(schema, body.value as object, exact) as T;
    };
}
