"""Client: the asyncio client."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Optional, Self

from google.protobuf.message import Message

from .answers import Event, Welcome
from .asking import milliseconds, text
from .connection import parse_address
from .errors import Closed, InvalidArgument
from .session import Options, Session, Then
from .verbs_actors import ActorVerbs
from .verbs_operations import OperationVerbs
from .verbs_states import StateVerbs
from .verbs_supervisors import SupervisorVerbs
from .verbs_ties import TieVerbs

NAME_BYTES_MAX = 255  # of a client's name


class Client(ActorVerbs, StateVerbs, SupervisorVerbs, OperationVerbs, TieVerbs):
    """A client for asyncio.

        async with peeper.Client("localhost:7420") as client:
            await client.call("counter", "inc")

    Every request returns a future at once and is sent within the same turn of the loop, so
    `await asyncio.gather(*[client.call(name, "state") for name in names])` is one write and any number of calls
    in flight. Requests of one client to one actor are handled in the order in which they were made. Cancelling
    one that was not sent yet takes it back; else only its answer is dropped.

    `address`: "host:port"; without a port 7420.
    `token`: the server's secret, where it has one.
    `name`: names the client in the server's log.
    `connect_timeout`: seconds for connect, all attempts together.
    `request_timeout`: seconds for a request that says nothing else.
    `requests_max`: so many are on their way at once; further ones wait.
    `waiting_max`: so many may wait; one more is TooManyRequests.
    `frame_bytes_max`: a longer frame of the server ends the connection.
    `on_event`: called with each Down, Exit, UpgradeProgress, Goodbye, Lost and Restored. Must not block.

    A lost connection is made again. What was not sent is sent then; what was sent and only reads is repeated;
    the rest fails with Disconnected(maybe_ran=True).
    """

    def __init__(self, address: str, *, token: str = "", name: str = "peeper-python", connect_timeout: float = 5.0,
                 request_timeout: float = 5.0, requests_max: int = 1024, waiting_max: int = 100_000,
                 frame_bytes_max: int = 64 << 20, on_event: Optional[Callable[[Event], None]] = None) -> None:
        for what, value in (("requests_max", requests_max), ("waiting_max", waiting_max),
                            ("frame_bytes_max", frame_bytes_max)):
            if not isinstance(value, int) or value < 1:
                raise InvalidArgument(f"{what}: {value!r}; give an int, at least 1")
        for what, seconds in (("connect_timeout", connect_timeout), ("request_timeout", request_timeout)):
            milliseconds(seconds, what)
        if len(text(name, "name").encode()) > NAME_BYTES_MAX:
            raise InvalidArgument(f"name: {len(name.encode())} bytes; give {NAME_BYTES_MAX} at most")
        text(token, "token")
        self._session = Session(Options(parse_address(address), token, name, connect_timeout, request_timeout,
                                        requests_max, waiting_max, frame_bytes_max, on_event))
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    async def connect(self) -> Self:
        """Connects, and tries again until connect_timeout is over. `async with` does so by itself.

        Fails with ConnectFailed, Unauthenticated or UnsupportedVersion.
        """
        await self._session.open()
        self._loop = asyncio.get_running_loop()
        return self

    async def close(self) -> None:
        """Ends the connection. Requests that have no answer yet fail with Closed."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def welcome(self) -> Welcome:
        """What the server said when it was connected last: its version, limits and features."""
        if self._session.welcome is None:
            raise Closed("the client is not connected; await connect() or use `async with`")
        return self._session.welcome

    def _ask(self, body: str, message: Message, *expect: str, timeout: Optional[float] = None,
             keyed: bool = False, then: Optional[Then] = None) -> Any:
        if self._loop is None:
            raise Closed("the client is not connected; await connect() or use `async with`")
        try:
            own = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            own = False
        if not own:
            raise InvalidArgument("a Client belongs to the event loop and thread that it was connected in; "
                                  "peeper.connect() makes one for any thread")
        future = self._loop.create_future()
        self._session.submit(self._session.request(body, message, expect, future, timeout, keyed, then))
        return future
