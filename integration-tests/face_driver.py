"""The faces of the SDKs: a driver program for each, that gets requests as lines of JSON and answers so.

One process serves all sessions of a face. Its thread that reads hands each line to the session that it is for.
"""
from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Optional

import face_tagged
import peeper_wire as wire
from faces import Session
from server_process import Build, Failure

ROOT = Path(__file__).resolve().parent.parent
REQUEST_MS = 20000  # the client's own time: a case bounds what it means to bound

# Fields of ClientFrame whose verb has another name.
VERBS = {"where_is": "whereis", "list_generations": "generations", "list_tables": "tables", "read_table": "rows",
         "list_crashes": "crashes", "list_behaviours": "behaviours"}

# Which field of ServerFrame the answer to a verb is; "done" if it is not here.
ANSWERS = {"call": "reply", "start": "started", "where_is": "located", "list": "listing", "inspect": "actor_info",
           "ping": "pong", "start_supervisor": "started", "start_child": "started", "restart_child": "started",
           "which_children": "children", "count_children": "child_counts", "get_child_spec": "reply",
           "monitor": "monitored", "watch": "watching", "get_state": "state", "list_crashes": "crash_listing",
           "show_crash": "crash_report", "redrive": "reply", "list_generations": "generations",
           "transfer": "started", "prepare_transfer": "transfer_prepared", "commit_transfer": "started",
           "list_behaviours": "behaviour_listing", "deploy": "upgrade_report", "upgrade": "upgrade_report",
           "list_tables": "table_listing", "read_table": "rows"}

# Errors that an SDK finds by itself, as the server would say them. C has the names of its own statuses.
LOCAL = {"InvalidArgument": "INVALID", "InvalidValue": "INVALID", "INVALID": "INVALID", "Timeout": "TIMEOUT",
         "TooLarge": "TOO_LARGE", "TOO_LARGE": "TOO_LARGE"}
ENDED = ("Disconnected", "Closed", "DISCONNECTED", "CLOSED", "UNREACHABLE")


def command_of(face: str, build: Build) -> tuple[list[str], dict[str, str]]:
    """What starts a driver, and what it needs in its environment."""
    if face == "python":
        path = os.pathsep.join(str(ROOT / "sdk" / "python" / folder) for folder in ("driver", "src"))
        return [str(ROOT / "build" / "sdk-python" / "bin" / "python"), "-m", "peeper_driver"], {"PYTHONPATH": path}
    if face == "typescript":
        return [str(ROOT / "tools" / "typescript"), "node", "dist/driver/main.js"], {}
    folder = "sdk-go" if face == "go" else "sdk/c"
    return [str(build.folder / folder / "peeper-driver")], {}


