"""Monitors and links."""
from __future__ import annotations

import asyncio

import pytest

import peeper
from conftest import Server


async def test_a_monitor_gives_one_down(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        started = await client.start(name, "counter", monitor=True)
        by_name = await client.monitor(name)
        assert started.id is not None
        by_id = await client.monitor(started.id)
        assert not by_name.done()
        await client.stop(name, ["shutdown", "now"])
        assert await by_name == peeper.Down(by_name.ref, started.id, name, ["shutdown", "now"])
        assert await by_id == peeper.Down(by_id.ref, started.id, "", ["shutdown", "now"])
        assert started.monitor is not None and (await started.monitor).id == started.id
        assert by_name.result() == await by_name  # as often as one likes


async def test_nobody_there_is_told_at_once(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        assert (await (await client.monitor(name))).reason == "noproc"
        assert (await (await client.link(name))).reason == "noproc"


async def test_who_stops_waiting_takes_nothing_from_others(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        monitor = await client.monitor(name)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(monitor, 0.02)
        await client.stop(name)
        assert (await monitor).reason == "normal"


@pytest.mark.parametrize("flush", [False, True])
async def test_a_monitor_that_was_taken_back_says_so(server: Server, name: str, flush: bool) -> None:
    events: list[peeper.Event] = []
    async with peeper.Client(server.address, on_event=events.append) as client:
        await client.start(name, "counter")
        monitor = await client.monitor(name)
        await client.demonitor(monitor, flush=flush)
        await client.stop(name)
        with pytest.raises(peeper.Closed, match="demonitor"):
            await monitor
        assert events == []
        await client.demonitor(monitor)
        await client.demonitor(12345)


async def test_a_link_gives_one_exit_to_all_who_made_it(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        started = await client.start(name, "counter", link=True, restart=peeper.Restart.TEMPORARY)
        assert started.id is not None and started.link is not None
        links = [started.link, await client.link(name), await client.link(started.id)]
        with pytest.raises(peeper.Crashed):
            await client.call(name, "raise")
        for link in links:
            assert await link == peeper.Exit(started.id, name, "boom")


async def test_an_unlinked_actor_tells_nothing(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        link = await client.link(name)
        await client.unlink(name)
        await client.stop(name)
        with pytest.raises(peeper.Closed, match="unlink"):
            await link


async def test_what_is_linked_at_its_start_ends_with_the_client(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as other:
        async with peeper.Client(server.address) as client:
            started = await client.start(name, "counter", link=True, restart=peeper.Restart.TEMPORARY)
            monitor = await other.monitor(name)
        assert (await monitor).reason == "noconnection"
        assert started.link is not None and (await started.link).reason == "noconnection"


async def test_waiting_for_its_own_loop_is_told(server: Server, name: str) -> None:
    async with peeper.Client(server.address) as client:
        await client.start(name, "counter")
        with pytest.raises(peeper.InvalidArgument, match="await"):
            (await client.monitor(name)).result()
