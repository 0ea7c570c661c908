"""A host that writes nonsense: the keeper kills it and goes on. The double is hostile_host.c."""
from __future__ import annotations

import mmap
import os
import struct
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import peeper_wire
from case_registry import Settings, case
from crash_cases import ENDLESS, run_threads
from peeper_wire import SOURCE_ROOT, Client, PeeperError, StartOptions, call_message
from server_process import Build, Server, check, check_equal, descendants, eventually

SEED = 20_240_607
ACTORS = [f"victim-{i}" for i in range(64)]
LOAD_CLIENTS = 2
PIPELINE = 8
DEADLINE_MS = 1000
PING_S_MAX = 3.0
# With the double, errors of many kinds are honest answers. These two would be the keeper's own confusion.
NEVER = {"INTERNAL", "PROTOCOL"}


class Tally:
    """The file that the double's lives share with the test; the layout is `struct tally` in hostile_host.c."""

    KINDS = 32
    FORMAT = f"=4Q{KINDS}Q"

    def __init__(self, path: Path) -> None:
        path.write_bytes(struct.pack(self.FORMAT, SEED, 0, 0, 0, *[0] * self.KINDS))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), struct.calcsize(self.FORMAT))

    def _read(self) -> tuple[int, ...]:
        return struct.unpack(self.FORMAT, self._map[:])

    @property
    def lives(self) -> int:
        return self._read()[2]

    @property
    def mutations(self) -> int:
        return self._read()[3]

    @property
    def by_kind(self) -> list[int]:
        return list(self._read()[4:])

    def behave(self) -> None:
        self._map[8:16] = struct.pack("=Q", 1)

    def stall(self) -> None:
        self._map[8:16] = struct.pack("=Q", 2)


def compile_double(build: Build) -> Path:
    out = build.folder / "integration-hostile"
    out.mkdir(exist_ok=True)
    server = SOURCE_ROOT / "server"
    sources = [SOURCE_ROOT / "integration-tests" / "hostile_host.c", server / "base" / "ring.c",
               server / "base" / "check.c"]
    command = ["cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", f"-I{server}",
               f"-I{server / 'include'}", *map(str, sources), "-o", str(out / "hostile-host")]
    subprocess.run(command, check=True)
    return out / "hostile-host"


@dataclass
class Watch:
    """What the threads of the test share."""

    tally: Tally
    mutations_wanted: int
    give_up_at: float
    answers: Counter[str]

    def finished(self) -> bool:
        return self.tally.mutations >= self.mutations_wanted or time.monotonic() > self.give_up_at


def note(watch: Watch, frame: Any) -> None:
    body = frame.WhichOneof("body")
    if body == "error":
        body = peeper_wire.pb.Status.Name(frame.error.status).removeprefix("STATUS_")
    watch.answers[body] += 1


def start_victim(client: Client, name: str) -> int:
    return client.submit_start(name, "counter", 0, ENDLESS)


def keep_calling(server: Server, watch: Watch) -> None:
    """Calls all victims, and starts again those that the double has ended."""
    turn = 0
    flying: dict[int, str] = {}
    with server.client() as client:
        while not watch.finished() or flying:
            while len(flying) < PIPELINE and not watch.finished():
                name = ACTORS[turn % len(ACTORS)]
                turn += 1
                flying[client.submit("call", call_message(name, "inc", DEADLINE_MS))] = name
            frame = client.wait_any()
            name = flying.pop(frame.id)
            note(watch, frame)
            if frame.WhichOneof("body") == "error" and frame.error.status == peeper_wire.pb.STATUS_NOPROC:
                flying[start_victim(client, name)] = name


def keep_pinging(server: Server, watch: Watch, slowest: list[float]) -> None:
    with server.client() as client:
        while not watch.finished():
            begun = time.monotonic()
            client.ping(PING_S_MAX)
            slowest.append(time.monotonic() - begun)
            time.sleep(0.005)  # house-rules: sleep: the pace of the pings


