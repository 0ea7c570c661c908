"""Values: native objects to the bytes of a peeper.v1.Value and back.

| Value  | Python            | also taken                        |
|--------|-------------------|-----------------------------------|
| null   | None              |                                   |
| bool   | bool              |                                   |
| int    | int, 64 bits      |                                   |
| double | float             |                                   |
| string | str               |                                   |
| bytes  | bytes             | bytearray, memoryview             |
| list   | list              | tuple                             |
| map    | dict, keys of str | any collections.abc.Mapping       |

Written by hand, not by protobuf: its Python runtime refuses messages that nest deeper than 100, and a
Value of 64 levels is a message of up to 192.
"""
from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .errors import InvalidValue

NESTING_MAX = 64
INT_MIN, INT_MAX = -(2**63), 2**63 - 1

# Tags of Value, of ListValue and MapValue (an element), and of an entry of MapValue.
_NULL, _BOOL, _INT, _DOUBLE = 0x08, 0x10, 0x18, 0x21
_STRING, _BYTES, _LIST, _MAP = 0x2A, 0x32, 0x3A, 0x42
_ELEMENT, _KEY, _VALUE = 0x0A, 0x0A, 0x12
_CUT = "the bytes end within a field"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A payload or state in a behaviour's own encoding, which is no Value. Sent as it is."""

    data: bytes


Value = Union[None, bool, int, float, str, bytes, bytearray, memoryview, Encoded, Sequence[Any], Mapping[str, Any]]
"""What can be sent. Elements are Values in turn, but Encoded stands only outermost."""


def encode(value: Value) -> bytes:
    """The bytes of a Value. Fails with InvalidValue, whose `path` names the place."""
    if type(value) is Encoded:
        return value.data
    return _encode(value, 0)


def decode(data: bytes) -> Any:
    """The native object of a Value's bytes; none are None. Fails with InvalidValue."""
    try:
        return _decode(data, 0, len(data), 0)
    except IndexError:
        raise InvalidValue(_CUT) from None
    except UnicodeDecodeError as error:
        raise InvalidValue(f"a string is not UTF-8: {error}") from None


def decode_or_keep(data: bytes) -> Any:
    """As decode(), and Encoded where the bytes are no Value."""
    try:
        return decode(data)
    except InvalidValue:
        return Encoded(data)


# --- Writing --------------------------------------------------------------------------------------


def varint(number: int) -> bytes:
    """`number`, 0 to 2**64 - 1, in base 128."""
    if number < 0x80:
        return bytes((number,))
    digits = bytearray()
    while number >= 0x80:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _field(tag: int, body: bytes) -> bytes:
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    return bytes((tag,)) + varint(length) + body


def _encode(value: Any, depth: int) -> bytes:
    if isinstance(value, str):
        return _field(_STRING, _utf8(value))
    if value is None:
        return b"\x08\x01"
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if not INT_MIN <= value <= INT_MAX:
            raise InvalidValue("an int must fit in 64 bits with a sign; send a larger one as a str")
        return b"\x18" + varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _field(_BYTES, bytes(value))
    if isinstance(value, (list, tuple)):
        return _field(_LIST, _encode_list(value, depth + 1))
    if isinstance(value, Mapping):
        return _field(_MAP, _encode_map(value, depth + 1))
    if isinstance(value, Encoded):
        raise InvalidValue("Encoded stands only outermost, in place of a whole Value")
    raise InvalidValue(f"{type(value).__name__} is no Value; send None, bool, int, float, str, bytes, "
                       "list or dict")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidValue("a str with half of a surrogate pair is no text; send bytes") from None


def _check_depth(depth: int) -> None:
    if depth > NESTING_MAX:
        raise InvalidValue(f"lists and maps nest deeper than {NESTING_MAX} levels (or hold themselves)")


def _encode_list(values: Sequence[Any], depth: int) -> bytes:
    _check_depth(depth)
    parts = []
    for index, value in enumerate(values):
        try:
            parts.append(_field(_ELEMENT, _encode(value, depth)))
        except InvalidValue as error:
            error.within(f"[{index}]")
            raise
    return b"".join(parts)


