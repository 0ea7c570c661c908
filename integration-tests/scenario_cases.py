"""The README's scenario, through the command line, word by word."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import Any

from case_registry import Settings, case
from server_process import Server, check, check_equal, eventually

# Subcommands of `call` that crash the turn, the kind of the crash, and a word that must be in what is told.
CRASHES = [
    ("segfault", "signal"),
    ("abort", "signal"),
    ("exit", "exit"),
    ("overflow", "signal"),
    ("loop", "deadline"),
    ("leak", "memory"),
]


def good(server: Server, *arguments: str) -> Any:
    """Runs a command that must succeed; answers its output, parsed."""
    result = server.cli(*arguments)
    check_equal((result.returncode, result.stderr), (0, ""), f"status and stderr of peeper {arguments}")
    return "ok" if result.stdout == "ok\n" else json.loads(result.stdout)


def bad(server: Server, status: str, *arguments: str) -> str:
    """Runs a command that the server must refuse with `status`; answers stderr."""
    result = server.cli(*arguments)
    check_equal((result.returncode, result.stdout), (1, ""), f"status and stdout of peeper {arguments}")
    check(result.stderr.startswith(status), f"peeper {arguments} should tell {status}: {result.stderr!r}")
    return result.stderr


def crash_and_come_back(server: Server, how: str, kind: str) -> None:
    text = bad(server, "CRASHED", "call", "MyServer", how)
    check(kind in text, f"peeper call MyServer {how} should tell the kind {kind}: {text!r}")
    check_equal(good(server, "call", "MyServer", "state"), 2, f"state after {how}")
    crash = good(server, "inspect", "MyServer")["last_crash"]
    check_equal(crash["kind"], kind, f"last crash after {how}")


def check_resource(info: dict[str, Any]) -> None:
    fields = {"name", "unit", "incarnation", "behaviour", "status", "state", "version", "restarts",
              "mailbox", "worker", "host_pid", "last_crash"}
    missing = fields - set(info)
    check(not missing, f"the resource lacks {missing}: {info}")
    check_equal((info["name"], info["behaviour"], info["state"]), ("MyServer", "counter", 2), "resource")
    check(set(info["last_crash"]) >= {"kind", "reason", "at"}, f"last_crash: {info['last_crash']}")


def host_pid(server: Server) -> int:
    return int(good(server, "inspect", "MyServer")["host_pid"])


def start_and_count(server: Server) -> None:
    started = good(server, "start", "MyServer", "--behaviour", "counter", "--state", "0")
    check_equal(started["name"], "MyServer", "name printed by start")
    check_equal(started["incarnation"], good(server, "inspect", "MyServer")["incarnation"], "incarnation printed by start")
    check_equal(good(server, "call", "MyServer", "state"), 0, "state at first")
    check_equal(good(server, "cast", "MyServer", "inc"), "ok", "cast")
    check_equal(good(server, "send", "MyServer", "inc"), "ok", "send")


def stop_and_miss(server: Server) -> None:
    good(server, "stop", "MyServer")
    begun = time.monotonic()
    bad(server, "NOPROC", "call", "MyServer", "state")
    check(time.monotonic() - begun < 2, "NOPROC comes at once")


@case("scenario: the README's session through the command line")
def scenario(settings: Settings) -> None:
    with Server(settings.build, log_name="scenario") as server:
        start_and_count(server)
        text = bad(server, "CRASHED", "call", "MyServer", "raise")
        check("boom" in text, f"the reason should be told: {text!r}")
        check_equal(good(server, "call", "MyServer", "state"), 2, "state after raise")
        for how, kind in CRASHES:
            crash_and_come_back(server, how, kind)
        os.kill(host_pid(server), signal.SIGKILL)
        check_equal(good(server, "call", "MyServer", "state"), 2, "state after kill -9 of the host")
        check("MyServer" in server.cli("list").stdout, "list names the actor")
        info = good(server, "inspect", "MyServer")
        check_resource(info)
        code, resource = server.get_json("/v1/actors/MyServer")
        check_equal(code, 200, "HTTP status")
        check_resource(resource)
        check_equal(set(resource), set(info), "fields of the resource over HTTP and TCP")
        stop_and_miss(server)
        check_equal(server.get("/v1/actors/MyServer")[0], 404, "HTTP status after stop")


@case("scenario: an actor stuck in a turn can be inspected, by HTTP, CLI and TCP")
def stuck_actor(settings: Settings) -> None:
    with Server(settings.build, log_name="scenario-stuck") as server, server.client() as client:
        client.start("stuck", "probe", {"state": 11})
        number = client.submit_call("stuck", [["sleep", 1500], ["reply", "done"]])
        with server.client() as other:
            eventually(lambda: other.inspect("stuck").turn_ms > 0, "inspect tells for how long the turn runs")
            check_equal(other.inspect("stuck").mailbox, 1, "messages waiting or in flight")
        begun = time.monotonic()
        code, resource = server.get_json("/v1/actors/stuck")
        check(time.monotonic() - begun < 0.5, "HTTP does not wait for the turn")
        check_equal((code, resource["state"], resource["status"]), (200, 11, "running"), "resource")
        check_equal(good(server, "inspect", "stuck")["state"], 11, "state told by the CLI")
        check_equal(client.wait(number).WhichOneof("body"), "reply", "answer to the long call")


@case("cli: exit statuses 0, 1, 2 and 3, and where output goes")
def exit_statuses(settings: Settings) -> None:
    with Server(settings.build, log_name="scenario-cli") as server:
        good(server, "start", "a", "--behaviour", "counter", "--state", "41")
        check_equal(good(server, "call", "a", "inc"), 42, "call")
        bad(server, "ALREADY_STARTED", "start", "a", "--behaviour", "counter", "--state", "0")
        bad(server, "UNKNOWN_BEHAVIOUR", "start", "b", "--behaviour", "nonesuch")
        bad(server, "NOPROC", "inspect", "nobody")
        for wrong in ([], ["dance"], ["call"], ["call", "a", "state", "--nonesuch"], ["start", "x"]):
            result = server.cli(*wrong)
            check_equal(result.returncode, 2, f"exit status of peeper {wrong}")
            check(result.stderr, f"peeper {wrong} should explain itself on stderr")
    result = server.cli("call", "a", "state")  # the server is gone
    check_equal(result.returncode, 3, "exit status without a server")
    check(result.stderr.startswith("UNREACHABLE"), f"an unreachable server is told on stderr: {result.stderr!r}")


@case("cli: --help of every program and command is complete and exits 0")
def helps(settings: Settings) -> None:
    commands = ["start", "stop", "call", "cast", "send", "list", "inspect", "kill", "resume"]
    programs = [[str(settings.build.peeperd)], [str(settings.build.peeper)]]
    programs += [[str(settings.build.peeper), command] for command in commands]
    for program in programs:
        result = subprocess.run([*program, "--help"], capture_output=True, text=True, timeout=10)
        check_equal((result.returncode, result.stderr), (0, ""), f"status and stderr of {program} --help")
        check(len(result.stdout.splitlines()) >= 3, f"{program} --help says too little: {result.stdout!r}")
    text = subprocess.run([programs[1][0], "--help"], capture_output=True, text=True).stdout
    for command in commands:
        check(command in text, f"peeper --help does not name {command}")
    text = subprocess.run([programs[0][0], "--help"], capture_output=True, text=True).stdout
    for option in ("--listen", "--http", "--behaviours", "--workers", "--host-program"):
        check(option in text, f"peeperd --help does not name {option}")


@case("cli: -a and PEEPER_ADDR choose the server")
def address_choice(settings: Settings) -> None:
    with Server(settings.build, log_name="scenario-address") as server:
        address = f"{server.tcp[0]}:{server.tcp[1]}"
        good(server, "start", "here", "--behaviour", "counter", "--state", "5")
        environment = dict(os.environ, PEEPER_ADDR="127.0.0.1:1")
        command = [str(settings.build.peeper), "-a", address, "call", "here", "state"]
        result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=10)
        check_equal((result.returncode, result.stdout.strip()), (0, "5"), "answer by -a")
        result = subprocess.run([command[0], *command[3:]], capture_output=True, text=True,
                                env=environment, timeout=10)
        check_equal(result.returncode, 3, "exit status with a wrong PEEPER_ADDR")
