"""A small client of peeperd's TCP protocol for the tests: blocking requests, or several in flight.

The message classes are generated from proto/ into the build tree by `prepare`, which must run first.
One Client belongs to one thread.
"""
from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

Target = Union[str, int]  # an actor's name, or an incarnation id

PROTOCOL_VERSION = 1
SOURCE_ROOT = Path(__file__).resolve().parent.parent

pb: Any = None  # peeper.v1.peeper_pb2, once prepared
value_pb: Any = None


def prepare(build: Path) -> None:
    """Generates the Python message classes under `build` and imports them."""
    global pb, value_pb
    out = build / "integration-python"
    out.mkdir(parents=True, exist_ok=True)
    protos = sorted((SOURCE_ROOT / "proto" / "peeper" / "v1").glob("*.proto"))
    command = ["protoc", f"--proto_path={SOURCE_ROOT / 'proto'}", f"--python_out={out}"]
    subprocess.run(command + [str(proto) for proto in protos], check=True)
    sys.path.insert(0, str(out))
    pb = importlib.import_module("peeper.v1.peeper_pb2")
    value_pb = importlib.import_module("peeper.v1.value_pb2")


# --- Values ---------------------------------------------------------------------------------------


def _fill(value: Any, data: Any) -> None:
    if data is None:
        value.null = True
    elif isinstance(data, bool):
        value.bool = data
    elif isinstance(data, int):
        value.int = data
    elif isinstance(data, float):
        value.double = data
    elif isinstance(data, str):
        value.string = data
    elif isinstance(data, bytes):
        value.bytes = data
    elif isinstance(data, list):
        value.list.SetInParent()
        for element in data:
            _fill(value.list.values.add(), element)
    elif isinstance(data, dict):
        value.map.SetInParent()
        for key, element in data.items():
            _fill(value.map.entries[key], element)
    else:
        raise TypeError(f"{type(data).__name__} is no Value")


def encode_value(data: Any) -> bytes:
    value = value_pb.Value()
    _fill(value, data)
    return value.SerializeToString()


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null":
        return None
    if kind == "list":
        return [_plain(element) for element in value.list.values]
    if kind == "map":
        return {key: _plain(element) for key, element in value.map.entries.items()}
    return getattr(value, kind)


def decode_value(data: bytes) -> Any:
    return _plain(value_pb.Value.FromString(data))


# --- Frames ---------------------------------------------------------------------------------------


def encode_varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        if self._at > 1 << 16:
            del self._data[: self._at]
            self._at = 0
        self._data += data

    def next(self) -> Optional[bytes]:
        """The next whole frame; None while it is not complete."""
        length = shift = 0
        at = self._at
        while True:
            if at >= len(self._data):
                return None
            byte = self._data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise ValueError("a varint of more than 10 bytes")
        if len(self._data) - at < length:
            return None
        self._at = at + length
        return bytes(self._data[at : self._at])


# --- Answers --------------------------------------------------------------------------------------


class PeeperError(Exception):
    """The server's typed error."""

    def __init__(self, error: Any) -> None:
        self.status: str = pb.Status.Name(error.status).removeprefix("STATUS_")
        self.message: str = error.message
        self.retryable: bool = error.retryable
        self.retry_after_ms: int = error.retry_after_ms
        self.kind: str = error.kind
        self.reason: Any = decode_value(error.reason) if error.reason else None
        super().__init__(f"{self.status}: {self.message} (kind={self.kind!r} reason={self.reason!r})")


class ConnectionEnded(Exception):
    """The server closed the connection, or it broke."""


class NoAnswer(Exception):
    """Nothing arrived in the time that the test gives."""


