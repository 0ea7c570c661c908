"""Turns the files in cases/ into cases. Cases of one file share a server unless one asks for its own."""
from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import yaml

import faces
from case_registry import Case, Settings
from case_steps import VERBS, World, run_steps
from peeper_wire import ConnectionEnded, NoAnswer, PeeperError
from server_process import Failure, Server, check

CASES_FOLDER = Path(__file__).resolve().parent / "cases"


class SharedServer:
    """The server of one file: started by the first case that needs it, and again after a case broke it."""

    def __init__(self, log_name: str, options: list[str]) -> None:
        self._log_name = log_name  # of each face its own: cases count lines of it
        self._options = options
        self._server: Optional[Server] = None

    def get(self, settings: Settings) -> Server:
        if self._server is None:
            self._server = Server(settings.build, self._options, self._log_name).start()
        return self._server

    def stop(self) -> None:
        """Checks that it ends well."""
        if self._server is not None:
            server, self._server = self._server, None
            server.__exit__(None)

    def drop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            server.end_hard()


SHARED_SERVERS: list[SharedServer] = []


@contextmanager
def server_for(document: dict[str, Any], shared: SharedServer, settings: Settings,
               log_name: str) -> Iterator[Server]:
    if "options" in document or document.get("own_server"):
        with Server(settings.build, document.get("options", []), log_name) as server:
            yield server
        return
    try:
        server = shared.get(settings)
        yield server
        server.check_alive()
    except (Failure, ConnectionEnded, NoAnswer, PeeperError, OSError):
        shared.drop()
        raise


def run_case(document: dict[str, Any], variables: dict[str, str], shared: SharedServer, settings: Settings,
             log_name: str) -> None:
    with server_for(document, shared, settings, log_name) as server:
        world = World(server, settings.face)
        world.variables.update(variables)
        try:
            run_steps(world, document["steps"])
            pushed = [frame for client in world.clients.values() for frame in client.pushed]
            check(not pushed, f"unsolicited frames: {pushed}")
        finally:
            world.close()


def variants(entry: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """A case with `behaviours` is one case for each of them, in which $behaviour is its name."""
    if "behaviours" not in entry:
        return [(entry["case"], {})]
    return [(f"{entry['case']} ({behaviour})", {"behaviour": behaviour}) for behaviour in entry["behaviours"]]


def load_file(path: Path, pattern: str, face: str) -> list[Case]:
    document = yaml.safe_load(path.read_text())
    log_name = f"cases-{path.stem}" if face == "wire" else f"cases-{face}-{path.stem}"
    shared = SharedServer(log_name, document.get("options", []))
    SHARED_SERVERS.append(shared)
    cases = []
    for entry in document["cases"]:
        not_for = faces.not_for(face, entry["steps"], VERBS)
        for name, variables in variants(entry):
            def body(settings: Settings, entry: dict[str, Any] = entry, variables: dict[str, str] = variables) -> None:
                run_case(entry, variables, shared, settings, log_name)

            if re.search(pattern, name):
                cases.append(Case(name, body, path.stem, not_for))

    if cases:
        ending = f"{path.stem}: the server of these cases ends cleanly"
        cases.append(Case(ending, lambda _: shared.stop(), path.stem))
    return cases


def load_all(pattern: str, face: str = "wire") -> list[Case]:
    return [case for path in sorted(CASES_FOLDER.glob("*.yaml")) for case in load_file(path, pattern, face)]


def drop_servers() -> None:
    """After an interrupt: nothing may stay behind."""
    for shared in SHARED_SERVERS:
        shared.drop()
