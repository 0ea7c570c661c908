"""Who shares a host process with whom: hosts of their own, and quarantine for those that kill theirs again and again."""
from __future__ import annotations

import json
import os
import time
from typing import Any

import supervisor_wire as sw
from case_registry import Settings, case
from peeper_wire import Client, Info, PeeperError, StartOptions
from server_process import Failure, Server, check, check_equal, descendants, eventually

ENDLESS = (1_000_000, 1000)
SHARED = StartOptions(intensity=ENDLESS)
OWN = StartOptions(intensity=ENDLESS, isolation="own")
LONG_MS = 2500
BEGUN_MS = 1000
KILLS = 20


def dies(client: Client, name: str, how: str = "segfault", kind: str = "signal") -> None:
    try:
        client.call(name, how)
    except PeeperError as error:
        check_equal((error.status, error.kind), ("CRASHED", kind), f"answer to {how} ({error})")
        return
    raise Failure(f"{name} survived {how}")


def recalls(server: Server) -> float:
    return server.metrics()["peeper_recalls_total"]


class LongTurns:
    """A turn of LONG_MS of each actor, of which BEGUN_MS have gone when the block does what must not interrupt it.

    If one had to run again, it would take so much longer."""

    def __init__(self, server: Server, *names: str) -> None:
        self.server, self.client, self.names = server, server.client(), names

    def __enter__(self) -> LongTurns:
        self.begun = time.monotonic()
        self.numbers = [self.client.submit_call(name, ["sleep", LONG_MS]) for name in self.names]
        with self.server.client() as other:
            for name in self.names:
                eventually(lambda: other.inspect(name).turn_ms > BEGUN_MS, f"the turn of {name} runs")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            check(time.monotonic() < self.begun + LONG_MS / 1000, "the block was done while the turns ran")
            for number in self.numbers:
                self.client.wait(number)
            took_ms = (time.monotonic() - self.begun) * 1000
            check(took_ms < LONG_MS + 0.8 * BEGUN_MS, f"no turn ran twice: {took_ms:.0f} ms")
        self.client.close()


# --- A host of its own ----------------------------------------------------------------------------


def hosts_of(client: Client, *names: str) -> list[int]:
    """Their hosts' pids. An actor is with a host once it has had a turn."""
    for name in names:
        client.call(name, "state")
    return [client.inspect(name).host_pid for name in names]


@case("isolation: an actor with a host of its own shares it with nobody, and its host ends with it")
def own_host(settings: Settings) -> None:
    with Server(settings.build, log_name="isolation-own") as server, server.client() as client:
        client.start("shared", "counter", 1, SHARED)
        client.start("a", "counter", 2, OWN)
        client.start("b", "counter", 3, OWN)
        pids = hosts_of(client, "shared", "a", "b")
        check_equal(len(set(pids)), 3, f"different hosts {pids}")
        check_equal((client.inspect("a").isolation, client.inspect("shared").isolation), ("own", "shared"), "isolation")
        check_equal(server.metrics()["peeper_own_actors"], 2, "peeper_own_actors")
        client.stop("a")
        eventually(lambda: pids[1] not in descendants(server.pid), "the host of a has ended")
        check_equal(client.call("b", "state"), 3, "state of b")
        check_equal(server.metrics()["peeper_own_actors"], 1, "peeper_own_actors")
        check_equal(server.metrics()["peeper_host_deaths_total"], 0, "hosts lost")


@case("isolation: segfault and kill -9 in a host of its own interrupt no turn of another actor")
def own_host_dies_alone(settings: Settings) -> None:
    with Server(settings.build, log_name="isolation-dies") as server, server.client() as client:
        client.start("shared", "counter", 0, SHARED)
        client.start("neighbour", "counter", 0, OWN)
        client.start("alone", "counter", 7, OWN)
        client.call("alone", "inc")
        with LongTurns(server, "shared", "neighbour"):
            dies(client, "alone")
            check_equal(client.call("alone", "state"), 8, "state after the segfault")
            os.kill(client.inspect("alone").host_pid, 9)
            check_equal(client.call("alone", "inc"), 9, "inc after kill -9")
        check_equal([client.inspect(name).restarts for name in ("shared", "neighbour")], [0, 0], "restarts of the others")


