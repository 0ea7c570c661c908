"""Tables under crashes: after each, rows and dictionary are what the acknowledged turns have made of them."""
from __future__ import annotations

import copy
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable

from case_registry import Settings, case
from crash_cases import ENDLESS, kill_hosts_until, run_threads
from peeper_wire import Client, PeeperError
from server_process import Failure, Server, check, check_equal, kill_host

KEYS = 40
ORDERED, HEIR = 1, 4


@dataclass
class Model:
    """What an actor's tables should hold. A Python dict keeps the order of entry just as a hashed table does."""

    tables: dict[str, dict[Any, Any]] = field(default_factory=dict)
    dictionary: dict[Any, Any] = field(default_factory=dict)

    def rows(self, table: str) -> list[list[Any]]:
        rows = self.tables[table]
        return [[key, rows[key]] for key in (sorted(rows) if table == "ordered" else rows)]


def write(model: Model, chance: random.Random, serial: int) -> Any:
    """One random step, which the model takes as well."""
    kind = chance.random()
    table = chance.choice(["ordered", "hashed"])
    key = chance.randrange(KEYS)
    value = [serial, "x" * chance.choice([0, 10, 500])]
    if table not in model.tables:
        model.tables[table] = {}
        return ["table", table, ORDERED if table == "ordered" else HEIR]
    if kind < 0.6:
        model.tables[table][key] = value
        return ["table_put", table, key, value]
    if kind < 0.8:
        model.tables[table].pop(key, None)
        return ["table_delete", table, key]
    if kind < 0.9:
        model.dictionary[key] = value
        return ["dict_put", key, value]
    if kind < 0.96:
        model.dictionary.pop(key, None)
        return ["dict_delete", key]
    if kind < 0.98:
        model.tables[table] = {}
        return ["table_clear", table]
    del model.tables[table]
    return ["table_drop", table]


def ending(chance: random.Random) -> Any:
    kind = chance.random()
    if kind < 0.75:
        return ["reply", "ok"]
    if kind < 0.95:
        return ["raise", "boom"]
    if kind < 0.96:
        return "segfault"
    return "hibernate"


def check_rows(client: Client, name: str, model: Model) -> None:
    for table in model.tables:
        check_equal(client.call(name, ["table_rows", table]), model.rows(table), f"{name}: rows of {table}")
        # What operators are shown is what the actor has: whoever has a reply finds its rows there.
        check_equal(client.rows(name, table, limit=7), model.rows(table), f"{name}: {table} as it is shown")
    shown = client.rows(name, "")
    check_equal(shown, [[key, value] for key, value in model.dictionary.items()], f"{name}: the dictionary as it is shown")
    for key in range(KEYS):
        check_equal(client.call(name, ["dict_get", key]), model.dictionary.get(key), f"{name}: dictionary, {key}")


@dataclass
class Round:
    """One turn of random writes; what it does if it commits, and whether it should."""

    before: Model
    after: Model
    steps: list[Any]
    crashes: bool


def make_round(model: Model, chance: random.Random, serial: int) -> Round:
    after = copy.deepcopy(model)
    steps = [write(after, chance, serial) for _ in range(chance.randrange(1, 8))]
    end = ending(chance)
    steps += [end, ["reply", "ok"]] if end == "hibernate" else [end]
    return Round(model, after, steps, crashes=end == "segfault" or end[0] == "raise")


def play(client: Client, name: str, turn: Round, seen: Counter[str]) -> Model:
    """The model after the turn. A call that fails has changed nothing."""
    try:
        check_equal(client.call(name, turn.steps), "ok", f"{name}: reply")
    except PeeperError as error:
        seen[error.kind or error.status] += 1
        check(error.status == "CRASHED", f"{name}: {error}")
        check(turn.crashes or error.kind == "host_lost", f"{name}: {error}")
        return turn.before
    check(not turn.crashes, f"{name}: this turn should have crashed: {turn.steps}")
    return turn.after


def write_and_crash(server: Server, name: str, rounds: int, seen: Counter[str]) -> None:
    chance = random.Random(name)
    model = Model()
    with server.client() as client:
        for serial in range(rounds):
            model = play(client, name, make_round(model, chance, serial), seen)
            if chance.random() < 0.05:
                client.kill(name)
                seen["KILL"] += 1
            if serial % 20 == 0:
                check_rows(client, name, model)
        check_rows(client, name, model)


