"""Values: what is written is what protobuf reads, and what protobuf writes is what is read."""
from __future__ import annotations

import math
import random
from collections import OrderedDict
from decimal import Decimal
from typing import Any

import pytest

import peeper
from peeper._gen.peeper.v1 import value_pb2
from peeper.values import decode, encode

EXAMPLES: list[Any] = [
    None, True, False, 0, 1, -1, 63, 64, -64, -65, 2**63 - 1, -(2**63), 0.0, -0.0, 0.1, 1e308, 5e-324,
    math.inf, -math.inf, "", "a", "ä€😀\0", "x" * 127, "x" * 128, "x" * 70000, b"", b"\x00\xff", [], {}, [None],
    {"": None}, {"a": [1, {"b": b"c"}]}, [[[]]], [1.5, "2", b"3", None, True, {"k": -4}],
]


def protobuf_of(value: Any) -> value_pb2.Value:
    if value is None:
        return value_pb2.Value(null=True)
    if isinstance(value, list):
        return value_pb2.Value(list=value_pb2.ListValue(values=[protobuf_of(one) for one in value]))
    if isinstance(value, dict):
        entries = {key: protobuf_of(one) for key, one in value.items()}
        return value_pb2.Value(map=value_pb2.MapValue(entries=entries))
    kinds = {bool: "bool", int: "int", float: "double", str: "string", bytes: "bytes"}
    return value_pb2.Value(**{kinds[type(value)]: value})


def random_value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(8 if depth < 5 else 6)
    if kind == 6:
        return [random_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 7:
        return {str(chance.random()): random_value(chance, depth + 1) for _ in range(chance.randrange(4))}
    return [None, chance.random() < 0.5, chance.getrandbits(64) - 2**63 >> chance.randrange(64),
            chance.uniform(-1e9, 1e9), "ü" * chance.randrange(200), chance.randbytes(chance.randrange(200))][kind]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: repr(value)[:30])
def test_a_value_is_what_protobuf_says(value: Any) -> None:
    data = encode(value)
    assert value_pb2.Value.FromString(data) == protobuf_of(value)
    for written in (data, protobuf_of(value).SerializeToString()):
        back = decode(written)
        assert back == value and type(back) is type(value)
        assert not isinstance(value, float) or math.copysign(1, back) == math.copysign(1, value)


def test_random_values_are_what_protobuf_says() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        value = random_value(chance)
        assert value_pb2.Value.FromString(encode(value)) == protobuf_of(value)
        assert decode(protobuf_of(value).SerializeToString()) == value


def test_no_bytes_are_null_and_nan_stays_nan() -> None:
    assert decode(b"") is None
    assert math.isnan(decode(encode(math.nan)))


def test_what_is_like_a_native_type_is_taken() -> None:
    assert decode(encode((1, bytearray(b"2"), memoryview(b"3"), OrderedDict(a=peeper.Incarnation(4))))) == [
        1, b"2", b"3", {"a": 4}]


@pytest.mark.parametrize(("value", "path", "told"), [
    (2**63, "$", "64 bits"),
    (-(2**63) - 1, "$", "64 bits"),
    ({"items": [0, 1, {"price": Decimal(1)}]}, "$.items[2].price", "Decimal"),
    ({"two words": [2**64]}, "$['two words'][0]", "64 bits"),
    ({1: 2}, "$", "key"),
    (["\ud800"], "$[0]", "surrogate"),
    ({"\ud800": 1}, "$['\\ud800']", "surrogate"),
    ({1, 2}, "$", "set"),
    ([peeper.Encoded(b"")], "$[0]", "outermost"),
])
def test_what_is_no_value_is_told_with_its_place(value: Any, path: str, told: str) -> None:
    with pytest.raises(peeper.InvalidValue, match=told) as caught:
        encode(value)
    assert caught.value.path == path
    assert str(caught.value).startswith(path)


def nested(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"k": value}
    return value


def test_64_levels_nest_and_no_more() -> None:
    assert decode(encode(nested(64))) == nested(64)
    with pytest.raises(peeper.InvalidValue, match="64 levels"):
        encode(nested(65))
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(peeper.InvalidValue, match="hold themselves") as caught:
        encode(itself)
    assert caught.value.path == "$" + "[0]" * 64


def deep_bytes(levels: int) -> bytes:
    data = b"\x18\x02"
    for _ in range(levels):
        for tag in (0x0A, 0x3A):
            length, digits = len(data), bytearray()
            while length >= 0x80:
                digits.append(length & 0x7F | 0x80)
                length >>= 7
            data = bytes((tag,)) + digits + bytes((length,)) + data
    return data


def test_bytes_that_nest_deeper_are_refused_without_descending() -> None:
    assert decode(deep_bytes(64)) is not None
    for levels in (65, 20000):
        with pytest.raises(peeper.InvalidValue, match="64 levels"):
            decode(deep_bytes(levels))


def test_the_last_of_two_counts_and_unknown_fields_are_skipped() -> None:
    assert decode(b"\x18\x02\x2a\x01x") == "x"
    twice = value_pb2.MapValue.EntriesEntry(key="k", value=value_pb2.Value(int=1)).SerializeToString()
    other = value_pb2.MapValue.EntriesEntry(key="k", value=value_pb2.Value(int=2)).SerializeToString()
    body = b"".join(b"\x0a" + bytes((len(one),)) + one for one in (twice, other))
    assert decode(b"\x42" + bytes((len(body),)) + body) == {"k": 2}
    unknown = b"\x78\x01" + b"\x7a\x02ab" + b"\x79" + bytes(8) + b"\x7d" + bytes(4)
    assert decode(unknown + b"\x18\x02" + unknown) == 1


def test_every_truncation_and_every_flipped_byte_is_read_or_told() -> None:
    data = encode({"a": [1, -2, 3.5, "ü", b"x" * 200, {"b": None}], "c": True, "d": [[[2**40]]]})
    for end in range(1, len(data)):
        with pytest.raises(peeper.InvalidValue):
            decode(data[:end])
    chance = random.Random(3)
    for _ in range(20000):
        spoilt = bytearray(data)
        spoilt[chance.randrange(len(data))] = chance.randrange(256)
        try:
            decode(bytes(spoilt))
        except peeper.InvalidValue:
            pass


def test_large_lists_cost_what_they_hold() -> None:
    values = list(range(300_000))
    assert decode(encode(values)) == values
