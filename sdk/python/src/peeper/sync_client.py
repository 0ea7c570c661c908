"""SyncClient: the blocking client. Its connection lives in an event loop in a thread of its own."""
from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable
from typing import Any, Optional, Self

from google.protobuf.message import Message

from ._gen.sync_verbs_actors import ActorVerbs
from ._gen.sync_verbs_operations import OperationVerbs
from ._gen.sync_verbs_states import StateVerbs
from ._gen.sync_verbs_supervisors import SupervisorVerbs
from ._gen.sync_verbs_ties import TieVerbs
from .answers import Event, Welcome
from .client import Client
from .errors import Closed, InvalidArgument
from .session import Then


class SyncClient(ActorVerbs, StateVerbs, SupervisorVerbs, OperationVerbs, TieVerbs):
    """A client that waits for each answer; peeper.connect() makes it.

        with peeper.connect("localhost:7420") as client:
            client.call("counter", "inc")

    Any number of threads may use one client; their requests are on their way together. The verbs and options are
    those of peeper.Client. on_event is called in the client's own thread.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._session = client._session
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="peeper", daemon=True)
        self._thread.start()
        self._closed = False
        self._lock = threading.Lock()  # of _closed: what was handed to the loop before it is set will be run
        try:
            self._in_loop(client.connect())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection. Requests of other threads that have no answer yet fail with Closed."""
        self._not_in_loop()
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self._in_loop(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def welcome(self) -> Welcome:
        """What the server said when it was connected last: its version, limits and features."""
        return self._client.welcome

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _not_in_loop(self) -> None:
        if threading.get_ident() == self._thread.ident:
            raise InvalidArgument("a request in on_event would wait for itself; hand it to another thread")

    async def _end(self) -> None:
        await self._client.close()
        # Other threads wait for these, and have been told by now that nothing comes any more.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)

    def _in_loop(self, coroutine: Any) -> Any:
        waiter = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return waiter.result()
        finally:
            waiter.cancel()

    def _ask(self, body: str, message: Message, *expect: str, timeout: Optional[float] = None,
             keyed: bool = False, then: Optional[Then] = None) -> Any:
        self._not_in_loop()
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        request = self._session.request(body, message, expect, future, timeout, keyed, then)
        with self._lock:
            if self._closed:
                raise Closed("the client was closed; make a new one")
            self._loop.call_soon_threadsafe(self._session.submit, request)
        try:
            return future.result()
        finally:
            future.cancel()


def connect(address: str, *, token: str = "", name: str = "peeper-python", connect_timeout: float = 5.0,
            request_timeout: float = 5.0, requests_max: int = 1024, waiting_max: int = 100_000,
            frame_bytes_max: int = 64 << 20, on_event: Optional[Callable[[Event], None]] = None) -> SyncClient:
    """Connects, and gives a client that waits for each answer. The options are those of peeper.Client.

    Fails with ConnectFailed, Unauthenticated or UnsupportedVersion.
    """
    return SyncClient(Client(address, token=token, name=name, connect_timeout=connect_timeout,
                             request_timeout=request_timeout, requests_max=requests_max, waiting_max=waiting_max,
                             frame_bytes_max=frame_bytes_max, on_event=on_event))