@dataclass
class Info:
    """What Inspect and List tell of one actor, in the words of the JSON resource."""

    name: str
    unit: int
    incarnation: int
    behaviour: str
    status: str
    has_state: bool
    state: Any
    version: int
    restarts: int
    mailbox: int
    worker: int
    host_pid: int
    turn_ms: int
    suspended: bool
    supervisor: Optional[str]
    is_supervisor: bool
    strategy: Optional[str]
    awaits: Optional[str]
    hibernating: bool
    links: int
    monitors: int
    trap_exit: bool
    timers: int
    isolation: str  # shared or own
    quarantined: bool
    watchers: int
    events_dropped: int
    newest_version: int
    stepped_back: Optional[list[int]]  # from and to
    code_version: str
    code_refused: Optional[str]
    tables: int
    table_bytes: int
    last_crash: Optional[dict[str, Any]]


def generations_from(message: Any) -> dict[str, Any]:
    rows = message.generations
    return {"kept": message.kept, "versions": [row.version for row in rows], "bytes": [row.bytes for row in rows],
            "turns_fall": all(a.turn > b.turn for a, b in zip(rows, rows[1:])),
            "times_fall": all(a.at_ms >= b.at_ms > 0 for a, b in zip(rows, rows[1:]))}


def crash_from(message: Any) -> dict[str, Any]:
    """One entry of the crash log, in the words of the JSON resource."""
    whole = message.payload and not message.payload_cut
    return {
        "crash": message.crash,
        "name": message.name,
        "unit": message.unit,
        "incarnation": message.incarnation,
        "behaviour": message.behaviour,
        "version": message.version,
        "kind": message.kind,
        "reason": decode_value(message.reason) if message.reason else None,
        "message": message.message,
        "backtrace": list(message.backtrace),
        "turn": message.turn,
        "payload": decode_value(message.payload) if whole else None,
        "payload_bytes": message.payload_bytes,
        "payload_cut": message.payload_cut,
        "state_version": message.state_version,
        "host_pid": message.host_pid,
        "at": message.at_ms,
        "attempts": message.attempts,
        "message_set_aside": message.message_set_aside,
        "redriven": message.redriven,
    }


def info_from(message: Any) -> Info:
    crash = None
    if message.HasField("last_crash"):
        reason = message.last_crash.reason
        crash = {
            "kind": message.last_crash.kind,
            "reason": decode_value(reason) if reason else None,
            "at": message.last_crash.at_ms,
            "crash": message.last_crash.id,
            "message": message.last_crash.message,
            "backtrace": list(message.last_crash.backtrace),
        }
    has_state = message.HasField("state")
    return Info(
        name=message.name,
        unit=message.unit,
        incarnation=message.incarnation,
        behaviour=message.behaviour,
        status=message.status,
        has_state=has_state,
        state=decode_value(message.state.value) if has_state else None,
        version=message.state.version if has_state else 0,
        restarts=message.restarts,
        mailbox=message.mailbox,
        worker=message.worker,
        host_pid=message.host_pid,
        turn_ms=message.turn_ms,
        suspended=message.suspended,
        supervisor=message.supervisor or None,
        is_supervisor=message.is_supervisor,
        strategy=message.strategy or None,
        awaits=message.awaits or None,
        hibernating=message.hibernating,
        links=message.links,
        monitors=message.monitors,
        trap_exit=message.trap_exit,
        timers=message.timers,
        isolation=pb.Isolation.Name(message.isolation).removeprefix("ISOLATION_").lower(),
        quarantined=message.quarantined,
        watchers=message.watchers,
        events_dropped=message.events_dropped,
        newest_version=message.newest_version,
        stepped_back=[message.stepped_back.to, getattr(message.stepped_back, "from")][::-1]
        if message.HasField("stepped_back") else None,
        code_version=message.version,
        code_refused=message.code_refused or None,
        tables=message.tables,
        table_bytes=message.table_bytes,
        last_crash=crash,
    )


def table_from(message: Any) -> dict[str, Any]:
    """One table, in the words of the JSON resource."""
    return {"name": message.name, "ordered": message.ordered, "private": message.private, "heir": message.heir,
            "rows": message.rows, "bytes": message.bytes}


