import { fromBinary, toBinary } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import { test } from "node:test";
import { ValueSchema, type Value as WireValue } from "../gen/peeper/v1/value_pb.js";
import { Double, InvalidValue, type Payload, Raw, type Value, decodePayload, encodePayload } from "../src/index.js";
import { DEPTH_MAX } from "../src/value.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const generated = (bytes: Uint8Array): WireValue["kind"] => fromBinary(ValueSchema, bytes).kind;

function nested(levels: number): Value {
    let value: Value = null;
    for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
}

test("what goes out comes back", () => {
    const values: Value[] = [
        null, true, false, 0, 1, -1, 127, -128, 2 ** 31, -(2 ** 31), 2 ** 52, Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER, 0.1, -0, NaN, Infinity, -Infinity, 1e300, 2 ** 53, "", "text", "ä€😀\u0000",
        "x".repeat(100), "é".repeat(100), "x".repeat(70000), new Uint8Array(), new Uint8Array([0, 255]), [], {},
        [[], [1, "a", null]], { a: 1, "": 2, "ü": [{ b: null }] }, -(1n << 63n), (1n << 63n) - 1n, 1n << 53n,
        Array.from({ length: 1000 }, (_, i) => i),
    ];
    for (const value of values) assert.deepStrictEqual(decodePayload(encodePayload(value), false), value);
});

test("the bytes are those of the generated code", () => {
    const cases: [Value, WireValue["kind"]][] = [
        [null, { case: "null", value: true }],
        [true, { case: "bool", value: true }],
        [-5, { case: "int", value: -5n }],
        [Number.MAX_SAFE_INTEGER, { case: "int", value: BigInt(Number.MAX_SAFE_INTEGER) }],
        [Number.MIN_SAFE_INTEGER, { case: "int", value: BigInt(Number.MIN_SAFE_INTEGER) }],
        [-(1n << 63n), { case: "int", value: -(1n << 63n) }],
        [(1n << 63n) - 1n, { case: "int", value: (1n << 63n) - 1n }],
        [0.5, { case: "double", value: 0.5 }],
        [2 ** 60, { case: "double", value: 2 ** 60 }],
        [-0, { case: "double", value: -0 }],
        [new Double(3), { case: "double", value: 3 }],
        ["text", { case: "string", value: "text" }],
        ["é".repeat(200), { case: "string", value: "é".repeat(200) }],
        [new Uint8Array([1, 2]), { case: "bytes", value: new Uint8Array([1, 2]) }],
    ];
    for (const [value, kind] of cases) {
        const bytes = encodePayload(value);
        assert.deepStrictEqual(generated(bytes), kind);
        assert.equal(hex(bytes), hex(toBinary(ValueSchema, { $typeName: "peeper.v1.Value", kind })));
    }
    const list = generated(encodePayload([1, { k: "v".repeat(200) }]));
    assert.equal(list.case, "list");
    const [one, map] = list.value?.values as [WireValue, WireValue];
    assert.deepStrictEqual(one.kind, { case: "int", value: 1n });
    assert.equal(map.kind.case === "map" && map.kind.value.entries["k"]?.kind.value, "v".repeat(200));
});

test("undefined is null as a payload, and left out of a map", () => {
    assert.equal(encodePayload(undefined).length, 0);
    assert.equal(decodePayload(new Uint8Array(), false), null);
    assert.deepStrictEqual(decodePayload(encodePayload({ a: undefined, b: 1 }), false), { b: 1 });
});

test("a Map and an object without prototype are maps", () => {
    assert.deepStrictEqual(decodePayload(encodePayload(new Map([["a", 1]])), false), { a: 1 });
    assert.deepStrictEqual(decodePayload(encodePayload(Object.assign(Object.create(null), { a: 1 }) as Value), false), { a: 1 });
});

test("__proto__ is a key like any other", () => {
    const map = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1}') as Value;
    const back = decodePayload(encodePayload(map), false) as Record<string, Value>;
    assert.equal(Object.getPrototypeOf(back), Object.prototype);
    assert.deepStrictEqual(Object.keys(back), ["__proto__", "constructor"]);
    assert.equal((back as { polluted?: unknown }).polluted, undefined);
    assert.deepStrictEqual(encodePayload(back), encodePayload(map));
});

test("with `exact` a round trip is lossless", () => {
    const bytes = encodePayload([1n, new Double(1), 1.5, { a: -(1n << 63n) }, "1"]);
    const exact = decodePayload(bytes, true);
    assert.deepStrictEqual(exact, [1n, new Double(1), new Double(1.5), { a: -(1n << 63n) }, "1"]);
    assert.equal(hex(encodePayload(exact)), hex(bytes));
});

