"""Requests of the asyncio client against the real server."""
from __future__ import annotations

import asyncio
import math
import time

import pytest

import peeper
from conftest import Server, eventually


async def test_native_values_come_back_as_they_were(server: Server, name: str) -> None:
    value = {"int": [2**63 - 1, -(2**63)], "float": [0.1, math.inf], "bytes": b"\x00\xff", "text": "ä😀", "none": None,
             "deep": [[[{"a": True}]]]}
    async with peeper.Client(server.address) as client:
        await client.start(name, "cache")
        assert await client.call(name, ["put", "k", value]) is None
        assert await client.call(name, ["get", "k"]) == value
        await client.call(name, ["put", "k", math.nan])
        assert math.isnan(await client.call(name, ["get", "k"]))


async def test_ten_thousand_calls_in_flight_are_answered_in_order(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        answers = await asyncio.gather(*[client.call(name, "inc") for _ in range(10_000)])
        assert answers == list(range(1, 10_001))


async def test_a_request_made_first_is_handled_first(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        started, first = client.start(name, "counter"), client.call(name, ["set", 5])
        cast, last = client.cast(name, "inc"), client.call(name, "state")
        assert (await started).name == name
        assert await first == 5
        await cast
        assert await last == 6


async def test_a_crash_keeps_the_state(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter", 41)
        await client.call(name, "inc")
        with pytest.raises(peeper.Crashed) as caught:
            await client.call(name, "segfault")
        assert caught.value.kind == "signal" and not caught.value.retryable
        assert await client.call(name, "state") == 42
        await client.send(name, "inc")
        assert await client.call(name, "state") == 43


async def test_an_incarnation_is_a_target(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        started = await client.start("", "counter", 7)
        assert started.id is not None and await client.call(started.id, "state") == 7
        assert await client.whereis(started.id) == started.id
        await client.stop(started.id)
        assert await client.whereis(started.id) is None


@pytest.mark.parametrize("target", [5, None, b"name", "\ud800"])
async def test_a_wrong_target_is_told_at_once(server: Server, target: object) -> None:
    async with peeper.Client(server.address) as client:
        with pytest.raises(peeper.InvalidArgument, match="target"):
            await client.call(target, "inc")  # type: ignore[arg-type]


@pytest.mark.parametrize("deadline", [0, -1, math.nan, math.inf, 2**32, "5"])
async def test_a_wrong_deadline_is_told_at_once(server: Server, deadline: float) -> None:
    async with peeper.Client(server.address) as client:
        with pytest.raises(peeper.InvalidArgument, match="deadline"):
            await client.call("a", "inc", deadline=deadline)


async def test_a_value_that_is_none_is_told_before_anything_is_sent(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        with pytest.raises(peeper.InvalidValue) as caught:
            await client.call(name, ["set", 2**63])
        assert caught.value.path == "$[1]"
        assert await client.call(name, "state") == 0


async def test_the_deadline_is_the_servers(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        slow = client.call(name, ["sleep", 400])
        with pytest.raises(peeper.Timeout) as caught:
            await client.call(name, "inc", deadline=0.05)
        assert not isinstance(caught.value, peeper.ClientTimeout)
        assert await slow == 0 and await client.call(name, "state") == 0  # it was never run


async def test_a_cancelled_request_that_was_not_sent_is_never_run(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        client.call(name, "inc").cancel()
        assert await client.call(name, "state") == 0
        slow = client.call(name, ["sleep", 100])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow, 0.02)
        assert await client.call(name, "inc") == 1  # the late answer went nowhere


async def test_requests_beyond_the_bound_wait_and_beyond_the_other_are_refused(server: Server, name: str) -> None:
    async with peeper.Client(server.address, requests_max=2, waiting_max=10) as client:
        await client.start(name, "counter")
        calls = [client.call(name, "inc") for _ in range(11)]
        with pytest.raises(peeper.TooManyRequests) as caught:
            await calls[10]
        assert caught.value.retryable
        assert await asyncio.gather(*calls[:10]) == list(range(1, 11))


async def test_what_cannot_be_sent_in_time_says_so(server: Server, name: str) -> None:
    async with peeper.Client(server.address, requests_max=1, request_timeout=0.1) as client:
        await client.start(name, "counter")
        slow = client.call(name, ["sleep", 700], deadline=5)
        with pytest.raises(peeper.ClientTimeout) as caught:
            await client.call(name, "inc")
        assert caught.value.retryable
        assert await slow == 0


async def test_a_request_over_the_servers_limit_is_not_sent(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "cache")
        with pytest.raises(peeper.TooLarge):
            await client.call(name, ["put", "k", bytes(client.welcome.limits.frame_bytes_max)])
        large = bytes(client.welcome.limits.frame_bytes_max - 1000)
        await client.call(name, ["put", "k", large])
        assert await client.call(name, ["get", "k"]) == large


async def test_a_closed_client_says_so(server: Server, name: str) -> None:
    client = peeper.Client(server.address)
    with pytest.raises(peeper.Closed):
        await client.call(name, "inc")
    async with client:
        await client.start(name, "counter")
        slow = client.call(name, ["sleep", 200])
        await client.ping()
    with pytest.raises(peeper.Closed):
        await slow
    with pytest.raises(peeper.Closed):
        await client.ping()
    await client.close()


async def test_another_loop_or_thread_is_told(server: Server) -> None:
    async with peeper.Client(server.address) as client:
        with pytest.raises(peeper.InvalidArgument, match="any thread"):
            await asyncio.to_thread(client.ping)
        await client.ping()


async def test_closing_leaves_no_task_behind(server: Server) -> None:
    before = asyncio.all_tasks()
    async with peeper.Client(server.address) as client:
        await client.ping()
    assert asyncio.all_tasks() == before


async def test_all_options_of_a_start(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(
            name, "counter", 1, timeout=2.5, restart=peeper.Restart.TEMPORARY, on_intensity=peeper.OnIntensity.STOP,
            intensity=(5, 2.0), mailbox_max=50, no_trap_exit=True, hibernate_after=0.01,
            isolation=peeper.Isolation.OWN, generations=3, step_back=True, listener=f"{name}.l", keep_tables=["a"])
        info = await client.inspect(name)
        assert (info.isolation, info.trap_exit, info.state and info.state.value) == (peeper.Isolation.OWN, False, 1)
        assert (await client.generations(name)).kept == 3
        until = time.monotonic() + 10
        while not (await client.inspect(name)).hibernating:
            assert time.monotonic() < until
        with pytest.raises(peeper.Crashed):
            await client.call(name, "raise")
        with pytest.raises(peeper.NoProc):  # temporary: nothing follows
            await client.call(name, "state")


async def test_lists_are_turned_page_by_page(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        names = {f"{name}.{i}" for i in range(25)}
        await asyncio.gather(*[client.start(one, "counter") for one in names])
        assert {actor.name async for actor in client.list_all(name + ".", page=10)} == names
        page = await client.list(name + ".", limit=3)
        assert len(page.actors) <= 3 and page.next != 0


async def test_an_upgrade_is_told_and_its_progress(server: Server, name: str) -> None:
    events: list[peeper.Event] = []
    async with peeper.Client(server.address, on_event=events.append) as client:
        listed = [one.name for one in await client.behaviours()]
        assert "counter" in listed
        report = await client.upgrade("counter", dry_run=True)
        assert report.behaviour == "counter" and report.dry_run and report.refused == 0
        with pytest.raises(peeper.UnknownBehaviour):
            await client.upgrade("nothing")
        with pytest.raises((peeper.Refused, peeper.Invalid)):
            await client.deploy("broken.lua", b"this is no Lua")


async def test_on_event_that_fails_does_no_harm(server: Server, name: str) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context["exception"]))

    def fail(event: peeper.Event) -> None:
        raise RuntimeError(event)

    async with peeper.Client(server.address, on_event=fail) as client:
        await client.start(name, "counter", monitor=True)
        await client.stop(name)
        await eventually(lambda: told, "the loop hears of it")
        await client.ping()