@case("C-185 crash: 10,000 turns that write rows amid raises, segfaults, kills and kill -9: each counts whole or not at all")
def rows_survive(settings: Settings) -> None:
    actors, rounds = 4, 150 if settings.quick else 2500
    seen: list[Counter[str]] = [Counter() for _ in range(actors)]
    ended: list[int] = []
    kills: list[int] = []

    def body(i: int) -> Callable[[], None]:
        def run() -> None:
            try:
                write_and_crash(server, f"rows-{i}", rounds, seen[i])
            finally:
                ended.append(i)
        return run

    with Server(settings.build, log_name="crash-tables") as server:
        with server.client() as client:
            for i in range(actors):
                client.start(f"rows-{i}", "probe", 0, ENDLESS)
        bodies = [body(i) for i in range(actors)]
        bodies.append(lambda: kill_hosts_until(server, "rows-0", lambda: len(ended) == actors, kills, seed=185))
        run_threads(bodies)
    print(f"     {actors * rounds} turns, {len(kills)} hosts killed, seen: {dict(sum(seen, Counter()))}", flush=True)


def crash(client: Client, name: str, steps: list[Any]) -> None:
    try:
        client.call(name, steps)
    except PeeperError as error:
        check_equal(error.status, "CRASHED", "status")
        return
    raise Failure(f"{name}: {steps} did not crash")


@case("C-185 crash: a table of 20 MB is there after raises, a segfault and kill -9 of the host")
def large_tables_come_back(settings: Settings) -> None:
    with Server(settings.build, log_name="crash-large-table") as server, server.client() as client:
        client.start("large", "probe", 0, ENDLESS)
        client.call("large", [["table", "t", 0], ["table_fill", "t", 200, 100_000], ["reply", "ok"]])
        for _ in range(10):
            crash(client, "large", [["table_put", "t", 7, "lost"], ["table_clear", "t"], ["raise", "boom"]])
            check_equal(client.call("large", ["table_count", "t"]), 200, "rows after a raise")
        check_equal(server.metrics()["peeper_skips_total"], 0, "the restarts found what the raise had left")
        crash(client, "large", [["table_clear", "t"], "segfault"])
        check_equal(client.call("large", ["table_count", "t"]), 200, "rows after a segfault")
        kill_host(client, "large")
        check_equal(client.call("large", ["table_count", "t"]), 200, "rows after kill -9")


def call_us(client: Client, name: str, count: int) -> float:
    """The median time of a call that writes one row."""
    times = []
    for i in range(count):
        begun = time.monotonic()
        client.call(name, [["table_put", "t0", i, i], ["reply", "ok"]])
        times.append((time.monotonic() - begun) * 1e6)
    return statistics.median(times)


@case("C-185 crash: 100 MB of rows cost a turn what it writes, and are back after the loss of the host")
def a_hundred_megabytes(settings: Settings) -> None:
    rows, tables = 50_000, ["t0", "t1"]
    with Server(settings.build, log_name="crash-100-mb") as server, server.client() as client:
        for name in ("small", "large"):
            client.start(name, "probe", 0, ENDLESS)
            client.call(name, [["table", "t0", 1], ["table", "t1", 0], ["reply", "ok"]])
        for table in tables:
            client.call("large", [["table_fill", table, rows, 1000], ["reply", "ok"]])
        check(client.inspect("large").table_bytes > 100_000_000, "there are 100 MB")
        small, large = call_us(client, "small", 500), call_us(client, "large", 500)
        crash(client, "large", [["table_clear", "t0"], ["table_put", "t1", 1, "lost"], ["raise", "boom"]])
        begun = time.monotonic()
        check_equal(client.call("large", ["table_count", "t0"]), rows, "rows after a raise")
        raised_ms = (time.monotonic() - begun) * 1000
        kill_host(client, "large")
        begun = time.monotonic()
        check_equal(client.call("large", ["table_count", "t1"], 20_000), rows, "rows after kill -9")
        lost_ms = (time.monotonic() - begun) * 1000
        begun = time.monotonic()
        shown = client.rows("large", "t0")
        shown_ms = (time.monotonic() - begun) * 1000
        check_equal([row[0] for row in shown], list(range(rows)), "keys as they are shown")
        check_equal([row[1] for row in shown[:500]], list(range(500)), "the rows that were written one by one")
        print(f"     a call that writes a row: {small:.0f} us beside nothing, {large:.0f} us beside 100 MB; first answer "
              f"{raised_ms:.1f} ms after a raise, {lost_ms:.0f} ms after kill -9; {rows} rows shown in {shown_ms:.0f} ms",
              flush=True)
        check(large < 3 * small + 100, f"a turn pays for rows that it did not touch: {small:.0f} {large:.0f} us")