def event_from(frame: Any) -> dict[str, Any]:
    kind = frame.event.WhichOneof("kind")
    event: dict[str, Any] = {"kind": kind}
    if kind in ("down", "exit"):
        body = getattr(frame.event, kind)
        event.update(id=body.id, name=body.name, reason=decode_value(body.reason))
    if kind == "down":
        event["ref"] = frame.event.down.ref
    if kind in ("changed", "ended", "gap", "stepped_back"):
        body = getattr(frame.event, kind)
        event.update(ref=body.ref, name=body.name, unit=body.unit)
    if kind == "changed":
        event.update(version=body.version, at_ms=body.at_ms, value=decode_value(body.value))
        if body.HasField("old"):
            event["old"] = decode_value(body.old.value)
    if kind == "ended":
        event.update(reason=decode_value(body.reason), version=body.version,
                     value=decode_value(body.value) if body.value else None)
    if kind == "gap":
        event.update(first=body.first_version, last=body.last_version)
    if kind == "stepped_back":
        event.update({"from": getattr(body.step, "from"), "to": body.step.to, "at_ms": body.step.at_ms,
                      "missed": body.missed})
    return event


def event_index(pushed: list[Any], ref: Optional[int]) -> int:
    """Where the oldest event is, or the oldest of this watch; -1 if there is none."""
    for index, frame in enumerate(pushed):
        if ref is None or (not isinstance(frame, str) and event_from(frame).get("ref") == ref):
            return index
    return -1


@dataclass
class StartOptions:
    timeout_ms: int = 0
    restart: str = "UNSPECIFIED"
    on_intensity: str = "UNSPECIFIED"
    intensity: Optional[tuple[int, int]] = None  # restarts, period in ms
    mailbox_max: int = 0
    hibernate_after_ms: int = 0
    link: bool = False
    monitor: bool = False
    trap_exit: bool = True
    isolation: str = "UNSPECIFIED"
    generations: int = 0
    step_back: bool = False
    listener: str = ""
    keep_tables: Optional[list[str]] = None  # names; None: all


# --- The client -----------------------------------------------------------------------------------


