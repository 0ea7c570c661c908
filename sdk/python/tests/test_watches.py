"""Watches: nothing is missed or doubled, over lost connections and slow consumers, or a Gap says so."""
from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import peeper
from conftest import Server, eventually, proxied


async def take(watch: peeper.Watch, count: int) -> list[Any]:
    return [await asyncio.wait_for(anext(watch), 10) for _ in range(count)]


async def test_each_change_is_told_once_in_order(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        watch = await client.watch(name, with_old=True)
        started = await client.start(name, "counter", 5)
        await asyncio.gather(*[client.call(name, "inc") for _ in range(100)])
        await client.stop(name, "done")
        events = await take(watch, 102)
        assert [(one.version, one.value) for one in events[:-1]] == [(i + 1, i + 5) for i in range(101)]
        assert events[0].old is None and events[1].old == peeper.OldState(5)
        assert {(one.ref, one.name, one.unit) for one in events} == {(watch.ref, name, started.unit)}
        assert isinstance(events[-1], peeper.Ended)
        assert (events[-1].reason, events[-1].version, events[-1].value) == ("done", 101, 105)


async def test_the_present_state_can_be_told_at_once(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter", 5)
        async with await client.watch(name, from_version=1) as watch:
            assert (await take(watch, 1))[0].value == 5
        assert [event async for event in watch] == []  # closed


async def test_a_prefix_watches_all_that_have_it(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        watch = await client.watch(name + ".", prefix=True)
        for i in range(3):
            await client.start(f"{name}.{i}", "counter", i)
        assert {one.name: one.value for one in await take(watch, 3)} == {f"{name}.{i}": i for i in range(3)}
        with pytest.raises(peeper.Invalid):
            await client.watch(name, prefix=True, from_version=1)


async def test_unwatch_ends_the_iteration(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        watch = await client.watch(name)
        waiting = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0)
        await client.unwatch(watch)
        with pytest.raises(StopAsyncIteration):
            await waiting
        await client.unwatch(watch)
        await client.unwatch(999999)


async def test_closing_the_client_ends_the_iteration(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        watch = await client.watch(name)
    assert [event async for event in watch] == []


async def test_a_watch_outlives_its_connection_without_a_hole(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as other, proxied(server) as proxy, \
            peeper.Client(proxy.address) as client:
        await other.start(name, "counter", generations=16)
        watch = await client.watch(name, from_version=1)
        first = (await take(watch, 1))[0]
        for cut in range(5):
            proxy.cut()
            for _ in range(3):
                await other.call(name, "inc")
            events = await take(watch, 3)
            assert [one.version for one in events] == [cut * 3 + 2, cut * 3 + 3, cut * 3 + 4]
            assert {one.ref for one in events} == {first.ref}
        assert (await client.inspect(name)).watchers == 1


async def test_what_the_server_has_no_more_is_a_gap(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as other, proxied(server) as proxy, \
            peeper.Client(proxy.address) as client:
        await other.start(name, "counter", generations=2)
        watch = await client.watch(name, from_version=1)
        await take(watch, 1)
        proxy.accepts = False
        proxy.cut()
        for _ in range(10):
            await other.call(name, "inc")
        proxy.accepts = True
        events = await take(watch, 3)
        assert (events[0].first_version, events[0].last_version) == (2, 9)
        assert [one.version for one in events[1:]] == [10, 11]


@pytest.mark.parametrize("prefix", [False, True])
async def test_what_cannot_be_resumed_is_a_gap(server: Server, name: str, prefix: bool) -> None:
    restored: list[peeper.Event] = []
    async with peeper.Client(server.address) as other, proxied(server) as proxy, \
            peeper.Client(proxy.address, on_event=restored.append) as client:
        await other.start(name, "counter", 5)
        watch = await client.watch(name, prefix=prefix)
        proxy.cut()
        gap = (await take(watch, 1))[0]
        assert gap == peeper.Gap(watch.ref, "" if prefix else name, 0, 0, 0)
        if not prefix:
            assert (await take(watch, 1))[0].value == 5
        await client.ping()  # behind the new Watch
        await other.call(name, "inc")
        assert (await take(watch, 1))[0].value == 6


async def test_a_pause_is_one_gap_however_often_it_is_tried(servers: Callable[..., Server], name: str) -> None:
    server = servers("--prefix-watches-max", "1")
    async with peeper.Client(server.address) as other, proxied(server) as proxy, \
            peeper.Client(proxy.address) as client:
        await other.start(name, "counter", 5)
        watch = await client.watch(name, prefix=True)
        proxy.accepts = False
        proxy.cut()
        while True:  # until the server has noticed the end of the connection
            try:
                hurdle = await other.watch("x", prefix=True)
                break
            except peeper.Overloaded:
                pass
        proxy.accepts = True
        assert isinstance((await take(watch, 1))[0], peeper.Gap)
        await asyncio.sleep(0.35)  # it is refused a few times
        await other.unwatch(hurdle)
        while (await client.inspect(name)).watchers != 1:
            pass
        await other.call(name, "inc")
        assert (await take(watch, 1))[0].value == 6


async def test_another_server_begins_anew(servers: Callable[..., Server], name: str) -> None:
    server = servers()
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter", 5)
        watch = await client.watch(name, from_version=1)
        assert (await take(watch, 1))[0].value == 5
        server.kill()
        await eventually(lambda: not client._session.connected, "the end of the connection is noticed")
        server.start()
        await client.start(name, "counter", 70)
        while not isinstance(event := (await take(watch, 1))[0], peeper.Changed):
            assert isinstance(event, peeper.Gap)
        assert event.value == 70


async def test_a_slow_consumer_gets_a_gap_and_the_newest_state(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        watch = await client.watch(name, events_max=10)
        await asyncio.gather(*[client.call(name, "inc") for _ in range(500)])
        await eventually(lambda: watch.stream._held, "the queue is full")
        assert await client.call(name, "state") == 500  # the reader was not stopped
        events = await take(watch, 10)
        while events[-1].__class__ is not peeper.Changed or events[-1].value != 500:
            events += await take(watch, 1)
        assert any(isinstance(one, peeper.Gap) for one in events)
        told: set[int] = set()
        for one in events:
            numbers = range(one.first_version, one.last_version + 1) if isinstance(one, peeper.Gap) else [one.version]
            assert not told.intersection(numbers), "told twice"
            told.update(numbers)
        assert told == set(range(2, 502))


async def test_a_slow_consumer_of_a_prefix_gets_a_gap(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        watch = await client.watch(name, prefix=True, events_max=4)
        for _ in range(50):
            await client.call(name, "inc")
        await eventually(lambda: watch.stream._held, "the queue is full")
        events = await take(watch, 5)
        assert isinstance(events[-1], peeper.Gap) and events[-1].name == ""
        await client.ping()
        await client.call(name, ["set", 1000])
        assert (await take(watch, 1))[0].value == 1000


async def test_a_step_back_is_told(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        watch = await client.watch(name, from_version=1)
        await client.start(name, "probe", {"state": "good"}, step_back=True, intensity=(100, 5.0))
        await client.call(name, [["set", "bad"], ["reply", 1]])
        for _ in range(2):
            with pytest.raises(peeper.Crashed):
                await client.call(name, [["raise_if", "bad"], "state"])
        assert await client.call(name, [["raise_if", "bad"], "state"]) == "good"
        events = await take(watch, 3)
        assert [one.value for one in events[:2]] == ["good", "bad"]
        step = events[2]
        assert isinstance(step, peeper.StepBack) and (step.step.from_, step.step.to, step.missed) == (2, 1, 0)
        assert (await client.inspect(name)).stepped_back == step.step


async def test_an_abandoned_watch_is_ended(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        abandoned = client.watch(name)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        abandoned.cancel()
        await client.ping()
        await client.ping()
        assert (await client.inspect(name)).watchers == 0


async def test_a_wrong_bound_is_told(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        with pytest.raises(peeper.InvalidArgument, match="events_max"):
            await client.watch(name, events_max=0)