class DriverFace:
    """One driver process."""

    def __init__(self, name: str, build: Build) -> None:
        self.name = name
        self._build = build
        self._process: Optional[subprocess.Popen[str]] = None
        self._made: Optional[bool] = None
        self._lock = threading.Lock()  # of what is below, and of the driver's stdin
        self._numbers = itertools.count(1)
        self._names = itertools.count(1)
        self._waiting: dict[int, DriverSession] = {}
        self._sessions: dict[str, DriverSession] = {}

    def open(self, server: Any, name: str) -> DriverSession:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            session = DriverSession(self, f"{name}-{next(self._names)}")
            self._sessions[session.name] = session
        session.connect(server.tcp)
        return session

    def _start(self) -> None:
        self._make()
        command, environment = command_of(self.name, self._build)
        with open(self._build.logs / f"driver-{self.name}.log", "ab") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                             env={**os.environ, **environment}, text=True, encoding="utf-8")
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _make(self) -> None:
        """Once: a driver that cannot be made is not tried again for each case."""
        if self._made is None:
            command = [str(ROOT / "tools" / "drivers"), str(self._build.folder), self.name]
            self._made = subprocess.run(command, stdout=sys.stderr).returncode == 0
        if not self._made:
            raise Failure(f"tools/drivers could not make the driver {self.name}")

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for text in process.stdout:
            line = json.loads(text)
            with self._lock:
                session = self._sessions.get(line.get("client", "")) if "event" in line else \
                    self._waiting.pop(line["id"], None)
            if session is not None:
                session.inbox.put(line)
        with self._lock:
            sessions = list(self._sessions.values())
        for session in sessions:
            session.inbox.put(None)

    def ask(self, session: DriverSession, verb: str, args: face_tagged.Args) -> int:
        with self._lock:
            assert self._process is not None and self._process.stdin is not None
            number = next(self._numbers)
            self._waiting[number] = session
            line = json.dumps({"id": number, "client": session.name, "verb": verb, "args": args})
            try:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            except OSError as error:
                raise wire.ConnectionEnded(f"the driver is gone: {error}") from error
            return number

    def forget(self, session: DriverSession) -> None:
        with self._lock:
            self._sessions.pop(session.name, None)

    def end(self) -> None:
        """The end of its input ends a driver; one that goes on, or fails, is at fault."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failure(f"the driver {self.name} goes on after the end of its input") from None
        if status != 0:
            raise Failure(f"the driver {self.name} ended with status {status}")


def error_of(told: face_tagged.Args) -> BaseException:
    """What a request that has failed raises."""
    local = told.get("local", "")
    if local in ENDED:
        return wire.ConnectionEnded(f"{local}: {told['message']}")
    status = told.get("status") or LOCAL.get(local)
    if status is None:
        return Failure(f"the driver failed: {told}")
    reason = told.get("reason")
    return wire.PeeperError(wire.pb.Error(
        status=wire.pb.Status.Value(f"STATUS_{status}"), message=told["message"], kind=told.get("kind", ""),
        retryable=told.get("retryable", False), retry_after_ms=told.get("retry_after_ms", 0),
        reason=b"" if reason is None else wire.encode_value(face_tagged.native(reason))))


class DriverSession(Session):
    """One client of the SDK."""

    def __init__(self, face: DriverFace, name: str) -> None:
        super().__init__()
        self.name = name
        self.inbox: queue.SimpleQueue[Optional[dict[str, Any]]] = queue.SimpleQueue()
        self._face = face
        self._verbs: dict[int, str] = {}  # of requests in flight: the field of ClientFrame

    def connect(self, address: tuple[str, int]) -> None:
        self._ask("connect", {"host": address[0], "port": address[1], "request_timeout_ms": REQUEST_MS})

    def _ask(self, verb: str, args: face_tagged.Args) -> None:
        number = self._face.ask(self, verb, args)
        self._verbs[number] = verb
        self.wait(number)

    def submit(self, verb: str, message: Any) -> int:
        number = self._face.ask(self, VERBS.get(verb, verb), face_tagged.args_of(message))
        self._verbs[number] = verb
        return number

    def close(self) -> None:
        try:
            self._ask("close", {})
        finally:
            self._face.forget(self)

    def _take(self, timeout_s: float) -> bool:
        try:
            line = self.inbox.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            return False
        if line is None:
            raise wire.ConnectionEnded("the driver has ended")
        if "event" in line:
            self.pushed.append(event_of(line))
        else:
            self._answers[line["id"]] = answer_of(self._verbs.pop(line["id"]), line)
        return True


def event_of(line: dict[str, Any]) -> Any:
    """As a frame; as a text where the protocol has no such event."""
    kind = line["event"]
    frame = wire.pb.ServerFrame()
    if kind not in frame.event.DESCRIPTOR.fields_by_name:
        return json.dumps(line)
    body = getattr(frame.event, kind)
    body.SetInParent()
    face_tagged.fill(body, {name: value for name, value in line.items() if name not in ("client", "event")})
    return frame


def answer_of(verb: str, line: dict[str, Any]) -> Any:
    if "error" in line:
        return error_of(line["error"])
    frame = wire.pb.ServerFrame()
    body = ANSWERS.get(verb, "done")
    if verb == "redrive" and "payload" not in line["ok"]:
        body = "done"
    getattr(frame, body).SetInParent()
    if verb not in ("connect", "close"):
        face_tagged.fill(getattr(frame, body), line["ok"])
    return frame
