"""Idempotency keys where everything breaks at once: connections are cut and hosts are killed at random moments, and each
request is repeated with its key until it is answered. Nothing is counted twice, and nothing is lost."""
from __future__ import annotations

import random
import time
from typing import Any, Callable, Optional

import peeper_wire as wire
from case_registry import Settings, case
from crash_cases import ENDLESS, kill_hosts_until, run_threads
from peeper_wire import Client, ConnectionEnded, PeeperError
from server_process import Server, check, check_equal

CLIENTS = 4
CUT_S = 0.004  # a round trip takes less mostly
ROUND_S = 60.0
# What releases a key, so that the repeat runs: nothing of the turn was kept, or it was never begun.
REPEATED = {"CRASHED", "MAILBOX_FULL", "OVERLOADED"}


class Repeater:
    """One client that is cut off at random moments."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server = server
        self.chance = chance
        self.client: Optional[Client] = None
        self.cuts = 0
        self.values: list[int] = []

    def attempt(self, message: Any) -> Optional[Any]:
        """The answer, or None: cut off, or to be repeated."""
        if self.client is None:
            self.client = self.server.client()
        number, data = self.client.frame("call", message)
        try:
            if self.chance.random() < 0.6:
                # A part of the frame, or all of it and a moment.
                whole = self.chance.random() < 0.9
                self.client.send_bytes(data if whole else data[: self.chance.randrange(len(data))])
                if whole:
                    time.sleep(self.chance.uniform(0, CUT_S))  # house-rules: sleep: the random moment
                self.cut()
                return None
            self.client.send_bytes(data)
            return self.client.wait(number)
        except ConnectionEnded:
            self.cut()
            return None
        except PeeperError as error:
            check(error.status in REPEATED, f"{error}")
            return None

    def cut(self) -> None:
        assert self.client is not None
        self.client.close()
        self.client = None
        self.cuts += 1

    def count(self, actor: str, key: str) -> None:
        """Repeats one increment until it is answered."""
        message = wire.pb.Call(name=actor, payload=wire.encode_value("inc"), idempotency_key=key.encode())
        until = time.monotonic() + ROUND_S
        while (answer := self.attempt(message)) is None:
            check(time.monotonic() < until, f"no answer for {key} in {ROUND_S} s")
        self.values.append(wire.decode_value(answer.reply.payload))


def rounds_of(repeater: Repeater, actor: str, prefix: str, rounds: int) -> Callable[[], None]:
    def run() -> None:
        for number in range(rounds):
            repeater.count(actor, f"{prefix}-{number}")
        if repeater.client is not None:
            repeater.client.close()

    return run


@case("idempotency: calls repeated with their keys count once each, while connections are cut and hosts are killed")
def cut_and_killed(settings: Settings) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    rounds = 400 if settings.quick or settings.build.sanitized else 2000
    kills: list[int] = []
    with Server(settings.build, ["--workers", "2"], "idempotency-cut") as server, server.client() as client:
        client.start("counted", "counter", 0, ENDLESS)
        repeaters = [Repeater(server, random.Random(seed + i)) for i in range(CLIENTS)]
        ended = [0]

        def counted(body: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                try:
                    body()
                finally:
                    ended[0] += 1

            return run

        bodies = [counted(rounds_of(repeater, "counted", f"k{i}", rounds // CLIENTS))
                  for i, repeater in enumerate(repeaters)]
        run_threads([*bodies, lambda: kill_hosts_until(server, "counted", lambda: ended[0] == CLIENTS, kills, seed)])

        values = sorted(value for repeater in repeaters for value in repeater.values)
        cuts = sum(repeater.cuts for repeater in repeaters)
        told = f"seed {seed}, {cuts} cuts, {len(kills)} hosts killed"
        check_equal(client.call("counted", "state"), rounds, f"the count ({told})")
        check_equal(values, list(range(1, rounds + 1)), f"what was answered ({told})")
        check(cuts > rounds // 4 and len(kills) > 3, f"too little happened: {told}")
        repeats = server.metrics()["peeper_idempotency_repeats_total"]
        check(repeats > 0, f"no repeat was answered: {told}")
        print(f"    {rounds} keys, {told}, {repeats:.0f} repeats answered without running")
