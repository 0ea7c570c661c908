"""The C SDK's samples, and its several requests at once, against the real server."""
from __future__ import annotations

import re
import subprocess

from case_registry import Settings, case
from server_process import Server, check, check_equal


def run(settings: Settings, program: str, server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    path = settings.build.folder / program
    return subprocess.run([str(path), f"{server.tcp[0]}:{server.tcp[1]}", *words], text=True,
                          capture_output=True, timeout=120, stdin=subprocess.DEVNULL)


def play(settings: Settings, name: str) -> None:
    with Server(settings.build, log_name=f"sdk-c-{name}") as server:
        result = run(settings, "tests/sdk_c_requests_check", server, name)
        check_equal((result.returncode, result.stdout, result.stderr), (0, "", ""), name)


@case("sdk/c: C-032 the late reply of a request that timed out is no other request's")
def late_reply(settings: Settings) -> None:
    play(settings, "late_reply_is_dropped")


@case("sdk/c: C-039 a wait that times out keeps the request")
def wait_keeps(settings: Settings) -> None:
    play(settings, "wait_keeps")


@case("sdk/c: a receive that times out abandons the request")
def receive_abandons(settings: Settings) -> None:
    play(settings, "receive_abandons")


@case("sdk/c: C-042 requests twice in a set, messages of others, targets that are not there")
def arguments_and_checks(settings: Settings) -> None:
    play(settings, "arguments_and_checks")


@case("sdk/c: C-043 one of three targets dies with shutdown, the others reply")
def one_of_three(settings: Settings) -> None:
    play(settings, "one_of_three_dies")


@case("sdk/c: C-045 calls beside 500,000 unread responses")
def calls_beside_unread(settings: Settings) -> None:
    play(settings, "calls_beside_unread")


@case("sdk/c: the sample counter counts")
def sample_counter(settings: Settings) -> None:
    with Server(settings.build, log_name="sdk-c-counter") as server:
        for value in (1, 2):
            result = run(settings, "samples/sdk_c_sample_counter", server, "hits")
            check_equal((result.returncode, result.stdout, result.stderr), (0, f"{value}\n", ""), "counter")


@case("sdk/c: the sample fan_out prints what each actor answers")
def sample_fan_out(settings: Settings) -> None:
    with Server(settings.build, log_name="sdk-c-fan-out") as server, server.client() as client:
        names = [f"counter-{number}" for number in range(20)]
        for number, name in enumerate(names):
            client.start(name, "counter", number)
        result = run(settings, "samples/sdk_c_sample_fan_out", server, *names, "nobody")
        check_equal((result.returncode, result.stderr), (0, ""), "status and stderr")
        told = dict(re.findall(r"(\S+): (\S+)\n", result.stdout))
        wanted = {name: str(number) for number, name in enumerate(names)}
        check_equal(told, {**wanted, "nobody": "NOPROC"}, "what it printed")
        check(result.stdout.count("\n") == len(names) + 1, "one line for each")
