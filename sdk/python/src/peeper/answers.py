"""Answers: what the server tells, as plain objects. Field names are those of the protocol.

Times are Unix milliseconds (`at_ms`); Values are native objects, or Encoded where a behaviour has its own encoding.
An id that may be absent is None there.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    from .ties import Link, Monitor


class Incarnation(int):
    """The id of one incarnation of an actor: new after every restart, so an old one finds nobody.

    A target like a name: client.call(Incarnation(5), "inc").
    """

    def __repr__(self) -> str:
        return f"Incarnation({int(self)})"


class Restart(enum.IntEnum):
    """Which ends of an incarnation are followed by a new one."""

    PERMANENT = 1
    TRANSIENT = 2  # after abnormal ends only
    TEMPORARY = 3


class OnIntensity(enum.IntEnum):
    """What follows more restarts than the intensity allows."""

    BACKOFF = 1  # restart later and later
    SUSPEND = 2  # keep state and mailbox, run nothing until resume
    STOP = 3  # end the actor


class Isolation(enum.IntEnum):
    """With whom an actor shares its host process."""

    UNSPECIFIED = 0
    SHARED = 1
    OWN = 2  # with nobody


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server refuses."""

    frame_bytes_max: int
    name_bytes_max: int
    deadline_ms_max: int
    mailbox_max: int


@dataclass(frozen=True, slots=True)
class Welcome:
    protocol_version: int
    server_version: str
    limits: Limits
    features: list[str]


@dataclass(frozen=True, slots=True)
class Started:
    """`id` is None where `ignored`: init wanted no actor, and that is no error. `unit` stays over restarts."""

    id: Optional[Incarnation]
    unit: int
    name: str
    ignored: bool
    info: Any  # that init gave to whoever starts the actor
    monitor: Optional[Monitor] = None  # where the start asked for it
    link: Optional[Link] = None  # likewise


@dataclass(frozen=True, slots=True)
class StateInfo:
    """One generation of an actor's state. The state that init returned has version 1; versions count within a unit."""

    value: Any
    version: int
    at_ms: int
    turn: int
    unit: int


@dataclass(frozen=True, slots=True)
class Generation:
    """A state without its value."""

    version: int
    at_ms: int
    turn: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Generations:
    generations: list[Generation]  # newest first
    kept: int  # so many at most


@dataclass(frozen=True, slots=True)
class CrashInfo:
    """How an incarnation ended. `id` is 0 where the crash log has not kept it."""

    kind: str
    reason: Any
    at_ms: int
    message: str
    backtrace: list[str]
    id: int


@dataclass(frozen=True, slots=True)
class SteppedBack:
    """An actor that crashed right after its restart was restarted with an older generation."""

    from_: int
    to: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class ActorInfo:
    """All about one actor. `status`: starting, running, restarting, waiting, suspended, stopping or ended."""

    name: str
    unit: int
    incarnation: Optional[Incarnation]
    behaviour: str
    status: str
    state: Optional[StateInfo]  # absent in listings
    newest_version: int  # of the state; 0 while there is none
    restarts: int
    mailbox: int
    worker: int  # -1 while no host holds it
    host_pid: int  # 0 likewise
    last_crash: Optional[CrashInfo]
    turn_ms: int
    suspended: bool
    supervisor: str
    links: int
    monitors: int
    trap_exit: bool
    hibernating: bool
    is_supervisor: bool
    strategy: str
    timers: int
    awaits: str
    isolation: Isolation
    quarantined: bool
    watchers: int
    events_dropped: int
    tables: int
    table_bytes: int
    stepped_back: Optional[SteppedBack]
    version: str
    code_refused: str


@dataclass(frozen=True, slots=True)
class Listing:
    actors: list[ActorInfo]
    next: int  # 0 after the last page