@case("isolation: kill -9 of everybody's host interrupts no turn in a host of its own")
def own_host_is_not_hit(settings: Settings) -> None:
    with Server(settings.build, log_name="isolation-hit") as server, server.client() as client:
        client.start("shared", "counter", 0, SHARED)
        client.start("alone", "counter", 0, OWN)
        shared_pid = hosts_of(client, "shared", "alone")[0]
        with LongTurns(server, "alone"):
            os.kill(shared_pid, 9)
            check_equal(client.call("shared", "inc"), 1, "inc after kill -9")


@case("isolation: more hosts of their own than the server may have are OVERLOADED, and the number is free again")
def own_hosts_are_bounded(settings: Settings) -> None:
    with Server(settings.build, ["--own-hosts-max", "2"], "isolation-max") as server, server.client() as client:
        client.start("a", "counter", 0, OWN)
        client.start("b", "counter", 0, OWN)
        try:
            client.start("c", "counter", 0, OWN)
        except PeeperError as error:
            check_equal((error.status, error.message), ("OVERLOADED", "too many hosts of their own"), "the refusal")
        else:
            raise Failure("three hosts of their own where two are allowed")
        client.stop("a")
        client.start("c", "counter", 5, OWN)
        check_equal(client.call("c", "state"), 5, "state of c")


@case("isolation: peeper start --isolation own, and inspect tells it")
def own_host_by_command(settings: Settings) -> None:
    with Server(settings.build, log_name="isolation-cli") as server:
        started = server.cli("start", "alone", "--behaviour", "counter", "--state", "4", "--isolation", "own")
        check_equal(started.returncode, 0, f"exit of start ({started.stderr})")
        seen = json.loads(server.cli("inspect", "alone").stdout)
        check_equal((seen["isolation"], seen["quarantined"], seen["state"]), ("own", False, 4), "inspect")
        wrong = server.cli("start", "b", "--behaviour", "counter", "--isolation", "none")
        check(wrong.returncode != 0 and "isolation" in wrong.stderr, f"a wrong word is told: {wrong.stderr}")


# --- Quarantine -----------------------------------------------------------------------------------


def quarantine(client: Client, name: str) -> None:
    """Three segfaults, as architecture.md says."""
    for _ in range(3):
        dies(client, name)
    check(client.inspect(name).quarantined, f"{name} is in quarantine")


@case("isolation: an actor in quarantine segfaults 20 times, and a long turn of a healthy one runs once")
def quarantined_is_not_felt(settings: Settings) -> None:
    with Server(settings.build, log_name="isolation-quarantine") as server, server.client() as client:
        client.start("good", "counter", 0, SHARED)
        client.start("bad", "counter", 7, SHARED)
        quarantine(client, "bad")
        before = recalls(server)
        with LongTurns(server, "good"):
            for _ in range(KILLS):
                dies(client, "bad")
        check_equal(recalls(server), before, "turns that were taken back")
        check_equal(client.call("bad", "state"), 7, "state of bad")
        check_equal(client.inspect("good").restarts, 0, "restarts of good")
        metrics = server.metrics()
        check_equal((metrics["peeper_quarantines_total"], metrics["peeper_quarantined_actors"]), (1, 1), "metrics")
        check("actor.quarantined name=\"bad\"" in server.log_path.read_text(), "the log tells of it")


