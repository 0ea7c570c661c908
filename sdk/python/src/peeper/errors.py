"""Errors: one class for each status of the server, and those that the client finds itself.

    PeeperError
    ├── StatusError        an answer of the server; one subclass per status, such as NoProc or Timeout
    ├── ConnectFailed      connect() did not get a welcome in time
    ├── Disconnected       the connection ended; `maybe_ran` says whether the request may have been run
    ├── Closed             the client was closed
    ├── TooManyRequests    too many requests wait already
    ├── NotPeeper          what answers is no Peeper server
    ├── InvalidArgument    an argument that no server could understand
    └── InvalidValue       an object that is no Value; `path` names the place
"""
from __future__ import annotations

from typing import Any, ClassVar, Optional


class PeeperError(Exception):
    """Whatever this package raises.

    `message`         one sentence, with what to do
    `retryable`       the request was not run, may succeed later, and is safe to send again
    `retry_after_ms`  when to try again; 0 where nothing is known: then back off, from 10 ms to 1 s
    `status`          the server's status, such as "NOPROC"; None for errors of the client itself
    `reason`          the structured reason, a native value
    `kind`            of a crash: raise, contract, exit, signal, deadline, memory, killed or host_lost
    """

    status: Optional[str] = None
    retryable: bool = False
    retry_after_ms: int = 0
    reason: Any = None
    kind: str = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StatusError(PeeperError):
    """The server has refused a request, or it failed there."""

    number: ClassVar[int] = 0
    advice: ClassVar[str] = ""
    classes: ClassVar[dict[int, type[StatusError]]] = {}
    _status: ClassVar[str] = "INTERNAL"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.number not in StatusError.classes:  # a subclass of Timeout is no other status
            StatusError.classes[cls.number] = cls

    def __init__(self, message: str, *, retryable: bool = False, retry_after_ms: int = 0,
                 reason: Any = None, kind: str = "") -> None:
        super().__init__(message)
        self.status = self._status
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.reason = reason
        self.kind = kind

    def __str__(self) -> str:
        told = f"{self.status}: {self.message}"
        if self.reason is not None:
            told += f" (reason {self.reason!r})"
        return f"{told}; {self.advice}" if self.advice else told


class ConnectFailed(PeeperError, ConnectionError):
    """No connection within connect_timeout. `attempts` holds the cause of each attempt."""

    retryable = True

    def __init__(self, address: str, seconds: float, attempts: list[BaseException]) -> None:
        self.attempts = attempts
        last = f"; the last: {_told(attempts[-1])}" if attempts else ""
        super().__init__(f"no connection to {address} within {seconds:g} s, attempts: {len(attempts)}{last}. "
                         "Is peeperd listening there?")


class Disconnected(PeeperError, ConnectionError):
    """The connection ended before the answer came.

    `maybe_ran`: the request was sent, and nobody knows whether it was run. Repeat it only if running it
    twice does no harm, or give it an idempotency_key. False: it was never sent, and is safe to repeat.
    """

    def __init__(self, message: str, *, maybe_ran: bool) -> None:
        super().__init__(message)
        self.maybe_ran = maybe_ran
        self.retryable = not maybe_ran


class Closed(PeeperError):
    """The client was closed, before or while the request was under way. Make a new client."""


class TooManyRequests(PeeperError):
    """So many requests wait to be sent that no more are taken: await some of them first."""

    retryable = True


class NotPeeper(PeeperError):
    """What came over the connection is nothing that a Peeper server says. Is it the right address?"""


class InvalidArgument(PeeperError, ValueError):
    """An argument that cannot be sent. Nothing was."""


class InvalidValue(PeeperError, ValueError):
    """An object that is no Value, or bytes that are none. Nothing was sent.

    `path` names the place in it: "$" is the whole, "$.items[3].price" a part.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path = "$"

    def within(self, step: str) -> None:
        """Puts `step` before the path: the place lies in that element."""
        self.path = f"${step}{self.path[1:]}"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def _told(cause: BaseException) -> str:
    return str(cause) or type(cause).__name__
