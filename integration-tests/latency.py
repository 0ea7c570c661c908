"""How long calls take, one after the other: for cases that compare actors within one run."""
from __future__ import annotations

import statistics
import time

import peeper_wire as wire
from peeper_wire import Client


def latencies(client: Client, name: str, count: int) -> list[float]:
    """Seconds of each of so many calls."""
    message = wire.encode_value("inc")
    taken = []
    for _ in range(count):
        begun = time.monotonic()
        client.request("call", wire.pb.Call(name=name, payload=message))
        taken.append(time.monotonic() - begun)
    return taken


def p99(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=100)[98]
