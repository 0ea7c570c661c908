"""Reconnecting: what is repeated, what is not, and what monitors and links are told."""
from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

import peeper
from conftest import Server, eventually, proxied
from peeper._gen.peeper.v1 import peeper_pb2 as pb
from peeper.frames import FrameReader, framed
from peeper.session import READS


async def test_a_cut_connection_is_made_again(server: Server, name: str) -> None:
    events: list[peeper.Event] = []
    async with proxied(server) as proxy, peeper.Client(proxy.address, on_event=events.append) as client:
        await client.start(name, "counter")
        for number in range(1, 4):
            proxy.cut()
            await eventually(lambda: len(events) >= 2 * number, "lost and restored")
            assert await client.call(name, "inc") == number
        assert [type(event) for event in events] == [peeper.Lost, peeper.Restored] * 3


async def test_a_call_that_was_sent_is_not_repeated(server: Server, name: str) -> None:
    async with proxied(server) as proxy, peeper.Client(proxy.address) as client:
        await client.start(name, "counter")
        proxy.passes = False
        call, key = client.call(name, "inc"), client.call(name, "inc", idempotency_key="k")
        read, place = client.get_state(name), client.whereis(name)
        async with peeper.Client(server.address) as other:
            while await other.call(name, "state") < 2:
                pass
        proxy.passes = True
        proxy.cut()
        with pytest.raises(peeper.Disconnected, match="may have been run") as caught:
            await call
        assert caught.value.maybe_ran and not caught.value.retryable
        assert "idempotency" in client.welcome.features
        assert await key == 2  # it was sent twice, and run once
        assert (await read).value == 2 and await place is not None  # these only look, so they are repeated
        assert await client.call(name, "state") == 2
        assert "call" not in READS and "start" not in READS


async def test_what_was_not_sent_is_sent_to_the_next_connection(servers: Callable[..., Server], name: str) -> None:
    server = servers()
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter", 5)
        server.kill()
        with pytest.raises(peeper.Disconnected):
            while True:
                await client.call(name, "state", deadline=0.2)
        waiting = [client.start(name, "counter", 7), client.call(name, "inc")]
        server.start()
        assert (await asyncio.gather(*waiting))[1] == 8  # the new server knows nothing of the old one


async def test_without_a_connection_a_request_says_that_it_was_not_sent(servers: Callable[..., Server]) -> None:
    server = servers()
    async with peeper.Client(server.address, request_timeout=0.2) as client:
        server.kill()
        await eventually(lambda: not client._session.connected, "the end of the connection is noticed")
        with pytest.raises(peeper.Disconnected, match="was not sent") as caught:
            await client.ping()
        assert not caught.value.maybe_ran and caught.value.retryable


async def test_a_server_that_wants_another_token_now_is_told_to_those_who_wait(
        servers: Callable[..., Server]) -> None:
    server = servers()
    async with peeper.Client(server.address) as client:
        server.kill()
        await eventually(lambda: not client._session.connected, "the end of the connection is noticed")
        server._options += ["--token", "secret"]
        waiting = client.ping()
        server.start()
        with pytest.raises(peeper.Unauthenticated):
            await waiting


async def test_monitors_and_links_end_with_the_connection(server: Server, name: str) -> None:
    events: list[peeper.Event] = []
    async with proxied(server) as proxy, peeper.Client(proxy.address, on_event=events.append) as client:
        started = await client.start(name, "counter", monitor=True)
        monitor, link = await client.monitor(name), await client.link(name)
        proxy.cut()
        assert await monitor == peeper.Down(monitor.ref, None, name, "noconnection")
        assert await link == peeper.Exit(None, name, "noconnection")
        assert started.monitor is not None
        assert (await started.monitor) == peeper.Down(started.monitor.ref, started.id, name, "noconnection")
        assert len([event for event in events if isinstance(event, (peeper.Down, peeper.Exit))]) == 3
        again = await client.monitor(name)
        await client.stop(name)
        assert (await again).reason == "normal"


async def test_a_dead_connection_is_given_up(server: Server, name: str) -> None:
    async with proxied(server) as proxy, peeper.Client(proxy.address, request_timeout=0.2) as client:
        await client.ping()
        proxy.passes = False  # as if the cable were pulled
        with pytest.raises(peeper.ClientTimeout, match="no answer to ping"):
            await client.ping()
        proxy.passes = True
        await eventually(lambda: proxy.connections == 2, "another connection")
        await client.ping()


