// answers: what the SDK answers, in the JSON form that all drivers share: the schema's field names, defaults left out.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { PeeperError, RequestTimeout, ServerError } from "../src/index.js";
import { type Json, toTagged } from "./tagged.js";

function plain(value: unknown): Json | undefined {
    return value === 0 || value === "" || value === false ? undefined : (value as Json);
}

function fieldJson(field: DescField, value: unknown): Json | undefined {
    if (value === undefined) return undefined;
    if (field.fieldKind === "message") return answerJson(field.message, value as object);
    if (field.fieldKind === "list") {
        const list = value as object[];
        if (list.length === 0) return undefined;
        return field.listKind === "message" ? list.map((one) => answerJson(field.message, one)) : (list as Json[]);
    }
    if (field.fieldKind !== "scalar") return value as Json; // an enum's short name
    if (field.scalar === ScalarType.BYTES) return toTagged(value as never);
    if (field.scalar === ScalarType.UINT64) return value === 0 || value === 0n ? undefined : String(value);
    return plain(value);
}

/** An answer of the SDK that corresponds to this message of the schema. */
export function answerJson(schema: DescMessage, answer: object): { [key: string]: Json } {
    const json: { [key: string]: Json } = {};
    for (const field of schema.fields) {
        let value = (answer as Record<string, unknown>)[field.localName];
        // Where the schema has a reference, the SDK has what is referred to.
        if (typeof value === "object" && value !== null && field.name === "monitor") value = (value as { ref: bigint }).ref;
        const one = fieldJson(field, value);
        if (one !== undefined) json[field.name] = one;
    }
    return json;
}

export function errorJson(error: unknown): { [key: string]: Json } {
    if (error instanceof ServerError) {
        return {
            status: error.status,
            message: error.message,
            retryable: error.retryable,
            retry_after_ms: error.retryAfterMs,
            reason: toTagged(error.reason),
            kind: error.kind,
        };
    }
    const { name, message } = error as Error;
    return {
        local: error instanceof RequestTimeout ? "Timeout" : name,
        message,
        retryable: error instanceof PeeperError && error.retryable,
        retry_after_ms: 0,
        reason: null,
        kind: "",
        ...(typeof (error as { maybeRan?: boolean }).maybeRan === "boolean" && {
            maybe_ran: (error as { maybeRan: boolean }).maybeRan,
        }),
    };
}