@dataclass
class Client:
    """One connection. `patience_s` bounds every wait for the server: a hang is a failed test."""

    address: tuple[str, int]
    hello: bool = True
    patience_s: float = 20.0
    welcome: Any = None
    pushed: list[Any] = field(default_factory=list)  # frames that answer no request of ours
    _answers: dict[int, Any] = field(default_factory=dict)
    _pending: set[int] = field(default_factory=set)
    _last_id: int = 0

    def __post_init__(self) -> None:
        self._reader = FrameReader()
        self._socket = socket.create_connection(self.address, timeout=self.patience_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.hello:
            request = pb.Hello(protocol_version=PROTOCOL_VERSION, client="integration-tests")
            self.welcome = self.request("hello", request).welcome

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    # Frames

    def send_bytes(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self.patience_s)
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionEnded(str(error)) from error

    def frame(self, verb: str, message: Any) -> tuple[int, bytes]:
        """A numbered request, as the bytes to send."""
        self._last_id += 1
        body = pb.ClientFrame(id=self._last_id, **{verb: message}).SerializeToString()
        self._pending.add(self._last_id)
        return self._last_id, encode_varint(len(body)) + body

    def submit(self, verb: str, message: Any) -> int:
        """Sends one request and does not wait; `wait` takes the id."""
        number, data = self.frame(verb, message)
        self.send_bytes(data)
        return number

    def read_frame(self, timeout_s: float) -> Any:
        """The next ServerFrame, whatever it answers."""
        until = time.monotonic() + timeout_s
        while True:
            data = self._reader.next()
            if data is not None:
                return pb.ServerFrame.FromString(data)
            left = until - time.monotonic()
            if left <= 0:
                raise NoAnswer(f"nothing in {timeout_s} s")
            self._receive(left)

    def _receive(self, timeout_s: float) -> None:
        self._socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self._socket.recv(1 << 18)
        except socket.timeout:
            return
        except OSError as error:
            raise ConnectionEnded(str(error)) from error
        if not data:
            raise ConnectionEnded("closed by the server")
        self._reader.feed(data)

    def wait_any(self, timeout_s: Optional[float] = None) -> Any:
        """The next answer to a request in flight, success or error, as a ServerFrame."""
        if self._answers:
            return self._answers.pop(next(iter(self._answers)))
        until = time.monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        while True:
            frame = self.read_frame(max(until - time.monotonic(), 0))
            if frame.id in self._pending:
                self._pending.discard(frame.id)
                return frame
            self.pushed.append(frame)

    def wait(self, number: int, timeout_s: Optional[float] = None) -> Any:
        """The answer to request `number`. Raises PeeperError if it is an error."""
        until = time.monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        while number not in self._answers:
            frame = self.read_frame(max(until - time.monotonic(), 0))
            if frame.id in self._pending:
                self._pending.discard(frame.id)
                self._answers[frame.id] = frame
            else:
                self.pushed.append(frame)
        frame = self._answers.pop(number)
        if frame.WhichOneof("body") == "error":
            raise PeeperError(frame.error)
        return frame

    def request(self, verb: str, message: Any, timeout_s: Optional[float] = None) -> Any:
        return self.wait(self.submit(verb, message), timeout_s)

    def next_event(self, timeout_s: Optional[float] = None, ref: Optional[int] = None) -> dict[str, Any]:
        """The oldest pushed event (of this watch) that was not taken yet, as a map with its `kind`."""
        until = time.monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        while (index := event_index(self.pushed, ref)) < 0:
            frame = self.read_frame(max(until - time.monotonic(), 0))
            if frame.id in self._pending:
                self._pending.discard(frame.id)
                self._answers[frame.id] = frame
            else:
                self.pushed.append(frame)
        return event_from(self.pushed.pop(index))

    def drain(self, seconds: float) -> list[Any]:
        """Everything that arrives unasked within `seconds`, and what did so before."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                frame = self.read_frame(left)
            except NoAnswer:
                break
            self.pushed.append(frame)
        return self.pushed

    def read_to_end(self, timeout_s: float) -> list[Any]:
        """All frames up to the close by the server; NoAnswer if it does not close."""
        frames = []
        until = time.monotonic() + timeout_s
        while True:
            try:
                frames.append(self.read_frame(max(until - time.monotonic(), 0)))
            except ConnectionEnded:
                return frames

    # Verbs

    def start(self, name: str, behaviour: str, argument: Any = None,
              options: Optional[StartOptions] = None) -> Any:
        return self.wait(self.submit_start(name, behaviour, argument, options)).started

    def submit_start(self, name: str, behaviour: str, argument: Any = None,
                     options: Optional[StartOptions] = None) -> int:
        return self.submit("start", start_message(name, behaviour, argument, options))

    def submit_call(self, target: Target, message: Any, deadline_ms: int = 0) -> int:
        return self.submit("call", call_message(target, message, deadline_ms))

    def call(self, target: Target, message: Any, deadline_ms: int = 0) -> Any:
        return decode_value(self.wait(self.submit_call(target, message, deadline_ms)).reply.payload)

    def cast(self, target: Target, message: Any) -> None:
        self.request("cast", pb.Cast(**address(target), payload=encode_value(message)))

    def send(self, target: Target, message: Any) -> None:
        self.request("send", pb.Send(**address(target), payload=encode_value(message)))

    def stop(self, target: Target, reason: Any = None, timeout_ms: int = 0) -> None:
        payload = b"" if reason is None else encode_value(reason)
        self.request("stop", pb.Stop(**address(target), reason=payload, timeout_ms=timeout_ms))

    def kill(self, target: Target) -> None:
        self.request("kill", pb.Kill(**address(target)))

    def resume(self, target: Target) -> None:
        self.request("resume", pb.Resume(**address(target)))

    def suspend(self, target: Target) -> None:
        self.request("suspend", pb.Suspend(**address(target)))

    def get_state(self, target: Target) -> Any:
        return decode_value(self.request("get_state", pb.GetState(**address(target))).state.value)

    def replace_state(self, target: Target, state: Any, timeout_ms: int = 0) -> None:
        request = pb.ReplaceState(**address(target), state=encode_value(state), timeout_ms=timeout_ms)
        self.request("replace_state", request)

    def where_is(self, target: Target) -> int:
        return self.request("where_is", pb.WhereIs(**address(target))).located.id

    def inspect(self, target: Target) -> Info:
        return info_from(self.request("inspect", pb.Inspect(**address(target))).actor_info)

    def monitor(self, target: Target) -> int:
        return self.request("monitor", pb.Monitor(**address(target))).monitored.ref

    def demonitor(self, ref: int) -> None:
        self.request("demonitor", pb.Demonitor(ref=ref))

    def watch(self, name: str, prefix: bool = False, from_version: int = 0, with_old: bool = False,
              unit: int = 0) -> int:
        request = pb.Watch(name=name, prefix=prefix, from_version=from_version, with_old=with_old, unit=unit)
        return self.request("watch", request).watching.ref

    def unwatch(self, ref: int) -> None:
        self.request("unwatch", pb.Unwatch(ref=ref))

    def link(self, target: Target) -> None:
        self.request("link", pb.Link(**address(target)))

    def unlink(self, target: Target) -> None:
        self.request("unlink", pb.Unlink(**address(target)))

    def list_page(self, prefix: str = "", cursor: int = 0, limit: int = 0) -> tuple[list[Info], int]:
        request = pb.List(prefix=prefix, cursor=cursor, limit=limit)
        listing = self.request("list", request).listing
        return [info_from(actor) for actor in listing.actors], listing.next

    def tables(self, target: Target) -> list[dict[str, Any]]:
        listing = self.request("list_tables", pb.ListTables(**address(target))).table_listing
        return [table_from(table) for table in listing.tables]

    def rows_page(self, target: Target, table: str, prefix: str = "", after: bytes = b"",
                  limit: int = 0) -> tuple[list[list[Any]], bytes]:
        """Pairs of key and value, and where the next page begins; nothing: this was the last."""
        request = pb.ReadTable(**address(target), table=table, prefix=prefix, limit=limit, **{"from": after})
        page = self.request("read_table", request).rows
        return [[decode_value(row.key), decode_value(row.value)] for row in page.rows], page.next

    def rows(self, target: Target, table: str, prefix: str = "", limit: int = 1000) -> list[list[Any]]:
        """All rows, page by page."""
        rows, after = self.rows_page(target, table, prefix, limit=limit)
        while after:
            more, after = self.rows_page(target, table, prefix, after, limit)
            rows += more
        return rows

    def ping(self, timeout_s: Optional[float] = None) -> None:
        self.request("ping", pb.Ping(), timeout_s)


def address(target: Target) -> dict[str, Any]:
    return {"id": target} if isinstance(target, int) else {"name": target}


def call_message(target: Target, message: Any, deadline_ms: int = 0) -> Any:
    return pb.Call(**address(target), payload=encode_value(message), deadline_ms=deadline_ms)


def start_message(name: str, behaviour: str, argument: Any,
                  options: Optional[StartOptions] = None) -> Any:
    options = options or StartOptions()
    message = pb.Start(
        name=name,
        behaviour=behaviour,
        argument=encode_value(argument),
        timeout_ms=options.timeout_ms,
        isolation=pb.Isolation.Value(f"ISOLATION_{options.isolation.upper()}"),
        listener=options.listener,
        restart=pb.Restart.Value(f"RESTART_{options.restart.upper()}"),
        on_intensity=pb.OnIntensity.Value(f"ON_INTENSITY_{options.on_intensity.upper()}"),
        mailbox_max=options.mailbox_max,
        hibernate_after_ms=options.hibernate_after_ms,
        link=options.link,
        monitor=options.monitor,
        no_trap_exit=not options.trap_exit,
        generations=options.generations,
        step_back=options.step_back,
    )
    if options.intensity is not None:
        message.intensity.restarts, message.intensity.period_ms = options.intensity
    if options.keep_tables is not None:
        message.keep_tables.SetInParent()
        message.keep_tables.names.extend(options.keep_tables)
    return message
