"""An error class for each Status of the protocol. Written by tools/gen-python; do not edit."""
from ..errors import StatusError


class Invalid(StatusError):
    """The request's own fields are wrong; the message names the field."""

    number = 1
    _status = "INVALID"
    advice = "correct the field that is named"


class NoProc(StatusError):
    """No actor has this name or id."""

    number = 2
    _status = "NOPROC"
    advice = "start it first; an id is gone after every restart, so ask whereis again"


class AlreadyStarted(StatusError):
    """The name is held; the reason holds the id of the holder."""

    number = 3
    _status = "ALREADY_STARTED"
    advice = "the reason is the holder's id: often that is as good as success"


class UnknownBehaviour(StatusError):
    """No behaviour of this name is loaded."""

    number = 4
    _status = "UNKNOWN_BEHAVIOUR"
    advice = "deploy it, or see what behaviours() lists"


class MailboxFull(StatusError):
    """The actor's mailbox is full."""

    number = 5
    _status = "MAILBOX_FULL"
    advice = "nothing was queued; try again after retry_after_ms"


class Timeout(StatusError):
    """The deadline passed."""

    number = 6
    _status = "TIMEOUT"
    advice = "give it a longer deadline; a turn that had begun may still take effect"


class Crashed(StatusError):
    """The turn crashed; nothing of it was kept."""

    number = 7
    _status = "CRASHED"
    advice = "the turn has changed nothing; crashes() has the details"


class ActorDown(StatusError):
    """The actor ended before it replied; the reason says why."""

    number = 8
    _status = "DOWN"
    advice = "it may have been run; the reason says why the actor ended"


class Refused(StatusError):
    """init said no; the reason is init's own."""

    number = 9
    _status = "REFUSED"
    advice = "the reason is the behaviour's own"


class Overloaded(StatusError):
    """A limit of the server is reached."""

    number = 10
    _status = "OVERLOADED"
    advice = "a limit of the server is reached; try again later if retryable"


class TooLarge(StatusError):
    """A payload, state or frame is over its limit."""

    number = 11
    _status = "TOO_LARGE"
    advice = "send less at once; limits.frame_bytes_max tells how much"


class ProtocolError(StatusError):
    """The bytes are no frame; the connection is closed."""

    number = 12
    _status = "PROTOCOL"
    advice = "this is a bug of the client"


class UnsupportedVersion(StatusError):
    """The protocol version is not spoken here."""

    number = 13
    _status = "UNSUPPORTED_VERSION"
    advice = "use a client of the server's age"


class Unauthenticated(StatusError):
    """The token is missing or wrong."""

    number = 14
    _status = "UNAUTHENTICATED"
    advice = "give connect() the token that the server was started with"


class ShuttingDown(StatusError):
    """The server is going down."""

    number = 15
    _status = "SHUTTING_DOWN"
    advice = "it was not run; try again when the server is back"


class NoMemory(StatusError):
    """The server is out of memory."""

    number = 16
    _status = "NO_MEMORY"
    advice = "try again later if retryable"


class Internal(StatusError):
    """A fault of the server itself."""

    number = 17
    _status = "INTERNAL"
    advice = "it may have been run; the server's log says more"


class NotFound(StatusError):
    """There is no child of this id, no such crash, no such reference."""

    number = 18
    _status = "NOT_FOUND"
    advice = "list what there is"


class Running(StatusError):
    """The child runs; it must be terminated first."""

    number = 19
    _status = "RUNNING"
    advice = "terminate the child first"


class Restarting(StatusError):
    """The child is being restarted; it must be terminated first."""

    number = 20
    _status = "RESTARTING"
    advice = "terminate the child first, or wait"


class AlreadyPresent(StatusError):
    """The supervisor has a stopped child of this id; restart or delete it."""

    number = 21
    _status = "ALREADY_PRESENT"
    advice = "restart or delete the child of that id"


class MaxChildren(StatusError):
    """The supervisor has as many children as it may."""

    number = 22
    _status = "MAX_CHILDREN"
    advice = "terminate a child first"


class BadSpec(StatusError):
    """The spec of a supervisor or child is malformed; message and reason name the field and its value."""

    number = 23
    _status = "BAD_SPEC"
    advice = "the message begins with the field that is wrong"


class SimpleOneForOne(StatusError):
    """This verb means nothing for a supervisor with the strategy simple_one_for_one."""

    number = 24
    _status = "SIMPLE_ONE_FOR_ONE"
    advice = "name the child by its incarnation"


class Deadlock(StatusError):
    """The actor that is called waits, by way of others or not, for the one that calls. Only actors get it."""

    number = 25
    _status = "DEADLOCK"
    advice = "let one of the actors cast instead"


class Conflict(StatusError):
    """A handle or version that the request builds on is no longer valid."""

    number = 26
    _status = "CONFLICT"
    advice = "ask anew, then try again"


class Forbidden(StatusError):
    """The server's options do not allow it, such as to deploy native code."""

    number = 27
    _status = "FORBIDDEN"
    advice = "the server's options decide"


__all__ = [
    "Invalid",
    "NoProc",
    "AlreadyStarted",
    "UnknownBehaviour",
    "MailboxFull",
    "Timeout",
    "Crashed",
    "ActorDown",
    "Refused",
    "Overloaded",
    "TooLarge",
    "ProtocolError",
    "UnsupportedVersion",
    "Unauthenticated",
    "ShuttingDown",
    "NoMemory",
    "Internal",
    "NotFound",
    "Running",
    "Restarting",
    "AlreadyPresent",
    "MaxChildren",
    "BadSpec",
    "SimpleOneForOne",
    "Deadlock",
    "Conflict",
    "Forbidden",
]
