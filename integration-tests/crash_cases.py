"""Crashes under load: no acknowledged change is lost, none is applied twice, and nobody else notices."""
from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

from case_registry import Settings, case
from peeper_wire import Client, PeeperError, StartOptions, decode_value
from server_process import (Failure, Server, check, check_equal, descendants, eventually, kill_host,
                            open_descriptors, resident_bytes)

# So many restarts that the intensity is not what is tested.
ENDLESS = StartOptions(intensity=(1_000_000, 1000))
CLIENTS = 8
# What a client may see while hosts die. TIMEOUT is none of them: a call must not hang for 5 s.
TYPED_ERRORS = {"CRASHED", "MAILBOX_FULL", "OVERLOADED"}


@dataclass
class Tally:
    """What one client saw."""

    acknowledged: dict[str, list[int]] = field(default_factory=dict)  # by actor: the values replied
    errors: Counter[str] = field(default_factory=Counter)
    retryable: Counter[str] = field(default_factory=Counter)


def run_threads(bodies: list[Callable[[], None]]) -> None:
    """Runs all; raises the first failure after all have ended."""
    failures: list[BaseException] = []

    def guarded(body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as failure:  # noqa: BLE001 - handed to the main thread
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def increment_until(server: Server, actors: list[str], finished: Callable[[], bool], tally: Tally) -> None:
    """Calls inc, one call at a time, on the actors in turn."""
    rounds = 0
    with server.client() as client:
        while not finished():
            actor = actors[rounds % len(actors)]
            rounds += 1
            try:
                value = client.call(actor, "inc")
                tally.acknowledged.setdefault(actor, []).append(value)
            except PeeperError as error:
                tally.errors[error.status] += 1
                tally.retryable[error.status] += error.retryable


def kill_hosts_until(server: Server, actor: str, finished: Callable[[], bool], kills: list[int],
                     seed: int) -> None:
    chance = random.Random(seed)
    with server.client() as client:
        while not finished():
            time.sleep(chance.uniform(0, 0.02))  # house-rules: sleep: the random moment
            pid = kill_host(client, actor)
            if pid:
                kills.append(pid)


def check_each_once(actor: str, values: list[int]) -> None:
    """Without loss the acknowledged values are just 1 to their count."""
    twice = [value for value, count in Counter(values).items() if count > 1]
    missing = sorted(set(range(1, len(values) + 1)) - set(values))
    check(not twice and not missing, f"{actor}: acknowledged twice {twice[:10]}, never {missing[:10]}")


def check_counts(server: Server, tallies: list[Tally], actors: list[str]) -> None:
    """Every acknowledged value was answered once, and the state is their count: none lost, none twice."""
    with server.client() as client:
        for actor in actors:
            values = [v for tally in tallies for v in tally.acknowledged.get(actor, [])]
            check_each_once(actor, values)
            check_equal(client.call(actor, "state"), len(values), f"state of {actor}")
    for tally in tallies:
        unexpected = set(tally.errors) - TYPED_ERRORS
        check(not unexpected, f"clients saw {tally.errors}")


@case("C-163 crash: 10,000 kill -9 of the host at random moments while 8 clients increment: none lost, none twice")
def kills_lose_nothing(settings: Settings) -> None:
    rounds, kills_wanted = (1000, 50) if settings.quick else (10_000, 10_000)
    actors = [f"own-{i}" for i in range(CLIENTS)] + ["shared"]
    tallies = [Tally() for _ in range(CLIENTS)]
    kills: list[int] = []
    gave_up_at = time.monotonic() + 900

    def finished() -> bool:
        done = sum(len(v) for tally in tallies for v in list(tally.acknowledged.values()))
        return (done >= rounds and len(kills) >= kills_wanted) or time.monotonic() > gave_up_at

    with Server(settings.build, log_name="crash-kill") as server:
        with server.client() as client:
            for actor in actors:
                client.start(actor, "counter", 0, ENDLESS)
        bodies: list[Callable[[], None]] = [
            lambda i=i: increment_until(server, [f"own-{i}", "shared"], finished, tallies[i])
            for i in range(CLIENTS)
        ]
        bodies.append(lambda: kill_hosts_until(server, "shared", finished, kills, seed=163))
        run_threads(bodies)
        check(time.monotonic() < gave_up_at, f"only {len(kills)} kills in 900 s")
        check_counts(server, tallies, actors)
        report(tallies, kills)
        check_few_hosts(server)


def report(tallies: list[Tally], kills: list[int]) -> None:
    done = sum(len(v) for tally in tallies for v in tally.acknowledged.values())
    errors: Counter[str] = sum((tally.errors for tally in tallies), Counter())
    retryable: Counter[str] = sum((tally.retryable for tally in tallies), Counter())
    print(f"     {done} increments acknowledged, {len(kills)} kills, errors seen: {dict(errors)}, "
          f"of them retryable: {dict(+retryable)}", flush=True)


def check_few_hosts(server: Server) -> None:
    """In the end there is one active host and one standby, and the same in quarantine, and no more."""
    eventually(lambda: len(descendants(server.pid)) <= 4, "no more than four hosts")


@case("C-163 crash: KILL right after an acknowledged increment, 10,000 rounds")
def kill_verb_loses_nothing(settings: Settings) -> None:
    rounds = 500 if settings.quick else 10_000
    with Server(settings.build, log_name="crash-kill-verb") as server, server.client() as client:
        client.start("killed", "counter", 0, ENDLESS)
        first = client.where_is("killed")
        for expected in range(1, rounds + 1):
            check_equal(client.call("killed", "inc"), expected, "inc")
            client.kill("killed")
        check_equal(client.call("killed", "state"), rounds, "state")
        check(client.where_is("killed") != first, "the incarnation id is new after a kill")


# --- One bad actor beside a hundred good ones ------------------------------------------------------

HEALTHY = 100
LOAD_CLIENTS = 4
PIPELINE = 16


@dataclass
class Usage:
    descriptors: int
    processes: int
    resident: int


def usage(server: Server) -> Usage:
    return Usage(open_descriptors(server.pid), len(descendants(server.pid)), resident_bytes(server.pid))


def load_healthy(server: Server, names: list[str], stop: threading.Event, done: Counter[str]) -> None:
    """Pipelined incs. Any error at all is a failure."""
    with server.client() as client:
        flying: dict[int, str] = {}
        turn = 0
        while not stop.is_set() or flying:
            while len(flying) < PIPELINE and not stop.is_set():
                name = names[turn % len(names)]
                turn += 1
                flying[client.submit_call(name, "inc")] = name
            frame = client.wait_any()
            name = flying.pop(frame.id)
            if frame.WhichOneof("body") != "reply":
                stop.set()
                raise Failure(f"a healthy actor answered {frame}")
            done[name] += 1


def segfault_rounds(server: Server, rounds: int, stop: threading.Event, samples: list[Usage]) -> None:
    """Each round must answer CRASHED by a signal, and the state must be as it was."""
    try:
        with server.client() as client:
            for number in range(rounds):
                segfault_once(client)
                if number == rounds // 5:
                    samples.append(settled_usage(server))
            check_equal(client.call("bad", "state"), 7, "state of the crashing actor")
            samples.append(settled_usage(server))
    finally:
        stop.set()


def settled_usage(server: Server) -> Usage:
    """Measured with the standbys back, so that two samples compare."""
    eventually(lambda: settled(server), "one active host and one standby, and the same in quarantine")
    return usage(server)


def settled(server: Server) -> bool:
    """Four hosts, and the same ones a moment later: none of them is on its way out."""
    hosts = descendants(server.pid)
    time.sleep(0.05)  # house-rules: sleep: the moment
    return len(hosts) == 4 and descendants(server.pid) == hosts


def segfault_once(client: Client) -> None:
    try:
        client.call("bad", "segfault")
    except PeeperError as error:
        check_equal((error.status, error.kind), ("CRASHED", "signal"), f"answer to segfault ({error})")
        return
    raise Failure("the call that segfaults was answered")


def check_no_growth(settings: Settings, before: Usage, after: Usage) -> None:
    print(f"     usage after a fifth: {before}, at the end: {after}", flush=True)
    check(after.descriptors <= before.descriptors + 2, f"descriptors grew: {before} {after}")
    check(after.processes <= before.processes, f"processes grew: {before} {after}")
    if not settings.build.sanitized:
        check(after.resident <= before.resident + (4 << 20), f"memory grew: {before} {after}")


@case("crash: 1,000 segfaults of one actor beside 100 healthy ones under load")
def segfaults_hurt_nobody_else(settings: Settings) -> None:
    rounds = 100 if settings.quick else 1000
    names = [f"healthy-{i}" for i in range(HEALTHY)]
    done: Counter[str] = Counter()
    samples: list[Usage] = []
    stop = threading.Event()
    with Server(settings.build, log_name="crash-segfault") as server:
        with server.client() as client:
            client.start("bad", "counter", 7, ENDLESS)
            for name in names:
                client.start(name, "counter", 0)
        counts: list[Counter[str]] = [Counter() for _ in range(LOAD_CLIENTS)]
        bodies: list[Callable[[], None]] = [
            lambda i=i: load_healthy(server, names, stop, counts[i]) for i in range(LOAD_CLIENTS)
        ]
        bodies.append(lambda: segfault_rounds(server, rounds, stop, samples))
        run_threads(bodies)
        done = sum(counts, Counter())
        with server.client() as client:
            for name in names:
                check_equal(client.call(name, "state"), done[name], f"state of {name}")
                check_equal(client.inspect(name).restarts, 0, f"restarts of {name}")
        print(f"     {sum(done.values())} calls of healthy actors", flush=True)
        check_no_growth(settings, samples[0], samples[1])
        check_few_hosts(server)


@case("crash: hosts die while a thousand actors hold different states, and each state is right")
def many_actors_survive(settings: Settings) -> None:
    count = 1000
    with Server(settings.build, log_name="crash-many") as server, server.client() as client:
        numbers = [client.submit_start(f"many-{i}", "counter", i) for i in range(count)]
        for number in numbers:
            client.wait(number)
        for _ in range(5):
            os.kill(wait_for_host(client, "many-0"), 9)
            calls = [client.submit_call(f"many-{i}", "state") for i in range(count)]
            for i, number in enumerate(calls):
                check_state(client, number, i)


@case("C-169 crash: a list of 10,000 numbers is identical after a kill and after kill -9 of the host")
def long_list_survives(settings: Settings) -> None:
    numbers = list(range(-5000, 5000))
    with Server(settings.build, log_name="crash-list") as server, server.client() as client:
        client.start("list", "probe", {"state": None})
        client.call("list", [["set", numbers], ["reply", "ok"]])
        for what, kill in (("kill", lambda: client.kill("list")), ("kill -9", lambda: kill_host(client, "list"))):
            kill()
            begun = time.monotonic()
            check_equal(client.call("list", "state"), numbers, f"state after {what}")
            print(f"     first answer after {what}: {(time.monotonic() - begun) * 1000:.1f} ms", flush=True)


@case("crash: a host that is stopped (SIGSTOP) is replaced, and calls are answered in their time")
def stopped_host_is_replaced(settings: Settings) -> None:
    with Server(settings.build, log_name="crash-stopped") as server, server.client() as client:
        client.start("frozen", "counter", 5, ENDLESS)
        pid = wait_for_host(client, "frozen")
        os.kill(pid, signal.SIGSTOP)
        # The signal is on its way when kill() returns; a call or two may still be served.
        for _ in range(1000):
            begun = time.monotonic()
            try:
                client.call("frozen", "state", 1000)
            except PeeperError as error:
                check(error.status in ("TIMEOUT", "CRASHED"), f"answer of a stopped host: {error}")
                break
        else:
            check(False, "a stopped host goes on serving")
        check(time.monotonic() - begun < 2, "the call is answered by its deadline")
        eventually(lambda: client.inspect("frozen").host_pid != pid, "the stopped host is given up", 15)
        check_equal(client.call("frozen", "state"), 5, "state after the stopped host was replaced")


def wait_for_host(client: Client, name: str) -> int:
    """The pid of the host that holds the actor, which it does after a call."""
    client.call(name, "state")
    pid = client.inspect(name).host_pid
    check(pid > 0, f"no host holds {name} right after its turn")
    return pid


def check_state(client: Client, number: int, expected: int) -> None:
    """A call that the kill hit while it ran may answer CRASHED; then the next one must be right."""
    try:
        frame = client.wait(number)
        check_equal(decode_value(frame.reply.payload), expected, "state")
    except PeeperError as error:
        check_equal(error.status, "CRASHED", "error after kill -9")
        check_equal(client.call(f"many-{expected}", "state"), expected, "state")
