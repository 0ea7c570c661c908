"""Asking: what the verbs of both clients stand on."""
from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Any, Optional, Protocol, Union

from google.protobuf.message import Message

from .answers import Incarnation
from .errors import InvalidArgument

if TYPE_CHECKING:
    from .session import Session, Then

Target = Union[str, Incarnation]
"""Whom a request means: a name, or one incarnation."""

LONG_S = 300.0  # for what waits for very many actors


class Aimed(Protocol):
    """A message that means an actor."""

    name: str
    id: int


class Asks:
    """Whoever can send a request and be answered."""

    _session: Session

    def _ask(self, body: str, message: Message, *expect: str, timeout: Optional[float] = None,
             keyed: bool = False, then: Optional[Then] = None) -> Any:
        """Sends the message in field `body` of ClientFrame; the answer is in one of the fields `expect`.

        In the asyncio client it is a future of the result, in the blocking one the result.
        """
        raise NotImplementedError

    def _key(self, message: Message, key: Union[str, bytes, None]) -> bool:
        """Sets the idempotency key, where there is one; "auto" makes it."""
        if key is None:
            return False
        if not isinstance(key, (str, bytes)) or not key:
            raise InvalidArgument(f'idempotency_key: {key!r}; give a str or bytes that is not empty, or "auto"')
        made = uuid.uuid4().bytes if key == "auto" else key
        data = made if isinstance(made, bytes) else text(made, "idempotency_key").encode()
        if len(data) > 64:
            raise InvalidArgument(f"idempotency_key: {len(data)} bytes; give at most 64")
        setattr(message, "idempotency_key", data)
        return True

    def _ms(self, seconds: Optional[float], name: str = "timeout") -> int:
        """A deadline in milliseconds; None: the client's request_timeout."""
        if seconds is None:
            seconds = self._session.options.request_timeout
        return milliseconds(seconds, name)


def milliseconds(seconds: float, name: str) -> int:
    """At least one, rounded up: 0 would mean the server's default."""
    if not isinstance(seconds, (int, float)) or not 0 < seconds * 1000 < 2**32 - 1:
        raise InvalidArgument(f"{name}: {seconds!r}; give seconds, more than 0 and at most {(2**32 - 2) / 1000}")
    return math.ceil(round(seconds * 1000, 3))


def aim(message: Aimed, target: Target) -> None:
    """Sets whom `message` means."""
    if isinstance(target, str):
        message.name = text(target, "target")
    elif isinstance(target, Incarnation):
        message.id = number(target, 64, "target")
    else:
        raise InvalidArgument(f"target: {target!r}; give a name, or peeper.Incarnation(id)")


def number(value: int, bits: int, name: str) -> int:
    """`value`, if it is an unsigned number of so many bits."""
    if not isinstance(value, int) or not 0 <= value < 2**bits:
        raise InvalidArgument(f"{name}: {value!r}; give an int from 0 to 2**{bits} - 1")
    return value


def text(value: str, name: str) -> str:
    """`value`, if it can be sent as a string."""
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: {value!r}; give a str")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{name}: {value!r} holds half of a surrogate pair, which is no text") from None
    return value