@dataclass(frozen=True, slots=True)
class TableInfo:
    """The table without a name is the dictionary."""

    name: str
    ordered: bool
    private: bool
    heir: bool
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    key: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of rows. `next` is the key to go on after, where there are `more`."""

    rows: list[Row]
    next: Any
    more: bool = False


@dataclass(frozen=True, slots=True)
class CrashReport:
    """One crash. `turn` is the kind of message that did it, and `payload` the message."""

    crash: int
    name: str
    unit: int
    incarnation: Incarnation
    behaviour: str
    version: str
    kind: str
    reason: Any
    message: str
    backtrace: list[str]
    turn: str
    payload: Any  # None in listings
    payload_bytes: int
    payload_cut: bool  # too long to be kept whole: it cannot be run again
    state_version: int
    host_pid: int
    at_ms: int
    attempts: int
    message_set_aside: bool
    redriven: int


@dataclass(frozen=True, slots=True)
class CrashListing:
    reports: list[CrashReport]
    next: int  # 0 after the last page


@dataclass(frozen=True, slots=True)
class Child:
    """One child of a supervisor. `status` as in ActorInfo, or "stopped": the spec only."""

    id: str
    incarnation: Optional[Incarnation]
    status: str
    supervisor: bool
    name: str
    behaviour: str
    restarts: int
    mailbox: int
    unit: int
    children: int
    strategy: str
    restart: str
    significant: bool


@dataclass(frozen=True, slots=True)
class Children:
    children: list[Child]  # newest first
    next: int  # 0 after the last page


@dataclass(frozen=True, slots=True)
class ChildCounts:
    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass(frozen=True, slots=True)
class TransferPrepared:
    """`handle` is for one commit_transfer, within `valid_ms`."""

    handle: int
    valid_ms: int


@dataclass(frozen=True, slots=True)
class BehaviourInfo:
    """One version of a behaviour. `kind` is "native" or "lua"."""

    name: str
    version: str
    kind: str
    callbacks: list[str]
    actors: int
    file: str
    current: bool  # new actors run it


@dataclass(frozen=True, slots=True)
class UpgradeRefusal:
    name: str
    unit: int
    reason: str


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    behaviour: str
    from_: str
    to: str
    changed: int
    moved: int
    refused: int
    gone: int
    left: int
    refusals: list[UpgradeRefusal]  # the first 100
    took_ms: int
    dry_run: bool
    stopped: str


# --- Events ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Down:
    """A monitored incarnation has ended. `name` is set where the monitor named it."""

    ref: int
    id: Optional[Incarnation]
    name: str
    reason: Any


@dataclass(frozen=True, slots=True)
class Exit:
    """A linked incarnation has ended."""

    id: Optional[Incarnation]
    name: str
    reason: Any


@dataclass(frozen=True, slots=True)
class OldState:
    value: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """A state was committed. `old` is the one before, where the watch wants it and there is one."""

    ref: int
    name: str
    unit: int
    version: int
    at_ms: int
    value: Any
    old: Optional[OldState]


@dataclass(frozen=True, slots=True)
class Ended:
    """A unit is over for good, with its last state. A restart is not told."""

    ref: int
    name: str
    unit: int
    reason: Any
    version: int
    value: Any


@dataclass(frozen=True, slots=True)
class Gap:
    """The versions first_version to last_version were not told. An empty name: nobody knows whose."""

    ref: int
    name: str
    unit: int
    first_version: int
    last_version: int


@dataclass(frozen=True, slots=True)
class StepBack:
    """An actor goes on with an older state; `missed` steps back before this one were not told."""

    ref: int
    name: str
    unit: int
    step: SteppedBack
    missed: int


@dataclass(frozen=True, slots=True)
class UpgradeProgress:
    """How far an upgrade is that this client has asked for."""

    behaviour: str
    done: int
    total: int
    refused: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """The server goes down and will close the connection."""

    message: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection has ended; the client makes another one."""

    cause: Exception


@dataclass(frozen=True, slots=True)
class Restored:
    """There is a connection again."""

    welcome: Welcome


WatchEvent = Union[Changed, Ended, Gap, StepBack]
Event = Union[Down, Exit, Changed, Ended, Gap, StepBack, UpgradeProgress, Goodbye, Lost, Restored]
