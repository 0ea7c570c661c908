"""Supervisors under many clients at once: crashes, verbs, hosts that die and clients that leave, all in each other's way.

What such a storm leads to is chance; that it is consistent is not. Afterwards every child is up or stopped, names lead
to those who are up and to nobody else, nothing is left that no supervisor knows, and one stop ends it all.
"""
from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from typing import Any, Callable

import peeper_wire as wire
import supervisor_wire as sw
from case_files import CaseFiles
from case_registry import Settings, case
from crash_cases import run_threads
from peeper_wire import Client, PeeperError, call_message
from server_process import Failure, Server, check, check_equal, descendants, eventually

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
CLIENTS = 4
# What a verb may answer while others are at work. TIMEOUT is not among them: nothing here takes that long.
ANSWERS = {"OK", "CRASHED", "DOWN", "NOPROC", "NOT_FOUND", "RUNNING", "RESTARTING", "ALREADY_STARTED", "ALREADY_PRESENT",
           "REFUSED", "SIMPLE_ONE_FOR_ONE", "MAILBOX_FULL", "OVERLOADED", "INVALID"}


class Scenery:
    """The tree of a storm: every strategy, two levels, and the names in it."""

    def __init__(self, prefix: str, broken: str) -> None:
        self.prefix = prefix
        self.broken = broken
        self.supervisors = [prefix]
        self.actors: list[str] = []
        self.children: dict[str, list[str]] = {prefix: []}  # ids below each static supervisor

    def actor(self, name: str, moody: bool) -> dict[str, Any]:
        self.actors.append(name)
        init = [["if_file", self.broken, [["error", "broken"]]]] if moody else []
        return {"behaviour": "probe", "name": name, "argument": {"state": 0, "init": init}}

    def spec(self) -> dict[str, Any]:
        subs = []
        for strategy in STRATEGIES:
            sub = f"{self.prefix}-{strategy}"
            self.supervisors.append(sub)
            self.children[self.prefix].append(strategy)
            self.children[sub] = [f"c{i}" for i in range(4)]
            children = [{"id": f"c{i}", "start": self.actor(f"{sub}-{i}", moody=i == 2)} for i in range(4)]
            subs.append({"id": strategy, "start": {"supervisor": self._flags(sub, strategy, children)}})
        simple = f"{self.prefix}-simple"
        self.supervisors.append(simple)
        self.children[self.prefix].append("simple")
        template = [{"id": "t", "restart": "transient", "start": {"behaviour": "probe"}}]
        subs.append({"id": "simple", "start": {"supervisor": self._flags(simple, "simple_one_for_one", template)}})
        return self._flags(self.prefix, "one_for_one", subs)

    def _flags(self, name: str, strategy: str, children: list[Any]) -> dict[str, Any]:
        return {"name": name, "strategy": strategy, "intensity": 1_000_000, "period_ms": 1000, "children": children}


def random_request(scenery: Scenery, chance: random.Random) -> tuple[str, Any]:
    """A verb and its message: most go to actors, and what is stopped is mostly restarted."""
    static = chance.choice([name for name in scenery.supervisors[1:] if not name.endswith("simple")])
    if chance.random() < 0.15:
        static = scenery.prefix
    child = chance.choice(scenery.children[static])
    actor = chance.choice(scenery.actors)
    simple = f"{scenery.prefix}-simple"
    dynamic = f"{simple}-{chance.randrange(8)}"
    table: list[tuple[int, Callable[[], tuple[str, Any]]]] = [
        (10, lambda: ("call", call_message(actor, [["raise", "boom"]]))),
        (4, lambda: ("call", call_message(actor, [["stop", chance.choice(["normal", "shutdown", "angry"])]]))),
        (6, lambda: ("kill", wire.pb.Kill(name=chance.choice([actor, dynamic])))),
        (1, lambda: ("call", call_message(actor, "segfault"))),
        (10, lambda: ("call", call_message(actor, [["set", 1], ["reply", 1]]))),
        (2, lambda: ("kill", wire.pb.Kill(name=chance.choice(scenery.supervisors[1:])))),
        (2, lambda: ("stop", wire.pb.Stop(name=chance.choice([actor, *scenery.supervisors[1:]])))),
        (3, lambda: ("terminate_child", sw.terminate_child(static, child))),
        (16, lambda: ("restart_child", sw.restart_child(static, child))),
        (1, lambda: ("delete_child", sw.delete_child(static, child if child == "c3" else "nobody"))),
        (8, lambda: ("start_child", sw.start_child(simple, {"name": dynamic, "argument": {"state": 0}}))),
        (3, lambda: ("call", call_message(dynamic, [["stop", "normal"]]))),
        (3, lambda: ("which_children", sw.which_children(static))),
        (2, lambda: ("count_children", sw.count_children(chance.choice(scenery.supervisors)))),
        (1, lambda: ("get_child_spec", sw.get_child_spec(static, child))),
        (1, lambda: ("change_supervisor", sw.change_supervisor(static, None))),
    ]
    return chance.choices([row for _, row in table], [weight for weight, _ in table])[0]()


