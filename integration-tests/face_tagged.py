"""Messages of the protocol to the JSON that drivers of SDKs speak, and back."""
from __future__ import annotations

import base64
from typing import Any

import peeper_wire as wire
from server_process import Failure

Args = dict[str, Any]

TARGETS = {"name": "id", "target": "target_id", "source": "source_id"}
RENAMED = {"target": "to", "payload": "message"}
PLAIN_BYTES = ("content",)


def tagged(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        return {"double": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [tagged(element) for element in value]
    return {"map": [[key, tagged(element)] for key, element in value.items()]}


def native(told: Any) -> Any:
    if isinstance(told, list):
        return [native(element) for element in told]
    if not isinstance(told, dict):
        return told
    if len(told) != 1:
        raise Failure(f"the driver told {told!r}, which is no Value")
    (kind, inner), = told.items()
    if kind == "map":
        return {key: native(element) for key, element in inner}
    kinds = {"int": int, "double": float, "bytes": lambda text: base64.b64decode(text, validate=True)}
    if kind not in kinds:
        raise Failure(f"the driver told a Value that is tagged {kind!r}")
    return kinds[kind](inner)


# --- Requests -------------------------------------------------------------------------------------


def word_of(field: Any, number: int) -> str:
    """RESTART_PERMANENT is "permanent"."""
    prefix = field.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return field.enum_type.values_by_number[number].name.removeprefix(prefix).lower()


def told_of(field: Any, value: Any) -> Any:
    if field.name == "idempotency_key":
        return value.decode()  # a text to each SDK
    if field.type == field.TYPE_BYTES:
        return base64.b64encode(value).decode() if field.name in PLAIN_BYTES else tagged(wire.decode_value(value))
    if field.type == field.TYPE_MESSAGE:
        return {inner.name: told_of(inner, one) if inner.label != inner.LABEL_REPEATED else list(one)
                for inner, one in value.ListFields()}
    if field.type == field.TYPE_ENUM:
        return word_of(field, value)
    return str(value) if field.type == field.TYPE_UINT64 else value


def args_of(message: Any) -> Args:
    """The fields of a request; a name and an id that address one actor are a target."""
    known = message.DESCRIPTOR.fields_by_name
    pairs = {name: other for name, other in TARGETS.items() if name in known and other in known}
    args: Args = {}
    for name, other in pairs.items():
        identifier = getattr(message, other)
        who = {"incarnation": str(identifier)} if identifier else {"name": getattr(message, name)}
        if name == "name" or who != {"name": ""}:
            args[RENAMED.get(name, "target" if name == "name" else name)] = who
    for field, value in message.ListFields():
        if field.name not in pairs and field.name not in pairs.values():
            args[RENAMED.get(field.name, field.name)] = told_of(field, value)
    return args


# --- Answers --------------------------------------------------------------------------------------


def number_of(field: Any, told: Any) -> int:
    if field.type == field.TYPE_ENUM:
        values = {word_of(field, value.number): value.number for value in field.enum_type.values}
        return values[told]
    is_text = isinstance(told, str)
    if is_text != (field.type == field.TYPE_UINT64):
        raise Failure(f"the driver told {field.full_name} as {told!r}")
    return int(told)


def plain_of(field: Any, told: Any) -> Any:
    if field.type == field.TYPE_BYTES:
        if isinstance(told, dict) and "encoded" in told:  # bytes that are no Value
            return base64.b64decode(told["encoded"], validate=True)
        return wire.encode_value(native(told))
    if field.type in (field.TYPE_STRING, field.TYPE_BOOL):
        return told
    return number_of(field, told)


def fill(message: Any, told: Args) -> None:
    """Sets the fields of an answer."""
    for name, value in told.items():
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            raise Failure(f"the driver told {name!r}, which {message.DESCRIPTOR.name} does not have")
        if field.type == field.TYPE_MESSAGE and field.label == field.LABEL_REPEATED:
            for one in value:
                fill(getattr(message, name).add(), one)
        elif field.type == field.TYPE_MESSAGE:
            getattr(message, name).SetInParent()
            fill(getattr(message, name), value)
        elif field.label == field.LABEL_REPEATED:
            getattr(message, name).extend(value)
        else:
            setattr(message, name, plain_of(field, value))
