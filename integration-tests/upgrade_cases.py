"""Other code for actors that run: under load, and with hosts that come and go."""
from __future__ import annotations

import json
import os
import random
import shutil
import signal
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Optional

import peeper_wire as wire
from case_registry import Settings, case
from peeper_wire import Client, PeeperError, StartOptions
from server_process import Build, Server, check, check_equal, descendants, eventually

NATIVE = ["--allow-native-deploy"]
SPARED = 10  # actors of the load test whose values the third version refuses


def code_of(build: Build, version: int) -> bytes:
    return (build.versions / f"tally_{version}.so").read_bytes()


def deploy(client: Client, build: Build, version: int) -> Any:
    request = wire.pb.Deploy(file="tally.so", content=code_of(build, version))
    return client.request("deploy", request).upgrade_report


def upgrade(client: Client, build: Build, version: Optional[int], dry_run: bool = False) -> Any:
    request = wire.pb.Upgrade(behaviour="tally", dry_run=dry_run)
    if version is not None:
        request.file, request.content = "tally.so", code_of(build, version)
    return client.request("upgrade", request).upgrade_report


def start_many(client: Client, names: list[str], values: list[int]) -> None:
    for at in range(0, len(names), 500):
        numbers = [client.submit("start", wire.pb.Start(name=name, behaviour="tally",
                                                        argument=wire.encode_value(value)))
                   for name, value in zip(names[at:at + 500], values[at:at + 500])]
        for number in numbers:
            client.wait(number)


class Caller(threading.Thread):
    """Calls its own actors without pause, and knows what each answer must be."""

    def __init__(self, server: Server, names: list[str], values: list[int]) -> None:
        super().__init__()
        self.client, self.names, self.values = server.client(), names, values
        self.stopping = threading.Event()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.round()
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(f"{type(error).__name__}: {error}")
        self.client.close()

    def round(self) -> None:
        for at in range(0, len(self.names), 64):
            if self.stopping.is_set():
                return
            batch = range(at, min(at + 64, len(self.names)))
            numbers = [self.client.submit_call(self.names[i], "inc" if i >= SPARED else "state") for i in batch]
            for i, number in zip(batch, numbers):
                self.take(i, number)

    def take(self, i: int, number: int) -> None:
        try:
            answer = wire.decode_value(self.client.wait(number).reply.payload)
        except PeeperError as error:
            self.answers[error.status] += 1
            if not error.retryable:
                self.wrong.append(f"{self.names[i]}: {error}")
            return
        self.answers["ok"] += 1
        if i >= SPARED:
            self.values[i] += 1
        if answer != self.values[i]:
            self.wrong.append(f"{self.names[i]}: {answer}, not {self.values[i]}")
            self.values[i] = answer


