"""Transfers between supervisors under load."""
from __future__ import annotations

import collections
import random
import threading

import peeper_wire as wire
import supervisor_wire
from case_registry import Settings, case
from server_process import Failure, Server, check, check_equal

CALLS = 1000
CLIENTS = 4


def start_supervisors(client: wire.Client, behaviour_children: list[dict]) -> None:
    client.request("start_supervisor", supervisor_wire.start_supervisor(
        "left", {"children": behaviour_children, "intensity": 1000}))
    client.request("start_supervisor", supervisor_wire.start_supervisor("right", {"intensity": 1000}))


class Callers(threading.Thread):
    """One client that calls and counts what it is answered."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.replies: list[int] = []
        self.retryable = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with self.server.client() as client:
                numbers = [client.submit_call("moved", "inc", 20000) for _ in range(CALLS // CLIENTS)]
                for number in numbers:
                    self.wait_for(client, number)
        except BaseException as error:  # told by the case
            self.failure = error

    def wait_for(self, client: wire.Client, number: int) -> None:
        try:
            self.replies.append(wire.decode_value(client.wait(number).reply.payload))
        except wire.PeeperError as error:
            if not error.retryable:
                raise
            self.retryable += 1


def call_during_transfers(settings: Settings, spec: dict, start: dict) -> int:
    """Answers how many calls were told to try again."""
    with Server(settings.build, log_name="transfer-calls") as server, server.client() as client:
        start_supervisors(client, [{"id": "x", **spec,
                                    "start": {"behaviour": "counter", "name": "moved", "argument": 0, **start}}])
        unit = client.inspect("moved").unit
        callers = [Callers(server) for _ in range(CLIENTS)]
        for caller in callers:
            caller.start()
        moves = 0
        sides = ["right", "left"]
        while any(caller.is_alive() for caller in callers) or moves < 10:
            try:
                client.request("transfer", wire.pb.Transfer(name="moved", target=sides[moves % 2]))
                moves += 1
            except wire.PeeperError as error:
                check(error.status == "RESTARTING" and error.retryable, f"a transfer is refused: {error}")
        for caller in callers:
            caller.join()
            if caller.failure is not None:
                raise Failure(f"a call failed: {caller.failure!r}")
        replies = sorted(reply for caller in callers for reply in caller.replies)
        retryable = sum(caller.retryable for caller in callers)
        check_equal(len(replies) + retryable, CALLS, "answers")
        check_equal(replies, list(range(1, len(replies) + 1)), "each reply counts one turn")
        check_equal(client.call("moved", "state"), len(replies), "the state")
        info = client.inspect("moved")
        check_equal((info.unit, info.supervisor), (unit, sides[(moves + 1) % 2]), "where it is")
        return retryable


@case("transfer: C-204 1000 calls during transfers are each answered once, or told to try again")
def calls_during_transfers(settings: Settings) -> None:
    call_during_transfers(settings, {}, {})


@case("transfer: C-204 so are those of a child that is ended in the midst of a turn")
def calls_cut_off(settings: Settings) -> None:
    call_during_transfers(settings, {"shutdown": "brutal_kill"}, {})
    call_during_transfers(settings, {}, {"trap_exit": False})


STRATEGIES = {"all": "one_for_all", "rest": "rest_for_one", "one": "one_for_one"}


def children_of(client: wire.Client, name: str) -> list[str]:
    frame = client.request("which_children", wire.pb.WhichChildren(name=name, limit=100))
    return [child["name"] for child in supervisor_wire.children_from(frame)]


def play(client: wire.Client, chance: random.Random, name: str) -> str:
    """One thing that happens; answers what."""
    what = chance.random()
    try:
        if what < 0.4:
            client.request("transfer", wire.pb.Transfer(name=name, target=chance.choice(sorted(STRATEGIES))))
            return "moved"
        if what < 0.55:
            client.kill(name)
            return "kill"
        if what < 0.65:
            client.call(name, "raise")
        client.call(name, "inc")
        return "inc"
    except wire.PeeperError as error:
        return f"{error.status}, {'retryable' if error.retryable else 'not'}"


@case("transfer: random transfers, kills and crashes among three groups lose no child and no state")
def random_transfers(settings: Settings) -> None:
    chance = random.Random(7)
    seen: collections.Counter[str] = collections.Counter()
    with Server(settings.build, log_name="transfer-random") as server, server.client() as client:
        for name, strategy in STRATEGIES.items():
            children = [{"id": f"{name}{i}", "start": {"behaviour": "counter", "name": f"{name}{i}", "argument": 0}}
                        for i in range(4)]
            client.request("start_supervisor", supervisor_wire.start_supervisor(
                name, {"strategy": strategy, "intensity": 1000000, "children": children}))
        names = [f"{name}{i}" for name in STRATEGIES for i in range(4)]
        units = {name: client.inspect(name).unit for name in names}
        counts = dict.fromkeys(names, 0)
        for _ in range(2000 if settings.quick else 20000):
            name = chance.choice(names)
            what = play(client, chance, name)
            seen[what] += 1
            counts[name] += what == "inc"
        check(set(seen) <= {"moved", "kill", "inc", "CRASHED, not", "INVALID, not", "RESTARTING, retryable"},
              f"nothing else is answered: {seen}")
        check(min(seen["moved"], seen["kill"], seen["CRASHED, not"]) > 20, f"all of it happened: {seen}")
        check_equal({name: client.call(name, "state") for name in names}, counts, "the states")
        found = {child: name for name in STRATEGIES for child in children_of(client, name)}
        check_equal(sorted(found), sorted(names), "each is somebody's child")
        for name in names:
            info = client.inspect(name)
            check_equal((info.unit, info.supervisor), (units[name], found[name]), name)
