"""An idle server does nothing at all."""
from __future__ import annotations

import time

from case_registry import Settings, case
from server_process import Server, check, check_equal, cpu_seconds, descendants

SETTLE_S = 0.5  # spins, standbys and released memory come to rest
WATCH_S = 2.0
CPU_S_MAX = 0.011  # one tick of the clock by which the kernel accounts


def put_under_load(server: Server, seconds: float) -> None:
    until = time.monotonic() + seconds
    with server.client() as client:
        for i in range(50):
            client.start(f"idle-{i}", "counter", 0)
        while time.monotonic() < until:
            numbers = [client.submit_call(f"idle-{i % 50}", "inc") for i in range(500)]
            for number in numbers:
                client.wait(number)


def watch_idly(seconds: float) -> None:
    time.sleep(seconds)  # house-rules: sleep: the time that is measured


@case("idle: 0 % CPU over 2 s after load, with a connection open")
def idle_after_load(settings: Settings) -> None:
    with Server(settings.build, log_name="idle") as server, server.client() as client:
        put_under_load(server, 0.5 if settings.quick else 3.0)
        client.ping()
        watch_idly(SETTLE_S)
        pids = {server.pid} | descendants(server.pid)
        before = cpu_seconds(pids)
        watch_idly(WATCH_S)
        used = cpu_seconds(pids) - before
        check_equal({server.pid} | descendants(server.pid), pids, "processes while idle")
        check(used <= CPU_S_MAX, f"{used * 1000:.0f} ms of CPU in {WATCH_S} idle seconds")


@case("idle: 0 % CPU over 2 s right after the start")
def idle_from_start(settings: Settings) -> None:
    with Server(settings.build, log_name="idle-start") as server:
        watch_idly(SETTLE_S)
        pids = {server.pid} | descendants(server.pid)
        before = cpu_seconds(pids)
        watch_idly(WATCH_S)
        check(cpu_seconds(pids) - before <= CPU_S_MAX, "CPU was used while idle")
