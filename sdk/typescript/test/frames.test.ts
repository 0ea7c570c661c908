import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
    type ClientFrame,
    ClientFrameSchema,
    type ServerFrame,
    ServerFrameSchema,
} from "../gen/peeper/v1/peeper_pb.js";
import { Reader, Writer } from "../src/bytes.js";
import { FrameReader } from "../src/frame_reader.js";
import { Body, NOT_HOT, readHot, readId, writeHot } from "../src/hot_frames.js";
import { ProtocolViolation, type Value, encodePayload } from "../src/index.js";

function written(write: (out: Writer) => void): Uint8Array {
    const out = new Writer(8);
    write(out);
    return out.bytes.slice(0, out.at);
}

function framed(body: Uint8Array): Uint8Array {
    return written((out) => {
        out.varint(body.length);
        out.raw(body);
    });
}

function answer(body: ServerFrame["body"], id = 300n): Uint8Array {
    return toBinary(ServerFrameSchema, create(ServerFrameSchema, { id, body }));
}

test("requests written by hand are those of the generated code", () => {
    const cases = [
        { id: 2, target: "cart-42", message: "inc" as Value, deadlineMs: 1000 },
        { id: 2 ** 40, target: "ä".repeat(80), message: { a: "x".repeat(20000) } as Value, deadlineMs: 3600000 },
        { id: 300, target: (1n << 64n) - 1n, message: undefined, deadlineMs: 1 },
        { id: 300, target: 1n, message: null, deadlineMs: 5000 },
    ];
    for (const { id, target, message, deadlineMs } of cases) {
        const fields = {
            ...(typeof target === "string" ? { name: target } : { id: target }),
            payload: encodePayload(message),
        };
        const bodies: [Body, ClientFrame["body"]["case"], object][] = [
            [Body.CALL, "call", { ...fields, deadlineMs }],
            [Body.CAST, "cast", fields],
            [Body.SEND, "send", fields],
        ];
        for (const [body, name, value] of bodies) {
            const frame = create(ClientFrameSchema, { id: BigInt(id), body: { case: name, value } as never });
            const deadline = body === Body.CALL ? deadlineMs : 0;
            assert.deepStrictEqual(
                written((out) => writeHot(out, id, body, target, message, deadline, "")),
                framed(toBinary(ClientFrameSchema, frame)),
            );
        }
    }
});

test("the example of docs/protocol.md", () => {
    const bytes = written((out) => writeHot(out, 2, Body.CALL, "cart-42", "inc", 1000, ""));
    assert.equal(Buffer.from(bytes).toString("hex"), "1708021a130a07636172742d34321a052a03696e6320e807");
});

test("answers read by hand are those of the generated code", () => {
    const read = (bytes: Uint8Array): unknown => {
        const input = new Reader(bytes, 0, bytes.length);
        assert.equal(readId(input), 300);
        return readHot(input, false);
    };
    for (const value of [null, 1, "x".repeat(300), { a: [true] }] as Value[]) {
        assert.deepStrictEqual(read(answer({ case: "reply", value: create2({ payload: encodePayload(value) }) })), value);
    }
    assert.equal(read(answer({ case: "reply", value: create2({}) })), null);
    assert.equal(read(answer({ case: "done", value: {} as never })), undefined);
    assert.equal(read(answer({ case: "error", value: { status: 2, message: "no" } as never })), NOT_HOT);
    // Something behind the answer: valid, and left to the generated code.
    assert.equal(read(Buffer.concat([answer({ case: "done", value: {} as never }), Buffer.from([0x78, 1])])), NOT_HOT);
});

function create2(fields: object): never {
    return fields as never;
}

function collect(chunks: Uint8Array[], max = 1 << 20): string[] {
    const frames: string[] = [];
    const reader = new FrameReader(max, (bytes, from, end) => {
        frames.push(Buffer.from(bytes.subarray(from, end)).toString("hex"));
    });
    for (const chunk of chunks) reader.feed(chunk);
    return frames;
}

test("frames come out the same wherever the stream is cut", () => {
    const bodies = [0, 1, 127, 128, 300, 5].map((length, i) => new Uint8Array(length).fill(i));
    const expected = bodies.map((body) => Buffer.from(body).toString("hex"));
    const stream = Buffer.concat(bodies.map(framed));
    for (let cut = 0; cut <= stream.length; cut++) {
        assert.deepStrictEqual(collect([stream.subarray(0, cut), stream.subarray(cut)]), expected);
    }
    assert.deepStrictEqual(collect([...stream].map((byte) => new Uint8Array([byte]))), expected);
});

test("a stream that ends anywhere gives whole frames only", () => {
    const frame = framed(answer({ case: "reply", value: create2({ payload: encodePayload("x".repeat(200)) }) }));
    for (let length = 0; length < frame.length; length++) {
        assert.deepStrictEqual(collect([frame.subarray(0, length)]), []);
    }
});

test("bytes that are no frames are told", () => {
    const bad: [string, RegExp][] = [
        ["8000", /shortest form/],
        ["ffffffff8f01", /5 bytes/],
        ["ffffffffff01", /5 bytes/],
        ["ffffff7f", /over frameBytesMax/],
    ];
    for (const [text, message] of bad) {
        const bytes = Buffer.from(text, "hex");
        assert.throws(() => collect([bytes]), (error) => error instanceof ProtocolViolation && message.test(error.message));
    }
});

test("a large frame in small pieces takes time that is linear in it", () => {
    const body = new Uint8Array(16 << 20);
    const stream = framed(body);
    const began = performance.now();
    const chunks = [];
    for (let at = 0; at < stream.length; at += 1000) chunks.push(stream.subarray(at, at + 1000));
    let bytes = 0;
    const reader = new FrameReader(64 << 20, (_, from, end) => (bytes = end - from));
    for (const chunk of chunks) reader.feed(chunk);
    assert.equal(bytes, body.length);
    assert.ok(performance.now() - began < 5000, "quadratic");
});

test("truncations and changes of an answer decode or throw, and nothing else", () => {
    const whole = answer({ case: "actorInfo", value: { name: "a", lastCrash: { kind: "raise", backtrace: ["x"] } } as never });
    for (let length = 0; length <= whole.length; length++) {
        for (const change of [0x00, 0x7f, 0xff]) {
            const bytes = whole.slice(0, length);
            if (length > 0) bytes[length - 1] = change;
            const input = new Reader(bytes, 0, bytes.length);
            try {
                readId(input);
                readHot(input, false);
                fromBinary(ServerFrameSchema, bytes);
            } catch (error) {
                assert.ok(error instanceof Error);
            }
        }
    }
});