def serves_again(server: Server) -> bool:
    """With a double that behaves, everything works: nothing that the lives before wrote has stuck."""
    with server.client() as client:
        try:
            name = f"after-{time.monotonic_ns()}"
            client.start(name, "counter", 40)
            check_equal([client.call(name, "inc"), client.call(name, "inc")], [41, 42], "calls of a good host")
            client.stop(name)
            return True
        except PeeperError:
            return False


def report(watch: Watch, slowest: list[float]) -> None:
    print(f"     {watch.tally.mutations} mutations in {watch.tally.lives} lives, "
          f"slowest ping {max(slowest) * 1000:.0f} ms, answers {dict(watch.answers)}\n"
          f"     by kind {[count for count in watch.tally.by_kind if count]}", flush=True)


def attack(server: Server, watch: Watch) -> None:
    slowest: list[float] = [0.0]
    bodies: list[Callable[[], None]] = [lambda: keep_calling(server, watch) for _ in range(LOAD_CLIENTS)]
    bodies.append(lambda: keep_pinging(server, watch, slowest))
    run_threads(bodies)
    report(watch, slowest)
    check(watch.tally.mutations >= watch.mutations_wanted, "time is up before all mutations were made")
    check(watch.tally.lives > watch.mutations_wanted // 50, f"only {watch.tally.lives} lives: is any host killed?")
    confused = NEVER & set(watch.answers)
    check(not confused, f"answers of a confused keeper: {watch.answers}")
    check(all(count > 0 for count in watch.tally.by_kind[:24]), "every kind of mutation was tried")


def prepare_double(settings: Settings) -> tuple[Path, Tally]:
    program = compile_double(settings.build)
    path = program.with_suffix(".tally")
    os.environ["PEEPER_HOSTILE_TALLY"] = str(path)
    return program, Tally(path)


def check_timeout(ask: Callable[[], object], what: str, seconds_max: float) -> None:
    begun = time.monotonic()
    try:
        ask()
    except PeeperError as error:
        check_equal(error.status, "TIMEOUT", f"{what} of an actor whose host stalls")
        took = time.monotonic() - begun
        check(took < seconds_max, f"{what} was answered after {took:.1f} s only")
        return
    check(False, f"{what} was answered by a host that stalls")


@case("hostile: a host that does not take its turns is found out, and nobody waits longer than he asked for")
def stalling_host(settings: Settings) -> None:
    program, tally = prepare_double(settings)
    tally.behave()
    with Server(settings.build, ["--host-program", str(program)], "hostile-stall") as server:
        with server.client() as client:
            client.start("stalled", "counter", 1, ENDLESS)
            lives = tally.lives
            tally.stall()
            check_timeout(lambda: client.call("stalled", "inc", DEADLINE_MS), "call", 2)
            check_timeout(lambda: client.start("fresh", "counter", 1, StartOptions(timeout_ms=500)), "start", 2)
            check_timeout(lambda: client.stop("stalled", timeout_ms=500), "stop", 2)
            eventually(lambda: tally.lives > lives, "the host that stalls is replaced", 15)
            tally.behave()
            eventually(lambda: serves_again(server), "a host that behaves is served with", 15)


@case("hostile: a host that writes 100,000 random mutations into its rings is killed, the keeper goes on")
def hostile_host(settings: Settings) -> None:
    program, tally = prepare_double(settings)
    wanted, minutes = (3000, 5) if settings.quick else (100_000, 30)
    watch = Watch(tally, wanted, time.monotonic() + minutes * 60, Counter())
    with Server(settings.build, ["--host-program", str(program)], "hostile") as server:
        attack(server, watch)
        killed = tally.lives
        tally.behave()
        eventually(lambda: serves_again(server), "a host that behaves is served with", 30)
        check(tally.lives - killed <= 3, "hosts that behave are not killed")
        eventually(lambda: len(descendants(server.pid)) <= 4, "one active host and one standby, and in quarantine")
        server.check_alive()
