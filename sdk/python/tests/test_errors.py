"""Errors: one class per status, and every class says what to do. Shapes have every field of the protocol."""
from __future__ import annotations

import dataclasses
import inspect
import re
from typing import Any

import pytest

import peeper
from peeper import answers, asking, starting, verbs_supervisors
from peeper._gen.peeper.v1 import peeper_pb2 as pb
from peeper.failures import failure
from peeper.replies import reply_of
from peeper.values import encode

STATUSES = [(name.removeprefix("STATUS_"), number) for name, number in pb.Status.items() if number != 0]


@pytest.mark.parametrize(("status", "number"), STATUSES)
def test_each_status_has_a_class_of_its_own(status: str, number: int) -> None:
    error = failure(pb.Error(status=f"STATUS_{status}", message="so it is", retryable=True, retry_after_ms=7,
                             reason=encode(["a", 1]), kind="raise"))
    assert type(error) is not peeper.StatusError and getattr(peeper, type(error).__name__) is type(error)
    assert (error.status, error.number, error.message) == (status, number, "so it is")
    assert (error.retryable, error.retry_after_ms, error.reason, error.kind) == (True, 7, ["a", 1], "raise")
    assert str(error) == f"{status}: so it is (reason ['a', 1]); {error.advice}" and error.advice


def test_there_is_a_class_for_each_status_and_no_other() -> None:
    numbers = [number for number in peeper.StatusError.classes if number != 0]
    assert sorted(numbers) == sorted(number for _, number in STATUSES)


def test_an_unknown_status_is_internal() -> None:
    error = failure(pb.Error.FromString(b"\x08\xe7\x07\x12\x03new\x18\x01"))
    assert type(error) is peeper.Internal and error.status == "STATUS_999" and error.retryable


def test_a_client_timeout_is_a_timeout() -> None:
    assert issubclass(peeper.ClientTimeout, peeper.Timeout)
    assert peeper.StatusError.classes[peeper.Timeout.number] is peeper.Timeout


SHAPES = [shape for shape in vars(answers).values()
          if dataclasses.is_dataclass(shape) and shape not in (answers.Lost, answers.Restored)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_shape_has_every_field_of_its_message(shape: type) -> None:
    known = {field.name for field in pb.DESCRIPTOR.message_types_by_name[shape.__name__].fields}
    has = {field.name.rstrip("_") for field in dataclasses.fields(shape)}
    assert known - has == set()
    assert has - known <= {"link", "more"}  # what the client adds


def test_every_answer_of_the_protocol_can_be_read() -> None:
    for field in pb.ServerFrame.DESCRIPTOR.oneofs_by_name["body"].fields:
        if field.name in ("welcome", "error", "event"):
            continue
        frame = pb.ServerFrame(id=1)
        getattr(frame, field.name).SetInParent()
        reply_of(frame, field.name)


def test_every_request_of_the_protocol_has_a_verb_in_both_clients() -> None:
    for client in (peeper.Client, peeper.SyncClient):
        source = "".join(inspect.getsource(base) for base in client.__mro__ if base.__module__.startswith("peeper"))
        missing = [field.name for field in pb.ClientFrame.DESCRIPTOR.oneofs_by_name["body"].fields
                   if field.name != "hello" and f'"{field.name}"' not in source]
        assert missing == []


def test_every_field_of_every_request_can_be_set() -> None:
    verbs = [inspect.getsource(verb) for _, verb in inspect.getmembers(peeper.Client, inspect.isfunction)]
    helpers: dict[str, Any] = {"aim(": asking.aim, "_key(": asking.Asks._key, "_mean(": verbs_supervisors._mean,
               "_move(": verbs_supervisors._move, "start_message(": starting.start_message}
    for request in pb.ClientFrame.DESCRIPTOR.oneofs_by_name["body"].fields:
        if request.name == "hello":
            continue
        verb = next(source for source in verbs if f'_ask("{request.name}"' in source)
        source = verb + "".join(inspect.getsource(helper) for call, helper in helpers.items() if call in verb)
        assert request.message_type is not None
        for field in request.message_type.fields:
            # target_id and source_id are made of the two words.
            assert re.search(rf"\b{field.name.removesuffix('_id')}\b", source), f"{request.name}.{field.name}"