@case("isolation: whatever way it kills its host, the third time it is in quarantine")
def every_kill_counts(settings: Settings) -> None:
    with Server(settings.build, ["--host-memory", str(64 << 20)], "isolation-ways") as server, server.client() as client:
        client.start("bad", "counter", 0, SHARED)
        # A sanitizer's allocator ends the host in its own way when memory runs out.
        last = ("segfault", "signal") if settings.build.sanitized else ("leak", "memory")
        for how, kind in (("abort", "signal"), ("exit", "exit"), last):
            check(not client.inspect("bad").quarantined, f"not before {how}")
            dies(client, "bad", how, kind)
        check(client.inspect("bad").quarantined, "in quarantine")


@case("isolation: an actor that has been quiet comes back to the others, and the quarantine's hosts end")
def quiet_comes_back(settings: Settings) -> None:
    options = ["--quarantine-ms", "500"]
    with Server(settings.build, options, "isolation-back") as server, server.client() as client:
        client.start("good", "counter", 0, SHARED)
        client.start("bad", "counter", 7, SHARED)
        quarantine(client, "bad")
        check_equal(client.call("bad", "inc"), 8, "inc in quarantine")
        check(len(set(hosts_of(client, "good", "bad"))) == 2, "apart")
        eventually(lambda: not client.inspect("bad").quarantined, "bad is let go")
        check_equal(client.call("bad", "inc"), 9, "inc afterwards")
        check(len(set(hosts_of(client, "good", "bad"))) == 1, "together again")
        eventually(lambda: len(descendants(server.pid)) == 2, "the quarantine's hosts have ended", 20)


@case("isolation: an actor that is never without work comes back from quarantine, too")
def busy_comes_back(settings: Settings) -> None:
    options = ["--quarantine-ms", "500"]
    with Server(settings.build, options, "isolation-busy") as server, server.client() as client:
        client.start("bad", "counter", 0, SHARED)
        quarantine(client, "bad")
        done, flying = 0, set()
        until = time.monotonic() + 10

        def quarantined() -> bool:
            with server.client() as other:
                info: Info = other.inspect("bad")
            return info.quarantined

        while quarantined():
            check(time.monotonic() < until, "let go under load")
            while len(flying) < 64:
                flying.add(client.submit_call("bad", "inc"))
            for _ in range(32):
                frame = client.wait_any()
                flying.discard(frame.id)
                check_equal(frame.WhichOneof("body"), "reply", f"answer {frame}")
                done += 1
        for number in flying:
            client.wait(number)
            done += 1
        check_equal(client.call("bad", "state"), done, "none lost, none twice")


# --- Children of supervisors ----------------------------------------------------------------------


def child(name: str, argument: int, **start: Any) -> dict[str, Any]:
    return {"id": name, "start": {"behaviour": "counter", "name": name, "argument": argument, **start}}


@case("isolation: children have hosts of their own and go into quarantine like any actor")
def children(settings: Settings) -> None:
    with Server(settings.build, log_name="isolation-children") as server, server.client() as client:
        spec = {"intensity": 100, "period_ms": 1000,
                "children": [child("own", 1, isolation="own"), child("bad", 7), child("good", 3)]}
        client.request("start_supervisor", sw.start_supervisor("top", spec))
        pids = hosts_of(client, "own", "bad", "good")
        check_equal(len(set(pids)), 2, f"hosts {pids}")
        dies(client, "own")
        check_equal(client.call("own", "state"), 1, "state of own")
        quarantine(client, "bad")
        with LongTurns(server, "good"):
            for _ in range(3):
                dies(client, "bad")
                dies(client, "own")
        check_equal(client.call("bad", "state"), 7, "state of bad")
        own_pid = hosts_of(client, "own")[0]
        client.request("terminate_child", sw.terminate_child("top", "own"))
        eventually(lambda: own_pid not in descendants(server.pid), "the host of own has ended")
        client.request("restart_child", sw.restart_child("top", "own"))
        check_equal(len(set(hosts_of(client, "own", "bad", "good"))), 3, "apart again")
        client.stop("top")
        check_equal(server.metrics()["peeper_own_actors"], 0, "peeper_own_actors")
        check_equal(server.metrics()["peeper_quarantined_actors"], 0, "peeper_quarantined_actors")
