"""What the tests share: real servers on free ports, and a TCP proxy that can cut connections.

PEEPER_BUILD is the folder of the build; otherwise build/ of this repository.
"""
from __future__ import annotations

import asyncio
import inspect
import os
import select
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Optional

import pytest

import peeper

BUILD = Path(os.environ.get("PEEPER_BUILD", Path(__file__).resolve().parents[3] / "build"))
READY_S = 20.0
TEST_S = 60.0


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Optional[bool]:
    """Runs coroutine functions, each in a loop of its own and with an end."""
    if not inspect.iscoroutinefunction(pyfuncitem.function):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.function).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.function(**arguments), TEST_S))
    return True


class Server:
    """One peeperd. start() after kill() serves on the port that it had."""

    def __init__(self, log: Path, *options: str, behaviours: Path = BUILD / "behaviours") -> None:
        self._options = ["--http", "127.0.0.1:0", "--behaviours", str(behaviours), *options]
        self._log = log
        self.address = "127.0.0.1:0"
        self.start()

    def start(self) -> None:
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen([BUILD / "bin" / "peeperd", "--listen", self.address, *self._options],
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        with self.process.stdout:
            readable, _, _ = select.select([self.process.stdout], [], [], READY_S)
            line = self.process.stdout.readline() if readable else ""
        assert line.startswith("ready tcp="), f"peeperd is not ready, see {self._log}"
        self.address = line.split()[1].removeprefix("tcp=")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(READY_S)


class Proxy:
    """Passes bytes to a server and back, until cut() ends the connections that there are."""

    def __init__(self, to: str) -> None:
        self._to = to
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.passes = True  # bytes of the server reach the client
        self.accepts = True
        self.connections = 0

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.accepts:
            writer.close()
            return
        self.connections += 1
        host, _, port = self._to.partition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        self._writers |= {writer, there_writer}
        for source, sink, back in ((reader, there_writer, False), (there_reader, writer, True)):
            task = asyncio.ensure_future(self._pass(source, sink, back))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: bool) -> None:
        try:
            while data := await source.read(1 << 16):
                if self.passes or not back:
                    sink.write(data)
        except OSError:
            pass
        finally:
            sink.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def end(self) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(server: Server) -> AsyncIterator[Proxy]:
    proxy = Proxy(server.address)
    await proxy.begin()
    try:
        yield proxy
    finally:
        await proxy.end()


async def eventually(condition: Callable[[], Any], what: str, timeout_s: float = 10.0) -> None:
    """Polls until `condition` is true; for facts that no frame announces."""
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s} s: {what}") from None


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peeperd") / "log"


@pytest.fixture(scope="session")
def server(log: Path) -> Iterator[Server]:
    """A server for all tests that leave it as it is."""
    found = Server(log, "--allow-native-deploy")
    yield found
    found.end()


@pytest.fixture
def servers(log: Path) -> Iterator[Callable[..., Server]]:
    """Makes servers of a test's own."""
    made: list[Server] = []

    def make(*options: str, **more: Any) -> Server:
        made.append(Server(log, *options, **more))
        return made[-1]
    yield make
    for one in made:
        one.kill()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for an actor that no other test has."""
    return f"{request.module.__name__}.{request.node.name}"


@pytest.fixture
def client(server: Server) -> Iterator[peeper.SyncClient]:
    with peeper.connect(server.address) as found:
        yield found
