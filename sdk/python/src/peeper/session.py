"""Session: requests on one connection after another, from when they are asked until they are answered.

Runs in one event loop; only its thread may call it. A request waits in `_waiting` until it is written, and in
`_inflight` until its answer comes. Everything that was asked within one turn of the loop is one write.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Optional, Union

from google.protobuf.message import Message

from ._gen.peeper.v1 import peeper_pb2 as pb
from ._gen.statuses import TooLarge
from .answers import Event, Goodbye, Lost, Restored, UpgradeProgress, Welcome
from .connection import FINAL, Connection, dial, pauses
from .errors import Closed, Disconnected, NotPeeper, PeeperError, TooManyRequests
from .failures import ClientTimeout, failure
from .reading import read
from .replies import reply_of
from .ties import Ties
from .values import varint
from .watches import Watches

SWEEP_S = 0.1  # how exact the client's own timers are
SLACK_S = 0.25  # by which they are later than the server's
BATCH_BYTES = 1 << 18

# Requests that only look: repeating them does no harm.
READS = frozenset({
    "ping", "where_is", "list", "inspect", "get_state", "list_generations", "list_tables", "read_table",
    "list_crashes", "show_crash", "list_behaviours", "which_children", "count_children", "get_child_spec",
    "check_specs", "prepare_transfer", "monitor", "demonitor", "watch", "unwatch"})

AnyFuture = Union["asyncio.Future[Any]", "concurrent.futures.Future[Any]"]
Then = Callable[[Any, pb.ServerFrame, bool], Any]  # what the answer tells, the answer, is it still wanted


@dataclass(slots=True, eq=False)
class Request:
    """One request on its way."""

    id: int
    body: str  # which field of ClientFrame
    data: bytes
    expect: tuple[str, ...]  # which fields of ServerFrame may answer it
    future: AnyFuture
    timeout_s: float
    keyed: bool = False  # the server runs it once, however often it is sent
    then: Optional[Then] = None  # makes the result of the answer, as soon as that is there
    expires: float = 0.0
    written_at: float = 0.0

    def settle(self, result: Any) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(frozen=True, slots=True)
class Options:
    """How a client connects; Client says what each is."""

    address: tuple[str, int]
    token: str = field(default="", repr=False)
    name: str = ""
    connect_timeout: float = 5.0
    request_timeout: float = 5.0
    requests_max: int = 1024
    waiting_max: int = 100_000
    frame_bytes_max: int = 64 << 20
    on_event: Optional[Callable[[Event], None]] = None


class Session:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.welcome: Optional[Welcome] = None
        self.next_id: Callable[[], int] = itertools.count(1).__next__  # from any thread
        self.ties = Ties(self.emit)
        self.watches = Watches()
        self._hello = pb.Hello(protocol_version=1, token=options.token, client=options.name,
                               features=["idempotency"])
        self._connection: Optional[Connection] = None
        self._waiting: deque[Request] = deque()
        self._inflight: dict[int, Request] = {}
        self._pump_due = False
        self._sweeper: Optional[asyncio.TimerHandle] = None
        self._reconnecting: Optional[asyncio.Task[None]] = None
        self._cause: Optional[Exception] = None  # of being without a connection
        self._closed = False
        self._over = asyncio.Event()  # the last connection is gone

    # --- Beginning and end ---

    async def open(self) -> None:
        """The first connection. Again is fine, but not after close()."""
        if self._closed:
            raise Closed("the client was closed; make a new one")
        if self.welcome is not None:
            return
        self._loop = asyncio.get_running_loop()
        options = self.options
        self._attach(*await dial(options.address, self._hello, options.frame_bytes_max, options.connect_timeout))

    async def close(self) -> None:
        """Fails what is not answered with Closed. Again is fine."""
        self._closed = True
        if self._reconnecting is not None:
            self._reconnecting.cancel()
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._drop(lambda request: Closed(f"the client was closed before {request.body} was answered"))
        self.ties.lost()
        self.watches.close()
        if self._connection is not None:
            self._connection.close()
            await self._over.wait()

    def _attach(self, connection: Connection, welcome: Welcome) -> None:
        self.welcome = welcome
        if connection.lost is not None:
            self._lost(connection.lost)
            return
        self._connection = connection
        connection.on_frames = self._on_frames
        connection.on_lost = self._lost
        connection.on_writable = self._pump
        self.watches.resume()
        self._pump()

    def _drop(self, why: Callable[[Request], Exception]) -> None:
        """Fails all requests."""
        for request in [*self._inflight.values(), *self._waiting]:
            request.fail(why(request))
        self._inflight.clear()
        self._waiting.clear()

    def _lost(self, cause: Exception) -> None:
        self._connection = None
        self._cause = cause
        if self._closed:
            self._over.set()
            return
        again = []
        for request in self._inflight.values():
            if request.body in READS or (request.keyed and self.has("idempotency")):
                again.append(request)
            else:
                request.fail(Disconnected(
                    f"the connection ended ({cause}) before {request.body} was answered, and it may have been run; "
                    "look before you repeat it", maybe_ran=True))
        self._inflight.clear()
        self._waiting.extendleft(reversed(again))
        self.ties.lost()
        self.watches.lost()
        self.emit(Lost(cause))
        self._reconnecting = self._loop.create_task(self._reconnect())

    async def _reconnect(self) -> None:
        options = self.options
        for pause in pauses(0.05, 5.0):
            try:
                connection, welcome = await dial(options.address, self._hello, options.frame_bytes_max,
                                                 options.connect_timeout)
                break
            except PeeperError as error:
                self._cause = error
                if error.status in FINAL:
                    self._drop(lambda request: error)
            await asyncio.sleep(pause)
        self.emit(Restored(welcome))
        self._attach(connection, welcome)

    def has(self, feature: str) -> bool:
        """Whether the server has an optional feature."""
        return self.welcome is not None and feature in self.welcome.features

    @property
    def connected(self) -> bool:
        return self._connection is not None

    def call_soon(self, function: Callable[[], None]) -> None:
        """Runs it in the session's loop; from any thread."""
        self._loop.call_soon_threadsafe(function)

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        self._loop.call_later(seconds, function)

    # --- Out ---

    def request(self, body: str, message: Message, expect: tuple[str, ...], future: AnyFuture,
                timeout_s: Optional[float], keyed: bool, then: Optional[Then]) -> Request:
        """A request to submit; may be called in any thread."""
        number = self.next_id()
        frame: Any = {"id": number, body: message}
        return Request(number, body, pb.ClientFrame(**frame).SerializeToString(), expect, future,
                       self.options.request_timeout if timeout_s is None else timeout_s, keyed, then)

    def submit(self, request: Request, first: bool = False) -> None:
        """Sends `request` within this turn of the loop, or when there is room and a connection."""
        if self._closed:
            request.fail(Closed("the client was closed; make a new one"))
        elif len(self._waiting) >= self.options.waiting_max and not first:
            request.fail(TooManyRequests(f"{len(self._waiting)} requests wait already; await some of them first"))
        elif self.welcome is not None and len(request.data) > self.welcome.limits.frame_bytes_max:
            request.fail(TooLarge(f"the request has {len(request.data)} bytes, and the server takes "
                                  f"{self.welcome.limits.frame_bytes_max}"))
        else:
            request.expires = time.monotonic() + request.timeout_s + SLACK_S
            if first:
                self._waiting.appendleft(request)
            else:
                self._waiting.append(request)
            self._pump_soon()
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(SWEEP_S, self._sweep)

    def ask(self, frame: pb.ClientFrame, expect: str,
            done: Callable[[concurrent.futures.Future[Any]], None] = lambda answer: None) -> None:
        """A request of the client's own, before those that wait. `done` is called in the loop."""
        body = frame.WhichOneof("body")
        assert body is not None
        frame.id = self.next_id()
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        future.add_done_callback(done)
        self.submit(Request(frame.id, body, frame.SerializeToString(), (expect,), future,
                            self.options.request_timeout), first=True)

    def _pump_soon(self) -> None:
        if not self._pump_due:
            self._pump_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Writes what waits, as much as there is room for."""
        self._pump_due = False
        connection, waiting, inflight = self._connection, self._waiting, self._inflight
        if connection is None or not connection.writable:
            return
        room = self.options.requests_max - len(inflight)
        now = time.monotonic()
        parts: list[bytes] = []
        size = 0
        while waiting and room > 0 and size < BATCH_BYTES:
            request = waiting.popleft()
            if request.future.done():
                continue  # cancelled meanwhile
            request.written_at = now
            inflight[request.id] = request
            parts += (varint(len(request.data)), request.data)
            size += len(request.data)
            room -= 1
        if parts:
            connection.write(b"".join(parts))
        if waiting and room > 0:
            self._pump_soon()

    def _sweep(self) -> None:
        """Fails requests whose time is over."""
        now = time.monotonic()
        silent = False
        for request in [request for request in self._inflight.values() if request.expires <= now]:
            del self._inflight[request.id]
            request.fail(ClientTimeout(f"no answer to {request.body} within {request.timeout_s:g} s"))
            silent = silent or self._silent_since(request, now)
        late = [request for request in self._waiting if request.expires <= now]
        if late:
            self._waiting = deque(request for request in self._waiting if request.expires > now)
        for request in late:
            request.fail(self._never_sent(request))
        if silent and self._connection is not None:
            self._connection.abort(TimeoutError("the server is silent"))
        self._sweeper = None
        if self._inflight or self._waiting:
            pause = max(SWEEP_S, len(self._waiting) * 1e-5)  # so that looking costs one percent at most
            self._sweeper = self._loop.call_later(pause, self._sweep)

    def _silent_since(self, request: Request, now: float) -> bool:
        """The connection may be dead: nothing at all has come for long, though an answer was due."""
        heard = self._connection.heard_at if self._connection is not None else now
        return heard < request.written_at and now - heard > self.options.request_timeout

    def _never_sent(self, request: Request) -> Exception:
        if self._connection is None:
            return Disconnected(f"no connection within {request.timeout_s:g} s, so {request.body} was not sent "
                                f"({self._cause}); try again later", maybe_ran=False)
        error = ClientTimeout(f"{request.body} was not sent within {request.timeout_s:g} s: too much is in flight")
        error.retryable = True
        return error

    # --- In ---

    def _on_frames(self, frames: list[pb.ServerFrame]) -> None:
        pop = self._inflight.pop
        for frame in frames:
            if frame.id == 0:
                self._on_event(frame)
                continue
            request = pop(frame.id, None)
            if request is not None:  # else its time was over
                self._answer(request, frame)
        if self._waiting:
            self._pump_soon()

    def _answer(self, request: Request, frame: pb.ServerFrame) -> None:
        body = frame.WhichOneof("body")
        if body not in request.expect:
            request.fail(failure(frame.error) if body == "error" else
                         NotPeeper(f"{body} is no answer to {request.body}; is the server newer than this client?"))
            return
        try:
            result = reply_of(frame, body)
            if request.then is not None:
                result = request.then(result, frame, not request.future.done())
        except Exception as error:  # one answer that cannot be read must not end the connection
            request.fail(error)
        else:
            request.settle(result)

    def _on_event(self, frame: pb.ServerFrame) -> None:
        if frame.WhichOneof("body") == "error":
            if self._connection is not None:
                self._connection.abort(failure(frame.error))
            return
        kind = frame.event.WhichOneof("kind")
        if kind == "down":
            self.ties.down(frame.event.down)
        elif kind == "exit":
            self.ties.exit(frame.event.exit)
        elif kind == "upgrade_progress":
            self.emit(read(UpgradeProgress, frame.event.upgrade_progress))
        elif kind == "goodbye":
            self.emit(read(Goodbye, frame.event.goodbye))
        elif kind is not None:
            self.watches.tell(kind, frame.event)

    def emit(self, event: Event) -> None:
        """Tells the program, if it wants to know."""
        if self.options.on_event is None:
            return
        try:
            self.options.on_event(event)
        except Exception as error:
            self._loop.call_exception_handler({"message": "peeper: on_event has failed", "exception": error})