async def test_a_goodbye_is_told(servers: Callable[..., Server]) -> None:
    events: list[peeper.Event] = []
    server = servers()
    async with peeper.Client(server.address, on_event=events.append):
        server.process.terminate()
        await eventually(lambda: any(isinstance(event, peeper.Lost) for event in events), "the end is told")
        assert isinstance(events[0], peeper.Goodbye)


async def test_garbage_in_the_middle_ends_the_connection_and_not_the_client(server: Server) -> None:
    events: list[peeper.Event] = []
    async with proxied(server) as proxy, peeper.Client(proxy.address, on_event=events.append) as client:
        for writer in proxy._writers:
            writer.write(b"\xff" * 30)
        await eventually(lambda: len(events) == 2, "lost and restored")
        assert isinstance(events[0], peeper.Lost) and isinstance(events[0].cause, peeper.PeeperError)
        await client.ping()


async def test_closing_while_reconnecting(servers: Callable[..., Server]) -> None:
    server = servers()
    client = await peeper.Client(server.address).connect()
    server.kill()
    await eventually(lambda: not client._session.connected, "the end of the connection is noticed")
    waiting = client.ping()
    await client.close()
    with pytest.raises(peeper.Closed):
        await waiting


async def test_nothing_is_lost_or_run_twice_while_connections_are_cut(server: Server, name: str) -> None:
    chance = random.Random(5)
    async with proxied(server) as proxy, peeper.Client(proxy.address, requests_max=64) as client:
        await client.start(name, "counter", generations=16)
        watch = await client.watch(name, from_version=1)
        calls = [client.call(name, "inc", deadline=30.0) for _ in range(5000)]
        answered = 0
        while not all(call.done() for call in calls):
            await asyncio.sleep(chance.uniform(0, 0.05))  # the moment of a cut is the chance that is tested
            proxy.cut()
        for call in calls:
            error = call.exception()
            answered += error is None
            assert error is None or (isinstance(error, peeper.Disconnected) and error.maybe_ran)
        state = await client.get_state(name)
        assert answered <= state.value <= 5000 and proxy.connections > 1
        # Each version is told once, by a change or a gap.
        told: list[int] = []
        while not told or told[-1] < state.version:
            event = await asyncio.wait_for(anext(watch), 10)
            if isinstance(event, peeper.Gap):
                told += range(event.first_version, event.last_version + 1)
            elif isinstance(event, peeper.Changed):
                told.append(event.version)
                assert event.value == event.version - 1
        assert told == list(range(1, state.version + 1))


class Scripted:
    """A server that has the feature "idempotency", keeps what it is sent, and answers when it is told to."""

    def __init__(self) -> None:
        self.requests: list[pb.ClientFrame] = []
        self.answers = False
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        frames = FrameReader(1 << 20)
        while data := await reader.read(1 << 16):
            for body in frames.feed(data):
                request = pb.ClientFrame.FromString(body)
                answer = pb.ServerFrame(id=request.id, reply=pb.Reply(payload=b"\x18\x02"))
                if request.HasField("hello"):
                    assert "idempotency" in request.hello.features
                    limits = pb.Limits(frame_bytes_max=1 << 20)
                    answer = pb.ServerFrame(id=request.id, welcome=pb.Welcome(limits=limits, features=["idempotency"]))
                else:
                    self.requests.append(request)
                    if not self.answers:
                        continue
                writer.write(framed(answer.SerializeToString()))
        writer.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def test_a_call_with_a_key_is_repeated_as_it_was() -> None:
    scripted = Scripted()
    listener = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    address = "127.0.0.1:%d" % listener.sockets[0].getsockname()[1]
    async with listener, peeper.Client(address) as client:
        keyed = [client.call("a", 1, idempotency_key=key) for key in ("auto", "auto", "mine", b"\xff")]
        plain = client.call("a", 1)
        await eventually(lambda: len(scripted.requests) == 5, "all have been sent")
        first, scripted.requests, scripted.answers = scripted.requests[:4], [], True
        scripted.cut()
        assert await asyncio.gather(*keyed) == [1, 1, 1, 1]
        assert scripted.requests == first
        with pytest.raises(peeper.Disconnected):
            await plain
        with pytest.raises(peeper.InvalidArgument, match="idempotency_key"):
            await client.call("a", 1, idempotency_key="")
