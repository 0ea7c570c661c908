"""The driver: JSON lines in and out, through the SDK and the real server."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

import peeper
from conftest import Server

DRIVER = Path(__file__).resolve().parents[1] / "driver"


class Driver:
    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "peeper_driver"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "PYTHONPATH": f"{DRIVER}:{os.environ.get('PYTHONPATH', '')}"})
        self._number = 0
        self.events: list[Any] = []

    def send(self, verb: str, **args: Any) -> int:
        assert self.process.stdin is not None
        self._number += 1
        self.process.stdin.write(json.dumps({"id": self._number, "client": "main", "verb": verb, "args": args}) + "\n")
        self.process.stdin.flush()
        return self._number

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def ask(self, verb: str, **args: Any) -> Any:
        number = self.send(verb, **args)
        while (line := self.line()).get("id") != number:
            self.events.append(line)
        return line.get("ok", line.get("error"))

    def event(self, kind: str) -> Any:
        while True:
            for event in self.events:
                if event.get("event") == kind:
                    self.events.remove(event)
                    return event
            self.events.append(self.line())


@pytest.fixture
def driver(server: Server) -> Iterator[Driver]:
    found = Driver()
    host, _, port = server.address.partition(":")
    welcome = found.ask("connect", host=host, port=int(port), client="case")
    assert welcome["protocol_version"] == 1 and welcome["limits"]["frame_bytes_max"] > 0
    yield found
    assert found.process.stdin is not None and found.process.stdout is not None
    found.process.stdin.close()
    found.process.stdout.close()
    assert found.process.wait(20) == 0


def target(name: str, incarnation: Optional[str] = None) -> Any:
    return {"incarnation": incarnation} if incarnation else {"name": name}


def test_values_pass_as_they_are(driver: Driver, name: str) -> None:
    driver.ask("start", name=name, behaviour="cache")
    value = [None, True, "ä😀", {"int": "-9223372036854775808"}, {"double": "0.1"}, {"double": "nan"},
             {"double": "-inf"}, {"bytes": "AP8="}, {"map": [["a", [{"double": "1.0"}]], ["b", {"map": []}]]}]
    assert driver.ask("call", target=target(name), message=["put", "k", value]) == {"payload": None}
    assert driver.ask("call", target=target(name), message=["get", "k"]) == {"payload": value}


def test_answers_errors_and_events(driver: Driver, name: str) -> None:
    started = driver.ask("start", name=name, behaviour="counter", argument={"int": "5"}, monitor=True,
                         restart="temporary", intensity={"restarts": 1, "period_ms": 1000}, keep_tables={"names": []})
    assert started["name"] == name and isinstance(started["id"], str) and "ignored" not in started
    assert driver.ask("whereis", target=target(name)) == {"id": started["id"]}
    watch = driver.ask("watch", name=name, from_version="1")
    assert driver.ask("call", target=target("", started["id"]), message="inc", deadline_ms=1000) == {
        "payload": {"int": "6"}}
    changed = driver.event("changed")
    assert (changed["ref"], changed["version"], changed["value"]) == (watch["ref"], "1", {"int": "5"})
    state = driver.ask("inspect", target=target(name))["state"]
    assert (state["value"], state["version"]) == ({"int": "6"}, "2")
    error = driver.ask("call", target=target(name), message="raise")
    assert (error["status"], error["kind"], error["reason"], error["retryable"]) == ("CRASHED", "raise", "boom", False)
    assert driver.event("down") == {"client": "main", "event": "down", "ref": started["monitor"], "id": started["id"],
                                    "name": name, "reason": "boom"}
    assert driver.ask("call", target=target(name), message="state")["status"] == "NOPROC"
    assert driver.ask("call", target=target(name), message={"int": str(2**63)})["local"] == "InvalidValue"
    assert driver.ask("close") == {} and driver.ask("ping")["local"] == "KeyError"


def test_it_knows_every_verb_of_the_client(driver: Driver) -> None:
    verbs = {name for name in dir(peeper.Client) if not name.startswith("_")} - {"welcome", "list_all"}
    assert verbs - set(driver.ask("features")) == set()
