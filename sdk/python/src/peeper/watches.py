"""Watches: streams of what is committed, each with a bounded queue, that outlive connections.

A stream that cannot go on as it is - the connection has ended, or its consumer is too slow - is made again
from the version behind the last one that it has, so the server tells what is missing, or a Gap. Where the
server cannot be asked for that (a prefix, or nothing was seen yet) the Gap is made here.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Optional

from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import Changed, Ended, Gap, StepBack, WatchEvent
from .errors import Disconnected, PeeperError
from .failures import ClientTimeout
from .reading import read

if TYPE_CHECKING:
    from .session import Session

EVENTS_MAX = 1024

_SHAPES: dict[str, type[Any]] = {"changed": Changed, "ended": Ended, "gap": Gap, "stepped_back": StepBack}


class Stream:
    """The events of one watch. Lives in the session's loop; take() may be called in any thread."""

    def __init__(self, session: Session, request: pb.Watch, events_max: int) -> None:
        self.ref = 0  # of the first time that it was made; its events have it always
        self._session = session
        self._request = request
        self._events_max = events_max
        self.server_ref = 0  # of now; 0 while it is not made
        self._queue: deque[WatchEvent] = deque()
        self._more = asyncio.Event()  # an event is there, or the end
        self._unit, self._version = 0, 0  # last seen; 0: nothing yet
        self._held = False  # the queue is full, and the server was asked to stop
        self._asked = False  # to make it again
        self._gap_told = False  # of this pause
        self._over = False
        self._error: Optional[PeeperError] = None

    # --- For the consumer ---

    def take(self) -> Optional[WatchEvent]:
        """The next event, if there is one."""
        try:
            event = self._queue.popleft()
        except IndexError:
            return None
        if self._held and len(self._queue) <= self._events_max // 2:
            self._session.call_soon(self._let_go)
        return event

    async def wait(self) -> bool:
        """Waits for an event. False: there will be none. Fails where the server refuses to go on."""
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self._over:
                return False
            self._more.clear()
            await self._more.wait()
        return True

    def close(self) -> None:
        """Ends it; what is in the queue may still be taken."""
        if not self._over:
            self._over = True
            self._stop()
            self._session.watches.forget(self)
        self._more.set()

    # --- For the session ---

    def made(self, ref: int) -> None:
        """The server has answered."""
        self.ref = self.ref or ref
        self.server_ref = ref
        self._gap_told = False
        self._session.watches.put(ref, self)

    def tell(self, kind: str, told: Any) -> None:
        """An event of it has come."""
        if self._held:
            return
        if len(self._queue) >= self._events_max:
            self._held = True
            self._stop()
            return
        told.ref = self.ref
        event = read(_SHAPES[kind], told)
        if kind == "changed":
            self._unit, self._version = told.unit, told.version
        elif kind == "ended":
            self._unit, self._version = 0, 0
            self._request.from_version = 0 if self._request.prefix else 1
        self._put(event)

    def lost(self) -> None:
        self.server_ref = 0

    def resume(self) -> None:
        """Makes it again, on another connection or after a pause."""
        if self._over or self._held or self._asked:
            return
        self._asked = True
        request = pb.Watch()
        request.CopyFrom(self._request)
        if self._unit != 0 and not request.prefix:
            request.from_version, request.unit = self._version + 1, self._unit
        elif request.prefix or request.from_version == 0:
            if not self._gap_told:
                self._gap_told = True
                self._put(Gap(self.ref, request.name if not request.prefix else "", 0, 0, 0))
            request.from_version = 0 if request.prefix else 1
        self._session.ask(pb.ClientFrame(watch=request), "watching", self._resumed)

    def _resumed(self, answer: concurrent.futures.Future[int]) -> None:
        """The server has answered resume(), or will not any more."""
        self._asked = False
        error = answer.exception()
        if error is None:
            self.made(answer.result())
            if self._over or self._held:
                self._stop()
        elif isinstance(error, (Disconnected, ClientTimeout)) or (isinstance(error, PeeperError) and error.retryable):
            if self._session.connected:  # else another connection will make it
                self._session.call_later(max(error.retry_after_ms / 1000, 0.1), self.resume)
        elif isinstance(error, PeeperError):
            self._error = error
            self.close()

    def _put(self, event: WatchEvent) -> None:
        self._queue.append(event)
        self._more.set()

    def _let_go(self) -> None:
        if self._held:
            self._held = False
            if self._session.connected:
                self.resume()

    def _stop(self) -> None:
        """Asks the server to tell no more."""
        if self.server_ref != 0:
            self._session.watches.drop(self.server_ref)
            self._session.ask(pb.ClientFrame(unwatch=pb.Unwatch(ref=self.server_ref)), "done")
            self.server_ref = 0


