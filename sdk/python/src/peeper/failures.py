"""Failures: from the protocol's Error to the class of its status."""
from __future__ import annotations

from ._gen.peeper.v1 import peeper_pb2 as pb
from ._gen.statuses import Internal, Timeout
from .errors import StatusError
from .values import decode_or_keep


def failure(error: pb.Error) -> StatusError:
    """The exception that tells `error`. A status that this client does not know is an Internal."""
    kind = StatusError.classes.get(error.status, Internal)
    found = kind(error.message, retryable=error.retryable, retry_after_ms=error.retry_after_ms,
                 reason=decode_or_keep(error.reason), kind=error.kind)
    if kind is Internal and error.status != Internal.number:
        found.status = f"STATUS_{error.status}"
    return found


class ClientTimeout(Timeout):
    """The client's own timer ran out: the server has not answered, not even that the deadline passed.

    `retryable`: the request was never sent.
    """

    advice = "is the server alive, and the network?"