@case("upgrade: ten upgrades up and down under load lose no message, no connection and no state")
def under_load(settings: Settings) -> None:
    actors, clients = (2000, 4) if settings.quick else (10000, 8)
    each = actors // clients
    with Server(settings.build, NATIVE, log_name="upgrade-load") as server, server.client() as client:
        client.patience_s = 60
        deploy(client, settings.build, 1)
        callers = []
        for number in range(clients):
            names = [f"t{number}-{i}" for i in range(each)]
            # The first ones stay odd multiples of 5 or 7; all others are called until they may be anything.
            values = [(2 * i + 1) * (5 if i % 2 else 7) if i < SPARED else i for i in range(each)]
            start_many(client, names, values)
            callers.append(Caller(server, names, values))
        for caller in callers:
            caller.start()
        refused = 0
        for version in (2, 1, 2, 4, 2, 3, 1, 2, 1, 2):
            report = upgrade(client, settings.build, version)
            check(not report.stopped, f"to {version}: stopped: {report.stopped}")
            check_equal(report.changed + report.refused, actors, f"actors that were asked, to version {version}")
            check(report.refused == 0 or version in (3, 4), f"to {version}: {report.refused} refused")
            check(report.refused >= SPARED * clients or version != 3, f"to 3: {report.refused} refused")
            refused += report.refused
            calls = sum(sum(caller.answers.values()) for caller in callers)
            eventually(lambda: sum(sum(c.answers.values()) for c in callers) > calls + actors // 4, "calls in between")
        for caller in callers:
            caller.stopping.set()
        for caller in callers:
            caller.join(30)
        wrong = [line for caller in callers for line in caller.wrong]
        check(not wrong, f"{len(wrong)} wrong answers: {wrong[:5]}")
        answers: Counter[str] = sum((caller.answers for caller in callers), Counter())
        check(answers["ok"] > actors, f"there was load: {answers}")
        for caller in callers:
            for name, value in zip(caller.names, caller.values):
                check_equal(client.call(name, "state"), value, f"the state of {name}")
        check_equal(client.call(callers[0].names[0], "version"), "2", "the version in the end")
        eventually(lambda: len(descendants(server.pid)) == 2, "the hosts of all other versions have left")
        print(f"     {dict(answers)}, {refused} refusals")


@case("upgrade: without a file the directory is read again")
def from_directory(settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(settings.build.versions / "tally_1.so", folder / "tally.so")
        with Server(settings.build, log_name="upgrade-directory", behaviours=folder) as server, server.client() as client:
            client.start("t", "tally", 3)
            shutil.copy(settings.build.versions / "tally_2.so", folder / "new.so")
            os.replace(folder / "new.so", folder / "tally.so")
            # Whatever is there by then: hosts begin with the code that their actors have.
            os.kill(client.inspect("t").host_pid, signal.SIGKILL)
            eventually(lambda: client.call("t", "version") == "1", "the code is as before")
            report = upgrade(client, settings.build, None)
            check_equal((report.changed, getattr(report, "from"), report.to), (1, "1", "2"), "the report")
            check_equal((client.call("t", "version"), client.call("t", "state")), ("2", 3), "the actor")
            (folder / "tally.so").unlink()
            try:
                upgrade(client, settings.build, None)
                check(False, "a file that is gone was found")
            except PeeperError as error:
                check_equal(error.status, "NOT_FOUND", "the answer when the file is gone")
            os.kill(client.inspect("t").host_pid, signal.SIGKILL)
            eventually(lambda: client.call("t", "inc") == 4, "its host is started without the file")


@case("upgrade: the command line deploys, upgrades, and tells who refused")
def command_line(settings: Settings) -> None:
    versions = settings.build.versions
    with Server(settings.build, NATIVE, log_name="upgrade-cli") as server, server.client() as client:
        deploy(client, settings.build, 1)
        for value in (1, 7):
            client.start(f"t{value}", "tally", value)
        result = server.cli("upgrade", "tally", str(versions / "tally_3.so"), "--dry-run", "--json")
        report = json.loads(result.stdout)
        check_equal((result.returncode, report["dry_run"], report["changed"], report["refused"]), (1, True, 1, 1),
                    "the dry run")
        check_equal(report["refusals"][0]["reason"], "will not have 7", "why")
        result = server.cli("upgrade", "tally", str(versions / "tally_2.so"), "--extra", "10")
        check_equal((result.returncode, json.loads(result.stdout)["changed"]), (0, 2), "the upgrade")
        check_equal((client.call("t1", "state"), client.call("t7", "state")), (11, 17), "the states")
        lines = [json.loads(line) for line in server.cli("behaviours").stdout.splitlines()]
        tally = [line for line in lines if line["name"] == "tally"]
        check_equal([(line["version"], line["actors"], line["current"]) for line in tally], [("2", 2, True)], "listed")
        check("code_change" in tally[0]["callbacks"], f"its callbacks: {tally[0]}")
        result = server.cli("deploy", str(versions / "tally_1.so"))
        check_equal(result.returncode, 1, "a second file with the same behaviour")
        check("loaded already" in result.stderr, f"why: {result.stderr}")
        result = server.cli("upgrade", "tally", "/nonesuch.so")
        check_equal(result.returncode, 2, "a file that is not there")


@case("upgrade: actors apart are upgraded apart, those in turns after them, and old hosts leave")
def apart(settings: Settings) -> None:
    with Server(settings.build, NATIVE, log_name="upgrade-apart") as server, server.client() as client:
        deploy(client, settings.build, 1)
        client.start("own", "tally", 1, StartOptions(isolation="own"))
        client.start("busy", "tally", 2)
        client.start("idle", "tally", 3)
        before = set(descendants(server.pid))
        with server.client() as other:
            turn = other.submit_call("busy", ["sleep", 400])
            eventually(lambda: client.inspect("busy").turn_ms > 0, "the turn runs")
            behind = other.submit_call("busy", "inc")
            report = upgrade(client, settings.build, 2)
            check_equal((report.changed, report.refused), (3, 0), "the report")
            check_equal(wire.decode_value(other.wait(turn).reply.payload), 2, "the answer of the turn that ran")
            check_equal(wire.decode_value(other.wait(behind).reply.payload), 3, "the answer behind it")
        check_equal([client.call(name, "version") for name in ("own", "busy", "idle")], ["2"] * 3, "versions")
        check_equal(client.inspect("own").isolation, "own", "its isolation")
        eventually(lambda: not before & set(descendants(server.pid)), "all hosts of before have left")


@case("upgrade: the hosts of both versions are killed again and again meanwhile, and no state is lost")
def killed_hosts(settings: Settings) -> None:
    actors = 500 if settings.quick else 5000
    with Server(settings.build, NATIVE, log_name="upgrade-killed") as server, server.client() as client:
        client.patience_s = 60
        deploy(client, settings.build, 1)
        names = [f"t{i}" for i in range(actors)]
        start_many(client, names, list(range(actors)))
        stopping = threading.Event()

        def kill_hosts() -> None:
            while not stopping.wait(0.02):
                hosts = list(descendants(server.pid))
                try:
                    if hosts:
                        os.kill(random.choice(hosts), signal.SIGKILL)
                except ProcessLookupError:
                    pass

        killer = threading.Thread(target=kill_hosts)
        killer.start()
        try:
            for version in (2, 1, 2):
                report = None
                while report is None:
                    try:
                        report = upgrade(client, settings.build, version)
                    except PeeperError as error:
                        check(error.status in ("REFUSED", "OVERLOADED"), f"to {version}: {error}")
        finally:
            stopping.set()
            killer.join()
        report = upgrade(client, settings.build, 2)
        check_equal((report.refused, report.left), (0, 0), "the last report")
        for name, value in zip(names, range(actors)):
            check_equal((client.call(name, "state"), client.inspect(name).code_version), (value, "2"), name)
