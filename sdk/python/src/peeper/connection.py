"""Connection: one TCP connection to a server, from its Hello to its end. Never comes back; session.py does."""
from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from typing import Optional

from google.protobuf.message import DecodeError

from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import Welcome
from .errors import ConnectFailed, InvalidArgument, NotPeeper, PeeperError
from .failures import failure
from .frames import FrameReader, framed
from .reading import read

PORT = 7420
VERSION = 1
HELLO_ID = 2**64 - 1  # no request has it
WRITE_BYTES_HIGH = 1 << 20

# What another attempt would only be told again.
FINAL = ("UNAUTHENTICATED", "UNSUPPORTED_VERSION")


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port", "host", "[::1]:port" or "::1"."""
    host, port = address, ""
    if address.startswith("["):
        host, _, port = address[1:].partition("]")
        if port and not port.startswith(":"):
            raise InvalidArgument(f'address: "{address}"; write "[::1]:7420"')
        port = port[1:]
    elif address.count(":") == 1:
        host, _, port = address.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise InvalidArgument(f'address: "{address}"; write "host:port" with a port from 1 to 65535')
    return host, int(port or PORT)


def pauses(first_s: float, last_s: float) -> Iterator[float]:
    """Seconds to wait between attempts: doubling, each with half of it left to chance."""
    pause = first_s
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(pause * 2, last_s)


class Connection(asyncio.Protocol):
    """Frames in both directions. `on_frame` is called for each that comes, `on_lost` once at the end."""

    def __init__(self, hello: pb.Hello, frame_bytes_max: int) -> None:
        self._hello = hello
        self._reader = FrameReader(frame_bytes_max)
        self._welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._cause: Optional[Exception] = None
        self._transport: Optional[asyncio.Transport] = None
        self.on_frames: Callable[[list[pb.ServerFrame]], None] = lambda frames: None
        self.on_lost: Callable[[Exception], None] = lambda cause: None
        self.on_writable: Callable[[], None] = lambda: None
        self.writable = True
        self.heard_at = time.monotonic()  # when something came last
        self.lost: Optional[Exception] = None  # why it ended

    async def welcome(self) -> Welcome:
        return await self._welcome

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Ends it; what was written is still sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self, cause: Exception) -> None:
        """Ends it at once, for that cause."""
        self._cause = self._cause or cause
        if self._transport is not None:
            self._transport.abort()

    # As asyncio calls it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BYTES_HIGH)
        hello = pb.ClientFrame(id=HELLO_ID, hello=self._hello)
        transport.write(framed(hello.SerializeToString()))

    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        try:
            frames = [pb.ServerFrame.FromString(body) for body in self._reader.feed(data)]
        except DecodeError:
            self.abort(NotPeeper("what came is no frame of the protocol. Is it the right address?"))
            return
        except NotPeeper as error:
            self.abort(error)
            return
        if not self._welcome.done() and frames:
            self._greet(frames.pop(0))
        if frames:
            self.on_frames(frames)

    def _greet(self, frame: pb.ServerFrame) -> None:
        kind = frame.WhichOneof("body")
        if kind == "welcome":
            self._welcome.set_result(read(Welcome, frame.welcome))
        elif kind == "error":
            self.abort(failure(frame.error))
        else:
            self.abort(NotPeeper("the first frame is no welcome. Is it the right address?"))

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self.on_writable()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        cause = self._cause or exc or ConnectionResetError("the server closed the connection")
        self.lost = cause
        if not self._welcome.done():
            self._welcome.set_exception(cause)
            self._welcome.exception()  # whoever waited for it may have given up
        else:
            self.on_lost(cause)


async def dial(address: tuple[str, int], hello: pb.Hello, frame_bytes_max: int,
               timeout_s: float) -> tuple[Connection, Welcome]:
    """A connection that was welcomed; tries again until the time is over.

    Fails with ConnectFailed, or with the server's own word where that is final (FINAL).
    """
    loop = asyncio.get_running_loop()
    attempts: list[BaseException] = []
    try:
        async with asyncio.timeout(timeout_s):
            for pause in pauses(0.02, 1.0):
                attempts.append(TimeoutError("the server did not answer the hello"))
                try:
                    return await _attempt(loop, address, hello, frame_bytes_max)
                except (OSError, PeeperError) as error:
                    if isinstance(error, PeeperError) and error.status in FINAL:
                        raise
                    attempts[-1] = error
                await asyncio.sleep(pause)
    except TimeoutError:
        pass
    raise ConnectFailed(f"{address[0]}:{address[1]}", timeout_s, attempts)


async def _attempt(loop: asyncio.AbstractEventLoop, address: tuple[str, int], hello: pb.Hello,
                   frame_bytes_max: int) -> tuple[Connection, Welcome]:
    connection = Connection(hello, frame_bytes_max)
    await loop.create_connection(lambda: connection, *address)
    try:
        return connection, await connection.welcome()
    except BaseException:
        connection.abort(NotPeeper("no welcome came in time"))
        raise
