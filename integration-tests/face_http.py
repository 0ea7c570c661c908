"""The HTTP face: the same requests as resources under /v1, and watches as Server-Sent Events.

A request that waits has a connection of its own. Those of one session are asked in the order in which they are
submitted: connections are kept open, so that a request is one write to a connection that the server knows already.
"""
from __future__ import annotations

import datetime
import http.client
import itertools
import json
import queue
import threading
import urllib.parse
from typing import Any, Callable, Optional

import face_tagged
import peeper_wire as wire
from face_driver import ANSWERS
from face_tagged import word_of
from faces import Session
from server_process import Failure

Plain = dict[str, Any]

ACTOR = "/v1/actors/{name}"
SUPERVISOR = "/v1/supervisors/{name}"

# Field of ClientFrame: method and path. What the path does not take is in the body, or in the query where there is none.
ROUTES = {
    "list": ("GET", "/v1/actors"), "start": ("POST", "/v1/actors"), "inspect": ("GET", ACTOR), "stop": ("DELETE", ACTOR),
    "call": ("POST", ACTOR + "/call"), "cast": ("POST", ACTOR + "/cast"), "send": ("POST", ACTOR + "/send"),
    "kill": ("POST", ACTOR + "/kill"), "suspend": ("POST", ACTOR + "/suspend"), "resume": ("POST", ACTOR + "/resume"),
    "where_is": ("GET", ACTOR + "/incarnation"), "get_state": ("GET", ACTOR + "/state"),
    "replace_state": ("PUT", ACTOR + "/state"), "list_generations": ("GET", ACTOR + "/generations"),
    "restore_state": ("POST", ACTOR + "/restore"), "list_tables": ("GET", ACTOR + "/tables"),
    "read_table": ("GET", ACTOR + "/tables/{table}"), "transfer": ("POST", ACTOR + "/transfer"),
    "prepare_transfer": ("POST", ACTOR + "/transfer/prepare"),
    "commit_transfer": ("POST", "/v1/transfers/{handle}/commit"),
    "start_supervisor": ("POST", "/v1/supervisors"), "change_supervisor": ("POST", SUPERVISOR + "/change"),
    "count_children": ("GET", SUPERVISOR + "/counts"), "which_children": ("GET", SUPERVISOR + "/children"),
    "start_child": ("POST", SUPERVISOR + "/children"), "get_child_spec": ("GET", SUPERVISOR + "/children/{child}"),
    "delete_child": ("DELETE", SUPERVISOR + "/children/{child}"),
    "terminate_child": ("POST", SUPERVISOR + "/children/{child}/terminate"),
    "restart_child": ("POST", SUPERVISOR + "/children/{child}/restart"), "check_specs": ("POST", "/v1/specs/check"),
    "list_behaviours": ("GET", "/v1/behaviours"), "deploy": ("PUT", "/v1/behaviours/{file}"),
    "upgrade": ("POST", "/v1/behaviours/{behaviour}/upgrade"), "list_crashes": ("GET", "/v1/crashes"),
    "show_crash": ("GET", "/v1/crashes/{crash}"), "discard_crash": ("DELETE", "/v1/crashes/{crash}"),
    "redrive": ("POST", "/v1/crashes/{crash}/redrive"), "ping": ("GET", "/v1/ping"),
    "watch": ("GET", ACTOR + "/watch"),
}
# Where a member is not there, the resource is another one.
WITHOUT = {("read_table", "table"): ACTOR + "/dictionary", ("which_children", "name"): "/v1/supervisors"}

# Messages' fields whose member has another name, as docs/http.md tells.
MEMBERS = {"Call.payload": "message", "Cast.payload": "message", "Send.payload": "message", "Reply.payload": "reply",
           "ActorInfo.version": "code_version", "CrashInfo.id": "crash", "CrashListing.reports": "crashes",
           "Located.id": "incarnation", "Started.id": "incarnation", "OldState.value": "old",
           "StateInfo.value": "state", "StateInfo.at_ms": "state_at", "StateInfo.turn": "state_turn"}
INLINE = ("ActorInfo.state", "Changed.old")
PAIRS = {"name": "id", "child": "incarnation", "target": "target_id", "source": "source_id"}
KEYS = ("ReadTable.from", "Rows.next")  # a Value as JSON text


def member_of(field: Any) -> str:
    key = f"{field.containing_type.name}.{field.name}"
    return MEMBERS.get(key, "at" if field.name == "at_ms" else field.name)


def to_json(value: Any) -> Any:
    """A Value."""
    if isinstance(value, bytes):
        return {"$bytes": face_tagged.tagged(value)["bytes"]}
    if isinstance(value, list):
        return [to_json(element) for element in value]
    if isinstance(value, dict):
        return {key: to_json(element) for key, element in value.items()}
    return value


