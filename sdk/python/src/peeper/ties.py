"""Ties: monitors and links of a client. Each is told of one end, then it is over.

They end with the connection, as in Erlang: each is told the reason "noconnection" then.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Generator
from typing import Any, Generic, Optional, TypeVar

from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import Down, Event, Exit, Incarnation
from .asking import Target
from .errors import Closed, InvalidArgument
from .reading import read

E = TypeVar("E")


class Tie(Generic[E]):
    """Waits for one event: `await tie` in asyncio, `tie.result(timeout)` elsewhere."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._future: concurrent.futures.Future[E] = concurrent.futures.Future()
        self._thread = threading.get_ident()  # of the client's loop

    def done(self) -> bool:
        """Whether the event has come, or will not come any more."""
        return self._future.done()

    def result(self, timeout: Optional[float] = None) -> E:
        """The event; waits `timeout` seconds for it, else TimeoutError. Closed where it was given up."""
        if self._thread == threading.get_ident() and not self._future.done():
            raise InvalidArgument("result() would wait for its own event loop; await the monitor or link instead")
        return self._future.result(timeout)

    def __await__(self) -> Generator[Any, None, E]:
        # Shielded: who stops waiting does not take it from others.
        return asyncio.shield(asyncio.wrap_future(self._future)).__await__()

    def _tell(self, event: E) -> None:
        if not self._future.done():
            self._future.set_result(event)

    def _give_up(self, what: str) -> None:
        if not self._future.done():
            self._future.set_exception(Closed(what))


class Monitor(Tie[Down]):
    """Watches one incarnation; gives its Down."""

    def __init__(self, target: Target, ref: int, incarnation: Optional[Incarnation]) -> None:
        super().__init__(target)
        self.ref = ref
        self._incarnation = incarnation  # where it is known


class Link(Tie[Exit]):
    """Ties the connection and one incarnation; gives its Exit."""

    def __init__(self, *targets: Target) -> None:
        super().__init__(targets[0])
        self._targets = targets  # the id and the name, where both are known


class Ties:
    """All monitors and links of one session, in its thread."""

    def __init__(self, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._monitors: dict[int, Monitor] = {}
        self._links: dict[Target, list[Link]] = {}

    def monitored(self, target: Target, ref: int, incarnation: Optional[Incarnation] = None) -> Monitor:
        monitor = self._monitors[ref] = Monitor(target, ref, incarnation or _id_of(target))
        return monitor

    def linked(self, *targets: Target) -> Link:
        link = Link(*targets)
        for target in targets:
            self._links.setdefault(target, []).append(link)
        return link

    def demonitored(self, ref: int) -> None:
        monitor = self._monitors.pop(ref, None)
        if monitor is not None:
            monitor._give_up("the monitor was taken back by demonitor()")

    def unlinked(self, target: Target) -> None:
        for link in self._take_links(target):
            link._give_up("the link was taken back by unlink()")

    def down(self, told: pb.Down) -> None:
        monitor = self._monitors.pop(told.ref, None)
        if monitor is not None:  # else a Down that demonitor(flush=True) has thrown away
            self._down(monitor, read(Down, told))

    def exit(self, told: pb.Exit) -> None:
        event = read(Exit, told)
        links = self._take_links(event.name) if event.name else []
        if event.id is not None:
            links += self._take_links(event.id)
        for link in links:
            link._tell(event)
        self._emit(event)

    def lost(self) -> None:
        """The connection has ended."""
        for monitor in list(self._monitors.values()):
            named = monitor.target if isinstance(monitor.target, str) else ""
            self._down(monitor, Down(monitor.ref, monitor._incarnation, named, "noconnection"))
        self._monitors.clear()
        links = {id(link): link for links in self._links.values() for link in links}
        self._links.clear()
        for link in links.values():
            name = next((target for target in link._targets if isinstance(target, str)), "")
            event = Exit(_id_of(link._targets[0]), name, "noconnection")
            link._tell(event)
            self._emit(event)

    def _down(self, monitor: Monitor, event: Down) -> None:
        monitor._tell(event)
        self._emit(event)

    def _take_links(self, target: Target) -> list[Link]:
        links = self._links.pop(target, [])
        for link in links:
            for other in link._targets:
                if other != target and other in self._links:
                    self._links[other].remove(link)
                    if not self._links[other]:
                        del self._links[other]
        return links


def _id_of(target: Target) -> Optional[Incarnation]:
    return target if isinstance(target, Incarnation) else None
