"""Reading: from the protocol's messages to the objects of answers.py."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from google.protobuf.message import Message

from . import answers
from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import Incarnation, Isolation
from .values import decode_or_keep

T = TypeVar("T")

_readers: dict[type, Callable[[Any], Any]] = {}


def read(shape: type[T], message: Message) -> T:
    """The object of class `shape` that `message` tells."""
    reader = _readers.get(shape)
    if reader is None:
        reader = _readers[shape] = _reader(shape)
    result: T = reader(message)
    return result


def _reader(shape: type[Any]) -> Callable[[Any], Any]:
    """Reads the protobuf message that has the name of `shape`, by the annotations of its fields."""
    known = pb.DESCRIPTOR.message_types_by_name[shape.__name__].fields_by_name
    parts: list[tuple[str, Callable[[Any], Any]]] = []
    for field in fields(shape):
        name = field.name.rstrip("_")
        if name in known and not (shape is answers.Started and name == "monitor"):
            parts.append((field.name, _part(name, str(field.type))))
    return lambda message: shape(**{name: part(message) for name, part in parts})


def _part(name: str, annotation: str) -> Callable[[Any], Any]:
    """Reads one field."""
    optional = annotation.startswith("Optional[")
    inner = annotation[annotation.find("[") + 1:].rstrip("]")
    if annotation == "Any":
        return lambda message: decode_or_keep(getattr(message, name))
    if inner == "Incarnation":
        return lambda message: Incarnation(getattr(message, name)) if not optional or getattr(message, name) else None
    kind: Any = getattr(answers, inner, None)
    if annotation.startswith("list["):
        if kind is None:
            return lambda message: list(getattr(message, name))
        return lambda message: [read(kind, element) for element in getattr(message, name)]
    if optional:
        return lambda message: read(kind, getattr(message, name)) if message.HasField(name) else None
    if kind is Isolation:
        return lambda message: Isolation(getattr(message, name))
    if kind is not None:
        return lambda message: read(kind, getattr(message, name))
    return lambda message: getattr(message, name)