def from_json(told: Any) -> Any:
    if isinstance(told, list):
        return [from_json(element) for element in told]
    if isinstance(told, dict):
        if list(told) == ["$bytes"]:
            return face_tagged.native({"bytes": told["$bytes"]})
        return {key: from_json(element) for key, element in told.items()}
    return told


# --- Requests -------------------------------------------------------------------------------------


def json_of(field: Any, value: Any) -> Any:
    if field.type == field.TYPE_BYTES:
        if field.name in face_tagged.PLAIN_BYTES:
            return face_tagged.tagged(value)["bytes"]
        told = to_json(wire.decode_value(value))
        return json.dumps(told) if f"{field.containing_type.name}.{field.name}" in KEYS else told
    if field.type == field.TYPE_MESSAGE:
        return {inner.name: list(one) if inner.label == inner.LABEL_REPEATED else json_of(inner, one)
                for inner, one in value.ListFields()}
    return word_of(field, value) if field.type == field.TYPE_ENUM else value


def members_of(message: Any) -> Plain:
    known = message.DESCRIPTOR.fields_by_name
    ids = {name: other for name, other in PAIRS.items() if name in known and other in known}
    members = {member_of(field): json_of(field, value) for field, value in message.ListFields()
               if field.name not in ids.values()}
    for name, other in ids.items():
        if getattr(message, other):
            members[name] = f"@{getattr(message, other)}"
    return members


def request_of(verb: str, message: Any) -> tuple[str, str, Optional[Plain]]:
    """Method, target and body."""
    method, path = ROUTES[verb]
    members = members_of(message)
    if verb == "watch" and members.pop("prefix", False):
        path = "/v1/watch"
        members["prefix"] = members.pop("name", "")
    for (other, name), instead in WITHOUT.items():
        if verb == other and not members.get(name):
            path = instead
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    path = path.format(**{name: urllib.parse.quote(str(members.pop(name, "")), safe="@") for name in names})
    if method[0] == "P":
        return method, path, members
    # In a query, what is no text is written as in JSON; and Values are JSON always.
    values = {member_of(field) for field in message.DESCRIPTOR.fields if field.type == field.TYPE_BYTES}
    plain = {name for name in members if name in values and f"{message.DESCRIPTOR.name}.{name}" not in KEYS}
    query = urllib.parse.urlencode({name: value if isinstance(value, str) and name not in plain else json.dumps(value)
                                    for name, value in members.items()})
    return method, f"{path}?{query}" if query else path, None


# --- Answers --------------------------------------------------------------------------------------


def ms_of(text: Optional[str]) -> int:
    if text is None:
        return 0
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000)


def fill_field(message: Any, field: Any, told: Any) -> None:
    if told is None and field.type != field.TYPE_BYTES:
        return
    if field.type == field.TYPE_MESSAGE and field.label == field.LABEL_REPEATED:
        for one in told:
            fill(getattr(message, field.name).add(), one)
    elif field.type == field.TYPE_MESSAGE:
        getattr(message, field.name).SetInParent()
        fill(getattr(message, field.name), told)
    elif field.label == field.LABEL_REPEATED:
        getattr(message, field.name).extend(told)
    elif field.type == field.TYPE_BYTES:
        is_key = f"{message.DESCRIPTOR.name}.{field.name}" in KEYS
        if told is not None or not is_key:
            setattr(message, field.name, wire.encode_value(json.loads(told) if is_key else from_json(told)))
    elif field.type == field.TYPE_ENUM:
        words = {word_of(field, value.number): value.number for value in field.enum_type.values}
        setattr(message, field.name, words[told])
    else:
        setattr(message, field.name, ms_of(told) if field.name == "at_ms" else told)


def fill(message: Any, told: Plain) -> set[str]:
    """Sets the fields of an answer; which members it took."""
    taken = set()
    for field in message.DESCRIPTOR.fields:
        if f"{message.DESCRIPTOR.name}.{field.name}" in INLINE:
            inner = type(message)().DESCRIPTOR and getattr(message, field.name)
            names = {member_of(one) for one in field.message_type.fields}
            here = {name: told[name] for name in names if name in told}
            # Versions count from 1; a state that there is not has none.
            if here and here.get("version", 1):
                inner.SetInParent()
                taken |= fill(inner, {name: here[name] for name in here if name != "unit" or "old" not in names})
            taken |= set(here) - {"unit"}
        elif member_of(field) in told:
            taken.add(member_of(field))
            fill_field(message, field, told[member_of(field)])
    return taken


def checked_fill(message: Any, told: Plain) -> None:
    unknown = set(told) - fill(message, told)
    if unknown:
        raise Failure(f"HTTP told {sorted(unknown)}, which {message.DESCRIPTOR.name} does not have")