test("what no Value can hold is told with its path, and what to do", () => {
    const cases: [Payload, string, RegExp][] = [
        [1n << 63n, "$", /does not fit in 64 bits/],
        [{ items: [0, { "unit price": -(1n << 63n) - 1n }] }, '$.items[1]["unit price"]', /64 bits/],
        [["\ud800"], "$[0]", /surrogate/],
        [{ "\udc00": 1 }, '$["\\udc00"]', /surrogate/],
        [["x".repeat(100) + "\ud800"], "$[0]", /surrogate/],
        [[undefined as unknown as Value], "$[0]", /null is/],
        [{ when: new Date() as unknown as Value }, "$.when", /a Date is no Value; turn it into plain data/],
        [{ f: (() => 1) as unknown as Value }, "$.f", /a function/],
        [{ s: Symbol("s") as unknown as Value }, "$.s", /a symbol/],
        [{ r: new Raw(new Uint8Array()) as unknown as Value }, "$.r", /whole payload/],
        [new Map([[1, 2]]) as unknown as Value, "$", /a number is no key/],
    ];
    for (const [payload, path, message] of cases) {
        assert.throws(
            () => encodePayload(payload),
            (error) => error instanceof InvalidValue && error.path === path && message.test(error.message),
            path,
        );
    }
});

test("64 levels are good and 65 are told, in both directions", () => {
    const deepest = nested(DEPTH_MAX);
    const bytes = encodePayload(deepest);
    assert.deepStrictEqual(decodePayload(bytes, false), deepest);
    assert.throws(() => encodePayload(nested(DEPTH_MAX + 1)), /^InvalidValue: \$\[0\]\.a\[0\]\..*deeper than 64/);
    const cycle: Value[] = [];
    cycle.push(cycle);
    assert.throws(() => encodePayload(cycle), /break the cycle/);

    // One list more around the deepest, by hand.
    const element = Buffer.concat([Buffer.from([0x0a]), varint(bytes.length), bytes]);
    const deeper = Buffer.concat([Buffer.from([0x3a]), varint(element.length), element]);
    assert.ok(decodePayload(deeper, false) instanceof Raw);
});

function varint(n: number): Uint8Array {
    const bytes = [];
    for (; n > 127; n >>= 7) bytes.push((n & 127) | 128);
    return new Uint8Array([...bytes, n]);
}

test("a payload that is no Value comes as Raw", () => {
    for (const text of ["ff", "2a05616263", "2a01ff", "1880", "21000000", "0b", "18ffffffffffffffffffff7f", "420a0a"]) {
        const bytes = new Uint8Array(Buffer.from(text, "hex"));
        assert.deepStrictEqual(decodePayload(bytes, false), new Raw(bytes), text);
        assert.deepStrictEqual(encodePayload(new Raw(bytes)), bytes);
    }
});

test("fields that are not known are passed over, and the last kind counts", () => {
    const bytes = new Uint8Array(Buffer.from("78017a0161" + "7d00000000" + "790000000000000000" + "1802" + "2a0161", "hex"));
    assert.equal(decodePayload(bytes, false), "a");
    const map = new Uint8Array(Buffer.from("4214" + "0a050a0161120018" + "00".repeat(0), "hex"));
    assert.ok(decodePayload(map, false) instanceof Raw);
    // A key that stands twice, and an entry without a value.
    const twice = new Uint8Array(Buffer.from("4212" + "0a070a016112021802" + "0a070a016112021804", "hex"));
    assert.deepStrictEqual(decodePayload(twice, false), { a: 2 });
    assert.deepStrictEqual(decodePayload(new Uint8Array(Buffer.from("42050a030a0161", "hex")), false), { a: null });
});

test("every truncation and every changed byte of a Value decodes or is Raw", () => {
    const bytes = encodePayload({ list: [1, -1n << 40n, 0.5, "ä", new Uint8Array([1])], map: { a: { b: null } }, t: true });
    for (let length = 0; length <= bytes.length; length++) {
        const value = decodePayload(bytes.slice(0, length), false);
        assert.ok(length === 0 || length === bytes.length || value instanceof Raw || typeof value === "object");
        for (const change of [0x00, 0x7f, 0x80, 0xff]) {
            const changed = bytes.slice();
            changed[length] = change;
            decodePayload(changed, true);
        }
    }
});