def _encode_map(values: Mapping[Any, Any], depth: int) -> bytes:
    _check_depth(depth)
    parts = []
    for key, value in values.items():
        if not isinstance(key, str):
            raise InvalidValue(f"a key of a map must be a str, not {type(key).__name__}")
        try:
            entry = _field(_KEY, _utf8(key)) + _field(_VALUE, _encode(value, depth))
        except InvalidValue as error:
            error.within(f".{key}" if key.isidentifier() else f"[{key!r}]")
            raise
        parts.append(_field(_ELEMENT, entry))
    return b"".join(parts)


# --- Reading --------------------------------------------------------------------------------------
# Positions within one bytes object: nothing is copied but strings and byte strings themselves. Reading
# beyond the object is IndexError, beyond a field's own end InvalidValue.


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    number, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & (2**64 - 1), at + 1
        shift += 7
        if shift > 63:
            raise InvalidValue("a number of more than 10 bytes")


def _read_length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where the body of a field begins, and where it ends."""
    length, at = _read_varint(data, at)
    if length > end - at:
        raise InvalidValue(_CUT)
    return at, at + length


def _skip(data: bytes, tag: int, at: int, end: int) -> int:
    """Behind a field that is not known."""
    kind = tag & 7
    if tag >> 3 == 0:
        raise InvalidValue("a field with the number 0")
    if kind == 0:
        return _read_varint(data, at)[1]
    if kind == 1:
        return at + 8
    if kind == 2:
        return _read_length(data, at, end)[1]
    if kind == 5:
        return at + 4
    raise InvalidValue(f"a field of the wire type {kind}")


def _decode(data: bytes, at: int, end: int, depth: int) -> Any:
    value: Any = None
    while at < end:
        tag, at = _read_varint(data, at)
        if tag == _STRING:
            begin, at = _read_length(data, at, end)
            value = data[begin:at].decode()
        elif tag == _INT:
            number, at = _read_varint(data, at)
            value = (number >> 1) ^ -(number & 1)
        elif tag == _MAP:
            begin, at = _read_length(data, at, end)
            value = _decode_map(data, begin, at, depth + 1)
        elif tag == _LIST:
            begin, at = _read_length(data, at, end)
            value = _decode_list(data, begin, at, depth + 1)
        elif tag == _BOOL:
            number, at = _read_varint(data, at)
            value = number != 0
        elif tag == _DOUBLE:
            if end - at < 8:
                raise InvalidValue(_CUT)
            value = struct.unpack_from("<d", data, at)[0]
            at += 8
        elif tag == _BYTES:
            begin, at = _read_length(data, at, end)
            value = data[begin:at]
        elif tag == _NULL:
            number, at = _read_varint(data, at)
            value = None
        else:
            at = _skip(data, tag, at, end)
    if at != end:
        raise InvalidValue(_CUT)
    return value


def _decode_list(data: bytes, at: int, end: int, depth: int) -> list[Any]:
    _check_depth(depth)
    values = []
    while at < end:
        tag, at = _read_varint(data, at)
        if tag == _ELEMENT:
            begin, at = _read_length(data, at, end)
            values.append(_decode(data, begin, at, depth))
        else:
            at = _skip(data, tag, at, end)
    if at != end:
        raise InvalidValue(_CUT)
    return values


def _decode_map(data: bytes, at: int, end: int, depth: int) -> dict[str, Any]:
    _check_depth(depth)
    values: dict[str, Any] = {}
    while at < end:
        tag, at = _read_varint(data, at)
        if tag == _ELEMENT:
            begin, at = _read_length(data, at, end)
            key, value = _decode_entry(data, begin, at, depth)
            values[key] = value
        else:
            at = _skip(data, tag, at, end)
    if at != end:
        raise InvalidValue(_CUT)
    return values


def _decode_entry(data: bytes, at: int, end: int, depth: int) -> tuple[str, Any]:
    key, value = "", None
    while at < end:
        tag, at = _read_varint(data, at)
        if tag == _KEY:
            begin, at = _read_length(data, at, end)
            key = data[begin:at].decode()
        elif tag == _VALUE:
            begin, at = _read_length(data, at, end)
            value = _decode(data, begin, at, depth)
        else:
            at = _skip(data, tag, at, end)
    if at != end:
        raise InvalidValue(_CUT)
    return key, value
