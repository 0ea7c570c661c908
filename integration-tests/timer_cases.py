"""All combinations of timers that callbacks return (semantics, section E), and a wall clock that jumps."""
from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, Callable, Iterator

from case_registry import Settings, case
from peeper_wire import Client, PeeperError, StartOptions, call_message
from server_process import Server, check, check_equal, eventually, resident_bytes

RANG = [["append", "rang"]]


@dataclass(frozen=True)
class Form:
    """By which request, from which callback and how a timer is returned."""

    sender: str  # call, cast or send
    kind: str  # timer (relative) or timer_at (absolute)
    via: str  # direct: the handler of the request; continue, zero: what follows it in the same turn
    hibernate: bool

    @property
    def name(self) -> str:
        return f"{self.sender}-{self.kind}-{self.via}-{'hibernate' if self.hibernate else 'awake'}"

    def steps(self, ms: Any) -> list[Any]:
        steps: list[Any] = [[self.kind, ms, RANG]]
        if self.hibernate:
            steps.append("hibernate")
        if self.via == "continue":
            steps = [["continue", steps]]
        if self.via == "zero":
            steps = [["timer", 0, steps]]
        return steps

    def ask(self, client: Client, ms: Any) -> None:
        if self.sender == "call":
            check_equal(client.call(self.name, [["reply", "ok"], *self.steps(ms)]), "ok", self.name)
        elif self.sender == "cast":
            client.cast(self.name, self.steps(ms))
        else:
            client.send(self.name, self.steps(ms))


def forms() -> Iterator[Form]:
    """3 senders x 12 forms."""
    for sender, kind, via, hibernate in product(("call", "cast", "send"), ("timer", "timer_at"),
                                                ("direct", "continue", "zero"), (False, True)):
        yield Form(sender, kind, via, hibernate)


def start_all(client: Client, chosen: list[Form]) -> None:
    for form in chosen:
        client.start(form.name, "probe", {"state": []})


def settled(client: Client, form: Form) -> bool:
    """Its turn is over: what it asked for is armed."""
    info = client.inspect(form.name)
    return info.mailbox == 0 and (info.hibernating or not form.hibernate)


def wait_settled(client: Client, chosen: list[Form]) -> None:
    for form in chosen:
        eventually(lambda: settled(client, form), f"{form.name} is at rest")


def pause(seconds: float) -> None:
    time.sleep(seconds)  # house-rules: sleep: the time that a timer has, or has not, to come


@case("C-059 an endless timer never fires, in 3 x 12 forms")
def endless(settings: Settings) -> None:
    chosen = list(forms())
    with Server(settings.build, log_name="timer-endless") as server, server.client() as client:
        start_all(client, chosen)
        for form in chosen:
            form.ask(client, "infinity")
        pause(0.2)
        for form in chosen:
            check_equal(client.call(form.name, ["state"]), [], form.name)
        check_equal(server.metrics()["peeper_restarts_total"], 0, "restarts")


def check_quiet(client: Client, chosen: list[Form], expected: Any) -> None:
    for form in chosen:
        check_equal(client.inspect(form.name).state, expected, form.name)


@case("C-061 a timer brings its own message after its time, in 3 x 12 forms")
def with_messages(settings: Settings) -> None:
    chosen = list(forms())
    seconds = 1.0
    with Server(settings.build, log_name="timer-messages") as server, server.client() as client:
        start_all(client, chosen)
        began = time.monotonic()
        for form in chosen:
            form.ask(client, int(seconds * 1000))
        wait_settled(client, chosen)
        seen = [client.inspect(form.name).state for form in chosen]
        # On a machine that is too slow for that they may have rung already.
        if time.monotonic() - began < seconds:
            check_equal(seen, [[]] * len(chosen), "states before the time")
        for form in chosen:
            eventually(lambda: client.inspect(form.name).state == ["rang"], f"{form.name} rings")
        pause(0.2)
        check_quiet(client, chosen, ["rang"])


