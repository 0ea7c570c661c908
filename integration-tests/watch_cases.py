"""Watch streams under load: clients that do not read, feeds that overflow, many actors."""
from __future__ import annotations

import os
import pty
import signal
import subprocess
import threading
import time
from typing import Any, Iterator

import peeper_wire as wire
from case_registry import Settings, case
from latency import latencies, p99
from peeper_wire import Client, NoAnswer, StartOptions
from server_process import Server, check, check_equal, eventually, resident_bytes


def events_of(client: Client, quiet_s: float = 1.0) -> Iterator[dict[str, Any]]:
    """What the client is told, until nothing has come for a while."""
    while True:
        try:
            yield client.next_event(quiet_s)
        except NoAnswer:
            return


def check_told(events: list[dict[str, Any]], first: int, last: int) -> int:
    """Each version is told once, in order, or is in a gap; the last one is told. How many gaps there were."""
    expected, gaps = first, 0
    for event in events:
        if event["kind"] == "gap":
            check_equal(event["first"], expected, f"begin of a gap in {event}")
            expected, gaps = event["last"] + 1, gaps + 1
        else:
            check_equal(event["version"], expected, "version")
            check_equal(event["value"], expected - 1, "value of a counter")
            expected += 1
    check_equal(expected, last + 1, "one behind the last version")
    check(events[-1]["kind"] == "changed", "the newest state comes last")
    return gaps


def increment(client: Client, name: str, count: int, window: int = 256) -> None:
    message = wire.encode_value("inc")
    open_requests = 0
    for _ in range(count):
        client.submit("call", wire.pb.Call(name=name, payload=message))
        open_requests += 1
        if open_requests == window:
            for _ in range(window // 2):
                client.wait_any()
            open_requests -= window // 2
    for _ in range(open_requests):
        client.wait_any()


@case("watch: a client that reads is told each of many changes")
def told_all(settings: Settings) -> None:
    count = 20_000 if settings.quick else 100_000
    with Server(settings.build) as server, server.client() as caller, server.client() as watcher:
        caller.start("hits", "counter", 0)
        watcher.watch("hits")
        seen: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda: seen.extend(events_of(watcher, 3.0)))
        reader.start()
        increment(caller, "hits", count)
        reader.join()
        check_told(seen, 2, count + 1)


@case("watch: a client that does not read is told a gap and then the newest, in bounded memory")
def slow_client(settings: Settings) -> None:
    count = 100_000
    name = "hits" * 60  # so that the system's own buffers do not take it all
    with Server(settings.build, ["--stream-bytes-max", "65536"]) as server:
        with server.client() as caller, server.client() as watcher:
            caller.start(name, "counter", 0)
            watcher.watch(name)
            increment(caller, name, 1000)
            before = resident_bytes(server.pid)
            increment(caller, name, count - 1000)
            grown = resident_bytes(server.pid) - before
            # A sanitizer keeps what was freed for a while.
            check(settings.build.sanitized or grown < 16 << 20, f"peeperd has grown by {grown} bytes")
            info = caller.inspect(name)
            check(info.events_dropped > 0, "dropped events are counted")
            check_equal(info.watchers, 1, "watchers")
            seen = list(events_of(watcher))
            gaps = check_told(seen, 2, count + 1)
            check(gaps > 0, "there was a gap")
            metrics = server.metrics()
            check_equal(metrics["peeper_event_gaps_total"], gaps, "gaps in the metrics")
            check_equal(metrics["peeper_events_dropped_total"], caller.inspect(name).events_dropped,
                        "drops in the metrics")
            increment(caller, name, 1)
            check_equal(watcher.next_event()["version"], count + 2, "afterwards it goes on")


@case("watch: large states overflow the feed, and the newest is still told")
def feed_overflow(settings: Settings) -> None:
    with Server(settings.build) as server, server.client() as caller, server.client() as watcher:
        caller.start("big", "probe", {"state": ""})
        watcher.watch("big", with_old=True)
        for number in range(40):
            caller.submit("cast", wire.pb.Cast(name="big", payload=wire.encode_value(
                [["set", f"{number:04}" * (256 << 10)]])))
        check_equal(caller.call("big", [["reply", "ok"]]), "ok", "reply")
        last = 0
        for event in events_of(watcher):
            if event["kind"] == "gap":
                check_equal(event["first"], last + 1 if last else 2, "begin of the gap")
                last = event["last"]
            else:
                check_equal(event["version"], last + 1 if last else 2, "version")
                last = event["version"]
                check(event["value"].startswith(f"{last - 2:04}"), "value")
        check_equal(last, 41, "the newest")