def blow(server: Server, scenery: Scenery, seed: int, finished: threading.Event, seen: Counter[str]) -> None:
    """Sixteen requests in flight until it is over; every one of them is answered."""
    chance = random.Random(seed)
    with server.client() as client:
        flying: dict[int, str] = {}
        while not finished.is_set() or flying:
            while len(flying) < 16 and not finished.is_set():
                verb, message = random_request(scenery, chance)
                flying[client.submit(verb, message)] = verb
            if not flying:
                break
            frame = client.wait_any()
            verb = flying.pop(frame.id)
            error = frame.WhichOneof("body") == "error"
            status = wire.pb.Status.Name(frame.error.status).removeprefix("STATUS_") if error else "OK"
            seen[f"{verb} {status}"] += 1
            if status not in ANSWERS:
                finished.set()
                raise Failure(f"{verb} was answered by {frame}")
        check_equal(client.pushed, [], "frames that nobody asked for")


def come_and_go(server: Server, scenery: Scenery, seed: int, finished: threading.Event) -> None:
    """Clients that ask for a few things and leave without waiting for the answers."""
    chance = random.Random(seed)
    while not finished.is_set():
        with server.client() as client:
            for _ in range(5):
                client.submit(*random_request(scenery, chance))


def meddle(server: Server, files: CaseFiles, seed: int, until: float, finished: threading.Event) -> None:
    """Kills hosts, and makes some inits fail for a while; ends the storm when its time has come."""
    chance = random.Random(seed)
    while time.monotonic() < until and not finished.is_set():
        time.sleep(chance.uniform(0.01, 0.1))  # house-rules: sleep: the random moment
        files.file("broken", exists=chance.random() < 0.3)
        if chance.random() < 0.3:
            for pid in list(descendants(server.pid))[:1]:
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
    files.file("broken", exists=False)
    finished.set()


# --- Afterwards -----------------------------------------------------------------------------------


def look(client: Client, supervisor: str, found: dict[str, int], restless: list[str]) -> None:
    """Names and incarnations of all that is up; what is neither up nor stopped."""
    for child in sw.all_children(client, supervisor):
        if child["status"] == "running":
            found[child["name"]] = child["incarnation"]
            if child["supervisor"]:
                look(client, child["name"], found, restless)
        elif child["status"] != "stopped":
            restless.append(f"{child['name']} is {child['status']}")


def calm(client: Client, root: str) -> bool:
    """Whether two looks a moment apart see the same tree, with nothing on its way."""
    looks = []
    for _ in range(2):
        found: dict[str, int] = {}
        restless: list[str] = []
        try:
            look(client, root, found, restless)
        except PeeperError:
            return False
        if restless:
            return False
        looks.append(found)
    return looks[0] == looks[1]


def living_names(client: Client, prefix: str) -> dict[str, int]:
    """All with that prefix that have an incarnation, as the server's list has them."""
    names: dict[str, int] = {}
    cursor = 0
    while True:
        page, cursor = client.list_page(prefix, cursor, 1000)
        names.update({info.name: info.incarnation for info in page if info.status != "ended"})
        if cursor == 0:
            return names


def check_afterwards(server: Server, scenery: Scenery) -> None:
    with server.client() as client:
        root = scenery.prefix
        eventually(lambda: calm(client, root), "the tree comes to rest", 30)
        found: dict[str, int] = {root: client.where_is(root)}
        restless: list[str] = []
        look(client, root, found, restless)
        check_equal(living_names(client, root), found, "the list of the living")
        for name, incarnation in found.items():
            check_equal(client.where_is(name), incarnation, f"id of {name}")
        for name in (name for name in scenery.actors if name in found):
            client.call(name, "state")
        for name in (name for name in scenery.supervisors if name in found):
            counts = sw.counts_from(client.request("count_children", sw.count_children(name)))
            active = sum(child["status"] == "running" for child in sw.all_children(client, name))
            check_equal(counts["active"], active, f"active children of {name}")
        client.stop(root, "shutdown")
        check_equal(living_names(client, root), {}, "what is left after the stop")
        check_equal(client.pushed, [], "frames that nobody asked for")


def storm(server: Server, seed: int, seconds: float) -> Counter[str]:
    files = CaseFiles()
    scenery = Scenery(f"storm{seed}", files.file("broken", exists=False))
    with server.client() as client:
        client.request("start_supervisor", sw.start_supervisor("", scenery.spec()))
    finished = threading.Event()
    tallies: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
    bodies: list[Callable[[], None]] = [
        lambda i=i: blow(server, scenery, seed * 100 + i, finished, tallies[i]) for i in range(CLIENTS)
    ]
    bodies.append(lambda: come_and_go(server, scenery, seed * 100 + 50, finished))
    bodies.append(lambda: meddle(server, files, seed * 100 + 60, time.monotonic() + seconds, finished))
    try:
        run_threads(bodies)
        check_afterwards(server, scenery)
    finally:
        files.remove()
    return sum(tallies, Counter())


@case("model: storms of crashes, verbs, dying hosts and leaving clients end in a consistent tree")
def storms(settings: Settings) -> None:
    first = random.randrange(1 << 20)
    rounds, seconds = (2, 2.0) if settings.quick else (10, 5.0)
    with Server(settings.build, ["--log", "error"], "supervision-storm") as server:
        for seed in range(first, first + rounds):
            try:
                seen = storm(server, seed, seconds)
            except Exception as failure:
                raise Failure(f"storm {seed}: {type(failure).__name__}: {failure}") from failure
            check(sum(seen.values()) > 100, f"storm {seed} was a calm: {seen}")
        print(f"     the last of {rounds}: {dict(seen.most_common(12))}", flush=True)
