// hot_frames: the frames of Call, Cast, Send, Reply and Done, written and read by hand.
//
// Generated code does the same at a third of the speed; hot_frames.test.ts holds the one to the other.
import { CallSchema, CastSchema } from "../gen/peeper/v1/peeper_pb.js";
import { type Reader, type Writer } from "./bytes.js";
import { type Payload, type Raw, type Value, readPayload, writePayload } from "./value.js";

/** A name, or the id of one incarnation; see target.ts. */
export type HotTarget = string | bigint;

export const enum Body {
    CALL = 0x1a,
    CAST = 0x22,
    SEND = 0x2a,
}

// The field of idempotency keys, where the schema has it.
function keyTag(schema: typeof CallSchema | typeof CastSchema): number {
    const field = schema.fields.find((candidate) => candidate.name === "idempotency_key");
    return field === undefined ? 0 : field.number * 8 + 2;
}
const CALL_KEY = keyTag(CallSchema);
const CAST_KEY = keyTag(CastSchema);

/** Whether requests of this schema can carry an idempotency key. */
export const KEYS_IN_SCHEMA = CALL_KEY !== 0 && CAST_KEY !== 0;

/** Writes a frame with its length. `deadlineMs` and `key` are left out where they are 0 and "". */
export function writeHot(
    out: Writer,
    id: number,
    body: Body,
    target: HotTarget,
    payload: Payload,
    deadlineMs: number,
    key: string,
): void {
    const frame = out.begin();
    out.byte(0x08);
    out.varint(id);
    out.byte(body);
    const request = out.begin();
    if (typeof target === "string") {
        out.byte(0x0a);
        out.text(target);
    } else {
        out.byte(0x10);
        out.varint64(target);
    }
    if (payload !== undefined) {
        out.byte(0x1a);
        const began = out.begin();
        writePayload(out, payload);
        out.end(began);
    }
    if (deadlineMs !== 0) {
        out.byte(0x20);
        out.varint(deadlineMs);
    }
    const tag = body === Body.CALL ? CALL_KEY : CAST_KEY;
    if (key !== "" && tag !== 0 && body !== Body.SEND) {
        out.varint(tag);
        out.text(key);
    }
    out.end(request);
    out.end(frame);
}

/** What readHot() answers where the generated code has to look at the frame. */
export const NOT_HOT = Symbol("not hot");

/** The id that a frame begins with; 0 where it does not begin with one. Leaves `input` behind it. */
export function readId(input: Reader): number {
    if (input.at >= input.end || input.bytes[input.at] !== 0x08) return 0;
    input.at++;
    return input.varint();
}

/** The answer behind the id, if it is a Reply (its payload) or Done (undefined) in the usual form. */
export function readHot(input: Reader, exact: boolean): Value | Raw | undefined | typeof NOT_HOT {
    if (input.at >= input.end) return NOT_HOT;
    const tag = input.bytes[input.at++];
    if (tag === 0x2a) return input.block() === input.end && input.at === input.end ? undefined : NOT_HOT;
    if (tag !== 0x1a || input.block() !== input.end) return NOT_HOT;
    if (input.at === input.end) return null;
    if (input.bytes[input.at++] !== 0x0a || input.block() !== input.end) return NOT_HOT;
    return readPayload(input.bytes, input.at, input.end, exact);
}