@case("watch: a prefix over many actors, whose client falls behind")
def slow_prefix(settings: Settings) -> None:
    count, rounds, prefix = 500, 40, "p" * 200
    with Server(settings.build, ["--stream-bytes-max", "16384"]) as server:
        with server.client() as caller, server.client() as watcher:
            for number in range(count):
                caller.start(f"{prefix}{number}", "counter", 0)
            watcher.watch(prefix, prefix=True)
            message = wire.encode_value("inc")
            for _ in range(rounds):
                for number in range(count):
                    caller.submit("call", wire.pb.Call(name=f"{prefix}{number}", payload=message))
                for _ in range(count):
                    caller.wait_any()
            told: dict[str, list[dict[str, Any]]] = {}
            for event in events_of(watcher):
                check(event["name"] != "", "it is known whose changes are missing")
                told.setdefault(event["name"], []).append(event)
            check_equal(len(told), count, "actors told of")
            for events in told.values():
                check_told(events, 2, rounds + 1)


@case("watch: more actors fall behind than are remembered")
def blind(settings: Settings) -> None:
    count = 3000
    with Server(settings.build, ["--stream-bytes-max", "4096"]) as server:
        with server.client() as caller, server.client() as watcher:
            watcher.watch("p", prefix=True)
            for number in range(count):
                caller.submit("start", wire.pb.Start(name=f"p{number}", behaviour="probe",
                                                     argument=wire.encode_value({"state": "x" * 4000})))
            for _ in range(count):
                caller.wait_any()
            seen = list(events_of(watcher))
            check(any(event["kind"] == "gap" and event["name"] == "" for event in seen),
                  "a gap that names nobody")
            caller.call("p7", [["set", 1], ["reply", "ok"]])
            check_equal(watcher.next_event()["version"], 2, "afterwards it goes on")


@case("watch: connections that come and go leave nothing behind")
def come_and_go(settings: Settings) -> None:
    rounds = 300 if settings.quick else 3000
    with Server(settings.build, ["--stream-bytes-max", "4096"]) as server, server.client() as caller:
        for number in range(20):
            caller.start(f"g{number}", "counter", 0)
        for number in range(rounds):
            with server.client() as watcher:
                watcher.watch("g", prefix=True)
                watcher.watch(f"g{number % 20}", from_version=1)
                for other in range(20):
                    caller.cast(f"g{other}", "inc")
        eventually(lambda: server.metrics()["peeper_watches"] == 0, "no watch is left")
        caller.call("g0", "inc")
        server.check_alive()


