"""Tagged Values: JSON that tells int from double and bytes from text."""
from __future__ import annotations

import base64
import dataclasses
import enum
from typing import Any

import peeper
from google.protobuf.descriptor import FieldDescriptor
from peeper._gen.peeper.v1 import peeper_pb2 as pb


def to_native(tagged: Any) -> Any:
    """The native object that a tagged Value means."""
    if isinstance(tagged, list):
        return [to_native(element) for element in tagged]
    if not isinstance(tagged, dict):
        return tagged  # null, bool or text
    (kind, told), = tagged.items()
    if kind == "int":
        return int(told)
    if kind == "double":
        return float(told)
    if kind == "bytes":
        return base64.b64decode(told, validate=True)
    if kind == "map":
        return {key: to_native(value) for key, value in told}
    raise ValueError(f"a Value is tagged {kind!r}")


def of_native(value: Any) -> Any:
    """The tagged form of a native object."""
    if isinstance(value, peeper.Encoded):
        return {"encoded": base64.b64encode(value.data).decode()}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"int": str(int(value))}
    if isinstance(value, float):
        return {"double": repr(value)}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [of_native(element) for element in value]
    return {"map": [[key, of_native(element)] for key, element in value.items()]}


def of_answer(answer: Any) -> Any:
    """The JSON of an answer's object: the protocol's field names, defaults left out, 64 bits as strings."""
    told: dict[str, Any] = {}
    fields = pb.DESCRIPTOR.message_types_by_name[type(answer).__name__].fields_by_name
    for field in dataclasses.fields(answer):
        name = field.name.rstrip("_")
        value = getattr(answer, field.name)
        if isinstance(value, peeper.Monitor):
            value = value.ref
        if not value and field.type != "Any" or value is None or name not in fields:
            continue
        if field.type == "Any":
            told[name] = of_native(value)
        elif fields[name].type == FieldDescriptor.TYPE_UINT64:
            told[name] = str(int(value))
        else:
            told[name] = _of_field(value)
    return told


def _of_field(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return of_answer(value)
    if isinstance(value, list):
        return [_of_field(element) for element in value]
    return value.name.lower() if isinstance(value, enum.Enum) else value