@case("C-061 C-058 a request, of whichever kind, comes instead of a timer, in 3 x 12 forms")
def interrupted(settings: Settings) -> None:
    chosen = list(forms())
    seconds = 2.0
    with Server(settings.build, log_name="timer-interrupted") as server, server.client() as client:
        start_all(client, chosen)
        for form in chosen:
            form.ask(client, int(seconds * 1000))
        wait_settled(client, chosen)
        for index, form in enumerate(chosen):
            interrupt = (lambda name: client.call(name, [["set", "came"], ["reply", "ok"]]),
                         lambda name: client.cast(name, [["set", "came"]]),
                         lambda name: client.send(name, [["set", "came"]]))[index % 3]
            interrupt(form.name)
        pause(seconds + 0.2)
        check_quiet(client, chosen, "came")


ZERO_ORIGINS: dict[str, Callable[[Client, str, list[Any]], None]] = {
    "call": lambda client, name, steps: check_equal(client.call(name, [["reply", "ok"], *steps]), "ok", name),
    "cast": lambda client, name, steps: client.cast(name, steps),
    "info": lambda client, name, steps: client.send(name, steps),
    "continue": lambda client, name, steps: client.cast(name, [["continue", steps]]),
}


@case("C-060 a timer of 0 comes before what was queued: from init, call, cast, info and continue, 20 combinations")
def zero_comes_first(settings: Settings) -> None:
    with Server(settings.build, log_name="timer-zero") as server, server.client() as client:
        for kind, hibernate in product(("timer", "timer_at"), (False, True)):
            for origin in ("init", *ZERO_ORIGINS):
                name = f"{origin}-{kind}-{hibernate}"
                steps: list[Any] = [["send_self", [["append", "queued"]]], [kind, 0, RANG]]
                if hibernate:
                    steps.insert(1, "hibernate")
                init = steps if origin == "init" else []
                client.start(name, "probe", {"state": [], "init": init})
                if origin != "init":
                    ZERO_ORIGINS[origin](client, name, steps)
                eventually(lambda: client.inspect(name).state == ["rang", "queued"], f"{name}: in order")


# --- Many -------------------------------------------------------------------------------------------

PER_TURN = 1000


def send_many_off(client: Client, turns: int, ms: int) -> None:
    """Each turn sends PER_TURN messages off: one is for the counter, the others are for nobody."""
    steps = [["send_after", "nobody", ms, 1]] * (PER_TURN - 1) + [["send_after", "count", ms, "inc"], ["reply", 1]]
    message = call_message("many", steps)
    for _ in range(turns):
        client.request("call", message)


def slowest_call_s(client: Client, until: Callable[[], object]) -> float:
    """Of calls one after the other, for as long as it takes."""
    slowest = 0.0
    while not until():
        began = time.monotonic()
        client.call("beside", "inc")
        slowest = max(slowest, time.monotonic() - began)
    return slowest


@case("1,000,000 messages sent off for later: none is lost, they cost little memory and nobody waits for them")
def many_timers(settings: Settings) -> None:
    turns = 100 if settings.quick or settings.build.sanitized else 1000
    with Server(settings.build, log_name="timer-many") as server, server.client() as client:
        for name in ("count", "beside"):
            client.start(name, "counter", 0)
        client.start("many", "probe", {"state": 0})
        send_many_off(client, 1, 1)  # the heap's and the allocator's own beginnings
        before = resident_bytes(server.pid)
        began = time.monotonic()
        send_many_off(client, turns, 10_000)
        took = time.monotonic() - began
        pending = client.inspect("many").timers
        grown = resident_bytes(server.pid) - before
        if took < 10 and not settings.build.sanitized:
            check_equal(pending, turns * PER_TURN, "pending")
            check(grown < 200 * pending, f"{grown / pending:.0f} bytes per pending message")
        slowest = slowest_call_s(client, lambda: client.inspect("many").timers == 0)
        check(slowest < 1, f"a call beside them took {slowest * 1000:.0f} ms")
        eventually(lambda: client.inspect("count").state == turns + 1, "every message has come")


# --- The wall clock ---------------------------------------------------------------------------------

FAKETIME = [Path(f"/usr/lib/{folder}/faketime/libfaketimeMT.so.1")
            for folder in ("x86_64-linux-gnu", "aarch64-linux-gnu")]
HOUR_S = 3600