class Watches:
    """All streams of one session."""

    def __init__(self) -> None:
        self._streams: dict[Stream, None] = {}  # in the order of their beginnings
        self._by_ref: dict[int, Stream] = {}

    def put(self, ref: int, stream: Stream) -> None:
        self._streams[stream] = None
        self._by_ref[ref] = stream

    def drop(self, ref: int) -> None:
        self._by_ref.pop(ref, None)

    def forget(self, stream: Stream) -> None:
        self._streams.pop(stream, None)

    def find(self, ref: int) -> Optional[Stream]:
        """The stream that has this reference for the program; may be called in any thread."""
        return next((stream for stream in list(self._streams) if stream.ref == ref), None)

    def ended(self, stream: Optional[Stream]) -> None:
        """The server has ended the stream."""
        if stream is not None:
            self.drop(stream.server_ref)
            stream.lost()
            stream.close()

    def tell(self, kind: str, event: pb.Event) -> None:
        told = getattr(event, kind)
        stream = self._by_ref.get(told.ref)
        if stream is not None and kind in _SHAPES:
            stream.tell(kind, told)

    def lost(self) -> None:
        """The connection has ended."""
        self._by_ref.clear()
        for stream in self._streams:
            stream.lost()

    def resume(self) -> None:
        """There is another one."""
        for stream in self._streams:
            stream.resume()

    def close(self) -> None:
        self._by_ref.clear()
        for stream in list(self._streams):
            stream.lost()
            stream.close()


class Watch:
    """A watch of the asyncio client: `async for event in watch`, each a WatchEvent; ends with close()."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.ref = stream.ref

    def __aiter__(self) -> Watch:
        return self

    async def __anext__(self) -> WatchEvent:
        while True:
            event = self.stream.take()
            if event is not None:
                return event
            if not await self.stream.wait():
                raise StopAsyncIteration

    def close(self) -> None:
        """Ends it, without waiting for the server; what has come may still be taken."""
        self.stream.close()

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class SyncWatch:
    """A watch of the blocking client: `for event in watch`, each a WatchEvent; ends with close()."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._loop = asyncio.get_running_loop()  # the client's own
        self.ref = stream.ref

    def get(self, timeout: Optional[float] = None) -> Optional[WatchEvent]:
        """The next event, or None at the end. TimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            event = self.stream.take()
            if event is not None:
                return event
            if self._loop.is_closed():  # with the client
                return None
            left = None if until is None else max(0.0, until - time.monotonic())
            waiter = asyncio.run_coroutine_threadsafe(self.stream.wait(), self._loop)
            try:
                if not waiter.result(left):
                    return None
            finally:
                waiter.cancel()

    def __iter__(self) -> SyncWatch:
        return self

    def __next__(self) -> WatchEvent:
        event = self.get()
        if event is None:
            raise StopIteration
        return event

    def close(self) -> None:
        """Ends it, without waiting for the server; what has come may still be taken."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.stream.close)

    def __enter__(self) -> SyncWatch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
