"""Connecting: to the right server, and to everything that is none."""
from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

import peeper
from conftest import Server
from peeper.connection import parse_address

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[str]:
    """The address of something that is no Peeper server."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer(reader, writer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield "127.0.0.1:%d" % listener.sockets[0].getsockname()[1]


def unused_address() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % one.getsockname()[1]


@pytest.mark.parametrize(("address", "parsed"), [
    ("host:1", ("host", 1)), ("host", ("host", 7420)), ("10.0.0.1:65535", ("10.0.0.1", 65535)),
    ("[::1]:80", ("::1", 80)), ("[::1]", ("::1", 7420)), ("::1", ("::1", 7420))])
def test_addresses(address: str, parsed: tuple[str, int]) -> None:
    assert parse_address(address) == parsed


@pytest.mark.parametrize("address", ["", ":1", "host:0", "host:65536", "host:x", "[::1]80", "host:-1", "host:１"])
def test_wrong_addresses(address: str) -> None:
    with pytest.raises(peeper.InvalidArgument, match="address"):
        peeper.Client(address)


@pytest.mark.parametrize("options", [{"requests_max": 0}, {"waiting_max": -1}, {"connect_timeout": 0},
                                     {"request_timeout": -1.0}, {"name": "x" * 256}, {"frame_bytes_max": "5"}])
def test_wrong_options(options: dict[str, int]) -> None:
    with pytest.raises(peeper.InvalidArgument, match=next(iter(options))):
        peeper.Client("host", **options)  # type: ignore[arg-type]


async def test_the_welcome_tells_the_limits(server: Server) -> None:
    async with peeper.Client(server.address) as client:
        assert client.welcome.protocol_version == 1
        assert client.welcome.limits.frame_bytes_max > 1000


async def test_nobody_there_is_told_with_every_attempt() -> None:
    with pytest.raises(peeper.ConnectFailed, match="Is peeperd listening") as caught:
        await peeper.Client(unused_address(), connect_timeout=0.3).connect()
    assert len(caught.value.attempts) > 2 and caught.value.retryable
    assert isinstance(caught.value.attempts[0], ConnectionRefusedError)


async def test_a_host_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(peeper.ConnectFailed) as caught:
        await peeper.Client("no-such-host.invalid", connect_timeout=0.3).connect()
    assert isinstance(caught.value.attempts[0], socket.gaierror)


async def test_a_server_that_starts_late_is_waited_for(servers: Callable[..., Server]) -> None:
    first = servers()
    first.kill()
    client = peeper.Client(first.address)
    connecting = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0.1)
    first.start()
    await connecting
    await client.ping()
    await client.close()


async def test_a_wrong_token_is_final(servers: Callable[..., Server]) -> None:
    guarded = servers("--token", "secret")
    for token in ("", "wrong"):
        with pytest.raises(peeper.Unauthenticated, match="token"):
            await peeper.Client(guarded.address, token=token).connect()
    async with peeper.Client(guarded.address, token="secret") as client:
        await client.ping()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


def says(data: bytes) -> Peer:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()
    return peer


@pytest.mark.parametrize(("peer", "cause"), [
    (silent, TimeoutError),
    (closes, ConnectionError),
    (says(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 100), peeper.NotPeeper),
    (says(b"\xff" * 20), peeper.NotPeeper),
    (says(b"\x04\x08\x01\x52\x00"), peeper.NotPeeper),  # a pong
], ids=["silent", "closes", "http", "garbage", "no welcome"])
async def test_what_is_no_server_is_told(peer: Peer, cause: type[Exception]) -> None:
    async with listening(peer) as address:
        with pytest.raises(peeper.ConnectFailed) as caught:
            await peeper.Client(address, connect_timeout=0.3).connect()
        assert any(isinstance(attempt, cause) for attempt in caught.value.attempts)


async def test_giving_up_leaves_nothing_behind() -> None:
    async with listening(silent) as address:
        before = asyncio.all_tasks()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peeper.Client(address).connect(), 0.1)
        assert asyncio.all_tasks() - before <= {task for task in asyncio.all_tasks() if "silent" in repr(task)
                                                or "serve" in repr(task)}