class JumpingClock:
    """A wall clock for the server that a test can set; its monotonic clock is the real one."""

    def __init__(self, settings: Settings) -> None:
        self.faketime = next((path for path in FAKETIME if path.exists()), None)
        check(self.faketime, "libfaketime is not installed; tools/bootstrap test does that")
        self.file = settings.build.logs / "wall-clock"
        self.set(0)

    def set(self, seconds: int) -> None:
        """As one step: the server may look at any time."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.rename(self.file)

    def enter(self) -> None:
        """In the child, before the server is run."""
        os.environ.update(LD_PRELOAD=str(self.faketime), FAKETIME_TIMESTAMP_FILE=str(self.file),
                          FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1", FAKETIME_DONT_FAKE_MONOTONIC="1")


def wall_clock(server: Server, client: Client) -> float:
    """What the server takes for the time of day: it notes when a state was committed."""
    client.call("clock", [["set", 1], ["reply", 1]])
    _, resource = server.get_json("/v1/actors/clock")
    return datetime.fromisoformat(resource["state_at"].replace("Z", "+00:00")).timestamp()


def check_jump(server: Server, client: Client, seconds: int) -> None:
    off = wall_clock(server, client) - time.time()
    check(abs(off - seconds) < 60, f"the server's wall clock is {off:.0f} s off, not {seconds}")


def arm_everything(client: Client, suffix: str, ms: int) -> int:
    """A timer of each kind; answers the number of a call that waits for its deadline."""
    for name in ("idle", "sent", "asked"):
        client.start(f"{name}-{suffix}", "probe", {"state": []})
    client.start(f"sleepy-{suffix}", "counter", 0, StartOptions(hibernate_after_ms=ms))
    client.cast(f"idle-{suffix}", [["timer", ms, RANG]])
    client.cast(f"sent-{suffix}", [["send_after", None, ms, RANG]])
    return client.submit_call(f"asked-{suffix}", "reply_later", ms)


def rang(client: Client, suffix: str) -> list[bool]:
    return [client.inspect(f"idle-{suffix}").state == ["rang"],
            client.inspect(f"sent-{suffix}").state == ["rang"],
            client.inspect(f"sleepy-{suffix}").hibernating]


def check_timed_out(client: Client, number: int) -> None:
    try:
        client.wait(number)
    except PeeperError as error:
        check_equal(error.status, "TIMEOUT", "the call")
    else:
        check(False, "the call was answered")


def jump_with_timers(server: Server, client: Client, clock: JumpingClock, seconds: int) -> None:
    ms, suffix = 800, "ahead" if seconds > 0 else "back"
    began = time.monotonic()
    number = arm_everything(client, suffix, ms)
    clock.set(seconds)
    check_jump(server, client, seconds)
    early = rang(client, suffix)
    if time.monotonic() - began < ms / 1000:
        check_equal(early, [False, False, False], f"timers right after a jump of {seconds} s")
    check_timed_out(client, number)
    took = time.monotonic() - began
    check(ms / 1000 <= took < ms / 1000 + 5, f"a call of {ms} ms timed out after {took:.3f} s")
    eventually(lambda: all(rang(client, suffix)), f"the timers come in spite of a jump of {seconds} s", 5)
    clock.set(0)


def crash(client: Client, name: str) -> None:
    client.cast(name, [["raise", "boom"]])


def jump_in_a_restart_window(client: Client, clock: JumpingClock, seconds: int) -> None:
    """One restart within 2 s is allowed: two crashes on either side of the jump are two."""
    name = f"window{seconds:+d}"
    client.start(name, "probe", {"state": 0}, StartOptions(on_intensity="suspend", intensity=(1, 2000)))
    crash(client, name)
    eventually(lambda: client.inspect(name).restarts == 1, "the first restart")
    clock.set(seconds)
    crash(client, name)
    eventually(lambda: client.inspect(name).status == "suspended", "the jump does not end the window")
    clock.set(0)


@case("C-064 no timer, call deadline or restart window minds a jump of the wall clock by an hour")
def wall_clock_jumps(settings: Settings) -> None:
    if settings.build.sanitized:
        return  # a sanitizer wants to be loaded before any other library
    clock = JumpingClock(settings)
    with Server(settings.build, log_name="timer-clock", before_exec=clock.enter) as server, \
            server.client() as client:
        client.start("clock", "probe", {"state": 0})
        check_jump(server, client, 0)
        for seconds in (HOUR_S, -HOUR_S):
            jump_with_timers(server, client, clock, seconds)
            jump_in_a_restart_window(client, clock, seconds)