class Follower:
    """A client that keeps up with all actors of a prefix, over several connections."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.known: dict[str, tuple[int, int, Any]] = {}  # name: unit, version, state

    def learn(self, name: str, unit: int, version: int, state: Any) -> None:
        if (unit, version) > self.known.get(name, (0, 0))[:2]:
            self.known[name] = (unit, version, state)

    def take(self, event: dict[str, Any]) -> None:
        if event["kind"] == "changed":
            self.learn(event["name"], event["unit"], event["version"], event["value"])
        elif event["kind"] == "ended" and self.known.get(event["name"], (0,))[0] == event["unit"]:
            del self.known[event["name"]]

    def resume(self, client: Client) -> int:
        """As docs/state.md says; answers how many states had to be fetched."""
        client.watch(self.prefix, prefix=True)
        listed, fetched = {}, 0
        page, cursor = client.list_page(self.prefix, 0, 3)
        while True:
            listed.update({info.name: info for info in page if info.status != "ended"})
            if cursor == 0:
                break
            page, cursor = client.list_page(self.prefix, cursor, 3)
        for name in set(self.known) - set(listed):
            del self.known[name]
        for name, info in listed.items():
            if self.known.get(name, (0, 0))[:2] != (info.unit, info.newest_version):
                state = client.request("get_state", wire.pb.GetState(name=name)).state
                self.learn(name, info.unit, state.version, wire.decode_value(state.value))
                fetched += 1
        return fetched


@case("watch: a prefix is resumed with a list, which has the newest version of each")
def resume_prefix(settings: Settings) -> None:
    follower = Follower("f")
    with Server(settings.build) as server, server.client() as caller:
        for number in range(10):
            caller.start(f"f{number}", "counter", 0)
        caller.start("other", "counter", 0)
        with server.client() as watcher:
            check_equal(follower.resume(watcher), 10, "at first nothing is known")
            caller.call("f1", "inc")
            caller.start("f-new", "counter", 5)
            caller.stop("f2")
            for _ in range(3):
                follower.take(watcher.next_event())
        # Away: changes, an end, a start, and a name that has another unit now.
        caller.call("f3", "inc")
        caller.stop("f4")
        caller.stop("f5")
        caller.start("f5", "counter", 50)
        caller.start("f-later", "counter", 7)
        with server.client() as watcher:
            check_equal(follower.resume(watcher), 3, "only what is new is fetched")
            caller.call("f6", "inc")
            for event in events_of(watcher, 0.3):
                follower.take(event)
        expected = {f"f{n}": 0 for n in (0, 7, 8, 9)} | {"f1": 1, "f3": 1, "f5": 50, "f6": 1, "f-new": 5, "f-later": 7}
        check_equal({name: known[2] for name, known in follower.known.items()}, expected, "what it knows")


def read_lines(descriptor: int, count: int) -> list[str]:
    text = b""
    while text.count(b"\n") < count:
        text += os.read(descriptor, 4096)
    return text.decode().splitlines()


@case("watch: the command prints lines for a person on a terminal")
def terminal(settings: Settings) -> None:
    with Server(settings.build) as server, server.client() as caller:
        caller.start("hits", "counter", 5)
        ours, theirs = pty.openpty()
        address = f"{server.tcp[0]}:{server.tcp[1]}"
        # A shell has its background jobs ignore SIGINT, and whatever they start with them.
        command = subprocess.Popen([str(settings.build.peeper), "watch", "hits", "--old", "-a", address],
                                   stdout=theirs, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        try:
            eventually(lambda: caller.inspect("hits").watchers == 1, "it watches")
            caller.call("hits", "inc")
            caller.stop("hits")
            check_equal(read_lines(ours, 2), ["hits v2 6 (was 5)", 'hits ended v2 6: "normal"'], "lines")
        finally:
            command.send_signal(signal.SIGINT)
            command.wait(10)
            os.close(ours)
            os.close(theirs)


@case("C-197 a listener that does not listen costs the actor nothing, and hears what fits, in order")
def slow_listener(settings: Settings) -> None:
    room, changes = 100, 1000
    with Server(settings.build) as server, server.client() as caller:
        caller.start("ears", "probe", {"state": []}, StartOptions(mailbox_max=room))
        caller.start("hits", "counter", 0, StartOptions(listener="ears"))
        caller.start("other", "counter", 0)
        eventually(lambda: len(caller.get_state("ears")) == 1, "it listens")
        caller.suspend("ears")
        alone = heard = float("inf")
        for _ in range(5):
            alone = min(alone, p99(latencies(caller, "other", changes // 5)))
            heard = min(heard, p99(latencies(caller, "hits", changes // 5)))
        check(heard < alone * 2 + 0.001, f"p99 is {heard * 1e6:.0f} us, of one without a listener {alone * 1e6:.0f} us")
        eventually(lambda: caller.inspect("hits").events_dropped == changes - room, "the others are dropped")
        caller.resume("ears")
        expected = [["CHANGED", "hits", 1, None, 0]]
        expected += [["CHANGED", "hits", n + 2, n, n + 1] for n in range(room)]
        eventually(lambda: len(caller.get_state("ears")) == room + 1, "what fitted is heard")
        check_equal(caller.get_state("ears"), expected, "what was heard")
        for _ in range(20):
            caller.kill("ears")
            caller.cast("hits", "inc")
        check_equal(caller.call("hits", "inc"), changes + 21, "the actor goes on")


@case("watch: a client that does not read slows no actor")
def slow_client_latency(settings: Settings) -> None:
    with Server(settings.build, ["--stream-bytes-max", "4096"]) as server:
        with server.client() as caller, server.client() as watcher:
            caller.start("hits", "counter", 0)
            caller.start("other", "counter", 0)
            latencies(caller, "hits", 500)
            watcher.watch("hits")
            # In turns, and the best of several, for the machine has other work as well.
            alone = watched = float("inf")
            for _ in range(5):
                alone = min(alone, p99(latencies(caller, "other", 1000)))
                watched = min(watched, p99(latencies(caller, "hits", 1000)))
            check(watched < alone * 2 + 0.001, f"p99 is {watched * 1e6:.0f} us, of one that nobody watches "
                                               f"{alone * 1e6:.0f} us")