def error_of(told: Plain) -> BaseException:
    reason = told.get("reason")
    return wire.PeeperError(wire.pb.Error(
        status=wire.pb.Status.Value(f"STATUS_{told['name']}"), message=told["detail"], kind=told.get("kind", ""),
        retryable=told["retryable"], retry_after_ms=told.get("retry_after_ms", 0),
        reason=wire.encode_value(from_json(reason)) if "reason" in told else b""))


def frame_of(verb: str, code: int, text: bytes) -> Any:
    """The answer as a frame, or what to raise."""
    if code >= 400:
        return error_of(json.loads(text))
    frame = wire.pb.ServerFrame()
    body = ANSWERS.get(verb, "done") if code not in (202, 204) else "done"
    getattr(frame, body).SetInParent()
    if body not in ("done", "pong"):
        told = json.loads(text)
        if verb == "get_child_spec":
            told["reply"] = told.pop("spec")
        checked_fill(getattr(frame, body), told)
    return frame


# --- Sessions -------------------------------------------------------------------------------------


class HttpFace:
    name = "http"

    def open(self, server: Any, _: str) -> HttpSession:
        return HttpSession(server.http)

    def end(self) -> None:
        pass


class HttpSession(Session):
    """Connections to one server. Threads that wait for answers put what to do with them into the inbox."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__()
        self._address = address
        self._idle: list[http.client.HTTPConnection] = [self._connection()]
        self._streams: dict[int, Stream] = {}
        self._numbers = itertools.count(1)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closed = False

    def _connection(self) -> http.client.HTTPConnection:
        """One that the server has seen: what is written to it next is read in its turn."""
        connection = http.client.HTTPConnection(*self._address, timeout=self.patience_s)
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        return connection

    def submit(self, verb: str, message: Any) -> int:
        number = next(self._numbers)
        if verb == "unwatch":
            stream = self._streams.pop(message.ref, None)
            if stream is not None:
                stream.close()
            self._answers[number] = wire.pb.ServerFrame(done=wire.pb.Done())
            return number
        method, target, body = request_of(verb, message)
        try:
            connection = self._idle.pop() if self._idle else self._connection()
            fields = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, target, None if body is None else json.dumps(body), fields)
        except OSError as error:
            raise wire.ConnectionEnded(str(error)) from error
        if verb == "watch":
            self._watch(number, connection)
        else:
            threading.Thread(target=self._read, args=(number, verb, connection), daemon=True).start()
        return number

    def _read(self, number: int, verb: str, connection: http.client.HTTPConnection) -> None:
        try:
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            ended = wire.ConnectionEnded(f"{type(error).__name__}: {error}")
            self._inbox.put(lambda: self._answers.update({number: ended}))
            return

        def take() -> None:
            self._answers[number] = frame_of(verb, answer.status, text)
            if self._closed or answer.will_close:
                connection.close()
            else:
                self._idle.append(connection)
        self._inbox.put(take)

    def _watch(self, number: int, connection: http.client.HTTPConnection) -> None:
        """A stream is named by the number of its request."""
        sock = connection.sock  # which the connection forgets once an answer has no end
        answer = connection.getresponse()
        if answer.status != 200:
            self._answers[number] = frame_of("watch", answer.status, answer.read())
            self._idle.append(connection)
            return
        self._answers[number] = wire.pb.ServerFrame(watching=wire.pb.Watching(ref=number))
        self._streams[number] = Stream(sock, answer, lambda kind, told: self._tell(number, kind, told))

    def _tell(self, ref: int, kind: str, told: Plain) -> None:
        def take() -> None:
            if ref in self._streams:
                frame = wire.pb.ServerFrame()
                body = getattr(frame.event, kind)
                checked_fill(body, told)
                body.ref = ref
                self.pushed.append(frame)
        self._inbox.put(take)

    def close(self) -> None:
        self._closed = True
        for stream in self._streams.values():
            stream.close()
        for connection in self._idle:
            connection.close()

    def _take(self, timeout_s: float) -> bool:
        try:
            take = self._inbox.get(timeout=max(timeout_s, 0.001))
        except queue.Empty:
            return False
        take()
        return True


class Stream:
    """Server-Sent Events of one response."""

    def __init__(self, sock: Any, answer: Any, on_event: Callable[[str, Plain], None]) -> None:
        self._socket = sock
        self._answer = answer
        self._on_event = on_event
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        kind = ""
        try:
            for line in self._answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    self._on_event(kind, json.loads(value))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            return  # it is over

    def close(self) -> None:
        try:
            self._socket.shutdown(2)
        except OSError:
            pass  # the server was first
