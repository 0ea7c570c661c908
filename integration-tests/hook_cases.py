"""Callbacks that hear of changes: slow ones, crashing ones, and ones that take their host with them, under load."""
from __future__ import annotations

import statistics
import time
from typing import Any

import peeper_wire as wire
from case_registry import Settings, case
from latency import latencies
from peeper_wire import Client
from server_process import Server, check, check_equal, eventually

CHANGES = 1000
ROUNDS = 5
QUEUE_MAX = 256  # events that wait of one unit
KINDS = ["ears", "lua_ears"]


def check_unchanged(client: Client, name: str) -> None:
    """CHANGES calls take as long as those of an actor of the same kind that nobody hears of."""
    alone: list[float] = []
    heard: list[float] = []
    for _ in range(ROUNDS):  # in turns, for the machine has other work as well
        alone += latencies(client, "alone", CHANGES // ROUNDS)
        heard += latencies(client, name, CHANGES // ROUNDS)
    ours, theirs = statistics.median(heard), statistics.median(alone)
    check(ours < theirs * 1.5 + 0.0002, f"the median is {ours * 1e6:.0f} us, of one that nobody hears of "
                                        f"{theirs * 1e6:.0f} us")


def start(client: Client, behaviour: str) -> None:
    client.start("to", "probe", {"state": []})
    client.start("alone", "lua_counter" if behaviour == "lua_ears" else "counter", 0)
    client.start("heard", behaviour, "to")
    eventually(lambda: len(client.get_state("to")) == 1, "it hears of its first state")


def values_told(client: Client) -> list[Any]:
    told = client.get_state("to")
    for event in told[1:]:
        check(event[2] is not None and event[3][3] - event[2][3] in (0, 1), f"states that follow each other: {event}")
    return [event[3][3] for event in told]


def check_slow(settings: Settings, behaviour: str) -> None:
    with Server(settings.build) as server, server.client() as client:
        start(client, behaviour)
        client.call("heard", ["mode", "slow", 10_000])
        check_unchanged(client, "heard")
        # One is being told, as long as it takes, and holds its place in the queue.
        eventually(lambda: client.inspect("heard").events_dropped == CHANGES + 1 - QUEUE_MAX, "the others are dropped")
        check_equal(client.inspect("alone").events_dropped, 0, "of others none is dropped")
        check_equal(len(client.get_state("to")), 1, "nothing was told meanwhile")
        eventually(lambda: values_told(client) == [0, 0], "the slow one is told in the end", 15)
        check_equal(server.metrics()["peeper_listener_callback_crashes_total"], 0, "crashes")
        begun = time.monotonic()
    check(time.monotonic() - begun < 3, "the one that is being told does not hold up the end of the server")


def check_order(settings: Settings, behaviour: str) -> None:
    with Server(settings.build) as server, server.client() as client:
        start(client, behaviour)
        client.call("heard", ["mode", "slow", 5])
        check_unchanged(client, "heard")
        dropped = lambda: client.inspect("heard").events_dropped
        eventually(lambda: len(client.get_state("to")) + dropped() == CHANGES + 2, "all are told or dropped", 60)
        told = values_told(client)
        check_equal(told, sorted(told), "the order")
        check_equal(told[:QUEUE_MAX], [0] + list(range(QUEUE_MAX - 1)), "those that there was room for at first")
        check(dropped() > 0, "some are dropped")


def check_raise(settings: Settings, behaviour: str) -> None:
    with Server(settings.build) as server, server.client() as client:
        start(client, behaviour)
        client.call("heard", ["mode", "raise", 0])
        check_unchanged(client, "heard")
        crashes = lambda: server.metrics()["peeper_listener_callback_crashes_total"]
        eventually(lambda: crashes() + client.inspect("heard").events_dropped == CHANGES + 1, "each has crashed", 30)
        check_equal(client.inspect("heard").restarts, 0, "restarts of the actor")
        client.call("heard", ["mode", "tell", 0])
        eventually(lambda: values_told(client) == [0, CHANGES], "afterwards it hears again")


for kind in KINDS:
    @case(f"C-197 on_state_changed that takes 10 s costs the actor nothing ({kind})")
    def slow(settings: Settings, behaviour: str = kind) -> None:
        check_slow(settings, behaviour)

    @case(f"C-197 on_state_changed hears what there is room for, in order ({kind})")
    def order(settings: Settings, behaviour: str = kind) -> None:
        check_order(settings, behaviour)

    @case(f"C-197 on_state_changed that raises costs the actor nothing ({kind})")
    def raises(settings: Settings, behaviour: str = kind) -> None:
        check_raise(settings, behaviour)


@case("C-197 on_state_changed that kills its host is run less and less, and costs no actor anything")
def kills(settings: Settings) -> None:
    with Server(settings.build) as server, server.client() as client:
        start(client, "ears")
        client.start("other", "lua_ears", "to")
        hosts = client.inspect("alone").host_pid
        client.call("heard", ["mode", "segfault", 0])
        check_unchanged(client, "heard")
        eventually(lambda: client.inspect("heard").events_dropped >= CHANGES + 1 - QUEUE_MAX, "most are dropped")
        deaths = server.metrics()["peeper_host_deaths_total"]
        check(1 <= deaths <= 5, f"{deaths} hosts have died")
        client.call("other", "inc")
        eventually(lambda: len(client.get_state("to")) >= 3, "those of other behaviours are heard")
        check_equal(client.inspect("heard").restarts, 0, "restarts of the actor")
        check_equal(client.inspect("alone").host_pid, hosts, "the actors' host")


HEARER = """
local hearer = {{ name = "hearer", version = "{version}" }}
function hearer.init(argument) return "ok", argument end
function hearer.handle_call(message, from, state) return "reply", state, message end
function hearer.code_change(old, state, extra) return "ok", state end
{callback}
return hearer
"""
HEARS = """
function hearer.on_state_changed(before, state) peeper.send("to", {{ "changed", "{version}", before or 0, state }}) end
"""


def deploy(client: Client, version: int) -> None:
    callback = "" if version % 2 else HEARS.format(version=version)
    content = HEARER.format(version=version, callback=callback).encode()
    client.request("deploy", wire.pb.Deploy(file="hearer.lua", content=content))


@case("C-194 an upgrade brings on_state_changed, changes who hears, and takes it away, there and back")
def upgraded(settings: Settings) -> None:
    with Server(settings.build) as server, server.client() as client:
        client.start("to", "probe", {"state": []})
        deploy(client, 1)
        client.start("it", "hearer", 1)
        expected: list[Any] = []
        state = 1
        for version in [1, 2, 4, 3, 2]:
            if version != 1:
                deploy(client, version)
            for _ in range(20):
                client.call("it", state + 1)
                if version % 2 == 0:
                    expected.append(["changed", str(version), state, state + 1])
                state += 1
            eventually(lambda: len(client.get_state("to")) == len(expected), f"version {version} has heard")
        check_equal(client.get_state("to"), expected, "what was heard")
        check_equal(client.inspect("it").events_dropped, 0, "dropped")
        check_equal(server.metrics()["peeper_listener_callback_crashes_total"], 0, "crashes")
