"""HTTP from outside: every route once, every kind of bad input, streams of events, bounds, who may ask."""
from __future__ import annotations

import base64
import http.client
import json
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any, Optional
from urllib.parse import quote

import jsonschema

from case_registry import Settings, case
from server_process import Server, check, check_equal, eventually

JSON = "application/json"
SPEC = {"children": [{"id": "one", "start": {"behaviour": "counter", "argument": 1}}]}


class Answer:
    def __init__(self, code: int, fields: dict[str, str], body: bytes) -> None:
        self.code, self.fields, self.body = code, fields, body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.code} {self.fields} {self.body[:500]!r}"


def ask(server: Server, method: str, path: str, body: Any = None, **fields: str) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(*server.http, timeout=20)
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    text = None if body is None else body if isinstance(body, (bytes, str)) else json.dumps(body)
    if text is not None:
        headers.setdefault("Content-Type", JSON)
    try:
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def expect(server: Server, code: int, method: str, path: str, body: Any = None, **fields: str) -> Answer:
    answer = ask(server, method, path, body, **fields)
    check(answer.code == code, f"{method} {path}: {answer} instead of {code}")
    if code >= 400 and method != "HEAD":
        check_equal(answer.fields.get("content-type"), "application/problem+json", f"type of {path}")
        check_equal(answer.json["status"], code, "status of the problem")
        check({"type", "title", "name", "detail", "retryable"} <= set(answer.json), f"problem {answer}")
    return answer


def raw(server: Server, data: bytes, timeout_s: float = 5.0) -> tuple[bytes, bool]:
    """What comes back until the server closes, or is silent for a while; and whether it has closed."""
    with socket.create_connection(server.http, timeout=timeout_s) as plain:
        plain.sendall(data)
        text = b""
        plain.settimeout(1.0)
        try:
            while piece := plain.recv(65536):
                text += piece
        except socket.timeout:
            return text, False
        except ConnectionResetError:
            pass
        return text, True


class Stream:
    """A stream of Server-Sent Events."""

    def __init__(self, server: Server, path: str, **fields: str) -> None:
        self.plain = socket.create_connection(server.http, timeout=10)
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        self.plain.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode())
        self.text = b""
        self.head = self._until(b"\r\n\r\n").decode()

    def _until(self, end: bytes) -> bytes:
        while end not in self.text:
            piece = self.plain.recv(65536)
            check(piece, f"the stream has ended after {self.text!r}")
            self.text += piece
        found, _, self.text = self.text.partition(end)
        return found

    def next(self) -> tuple[str, str, Any]:
        """Kind, id and data of the next event; heartbeats are passed over."""
        while True:
            lines = dict(line.split(": ", 1) for line in self._until(b"\n\n").decode().split("\n") if ": " in line)
            if "event" in lines:
                return lines["event"], lines.get("id", ""), json.loads(lines["data"])

    def close(self) -> None:
        self.plain.close()


# --- Every route ---

class Walk:
    """Asks, notes which routes were asked, and holds what is sent and what comes against the description."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.description = expect(server, 200, "GET", "/openapi.json").json
        paths = self.description["paths"]
        self.left = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        self.patterns = {route: re.compile(re.sub(r"\{\w+\}", "[^/]+", route[1])) for route in self.left}

    def __call__(self, code: int, method: str, path: str, body: Any = None, **fields: str) -> Answer:
        answer = expect(self.server, code, method, path, body, **fields)
        operation = self.note(method, path)
        if operation is not None:
            self.hold_against(operation, code, answer, body)
        return answer

    def note(self, method: str, path: str) -> Optional[dict[str, Any]]:
        fits = [route for route, pattern in self.patterns.items()
                if route[0] == method and pattern.fullmatch(path.partition("?")[0])]
        self.left -= set(fits)
        return self.description["paths"][fits[0][1]][method.lower()] if fits else None

    def hold_against(self, operation: dict[str, Any], code: int, answer: Answer, body: Any) -> None:
        responses = operation["responses"]
        check(str(code) in responses or (code >= 400 and "default" in responses), f"{code} is not described: {answer}")
        described = responses.get(str(code), responses.get("default"))
        for kind, content in described.get("content", {}).items():
            if kind.endswith("json"):
                self.validate(answer.json, content["schema"])
        if code < 300 and body is not None:
            self.validate(body, operation["requestBody"]["content"][JSON]["schema"])

    def validate(self, value: Any, schema: dict[str, Any]) -> None:
        try:
            jsonschema.Draft202012Validator({**schema, "components": self.description["components"]}).validate(value)
        except jsonschema.ValidationError as error:
            check(False, f"{json.dumps(value)[:1000]} is not as described: {error.message} at {list(error.path)}")


def walk_actors(walk: Walk) -> None:
    started = walk(201, "POST", "/v1/actors", {"name": "a b/c?", "behaviour": "counter", "argument": 5,
                                               "restart": "permanent", "intensity": {"restarts": 9, "period_ms": 1000}})
    check_equal(started.fields["location"], "/v1/actors/a%20b%2Fc%3F", "where the new one is")
    actor = started.fields["location"]
    by_id = f"/v1/actors/@{started.json['incarnation']}"
    check_equal(walk(200, "POST", f"{actor}/call", {"message": ["add", 3], "deadline_ms": 2000}).json, {"reply": 8}, "reply")
    check_equal(walk(200, "POST", f"{by_id}/call", {"message": "state"}).json, {"reply": 8}, "reply by id")
    check_equal(walk(202, "POST", f"{actor}/cast", {"message": "inc"}).body, b"", "body of a 202")
    walk(202, "POST", f"{actor}/send", {"message": "inc"})
    eventually(lambda: walk(200, "GET", actor).json["state"] == 10, "the cast and the send count")
    check_equal(walk(200, "GET", f"{actor}/incarnation").json["incarnation"], started.json["incarnation"], "incarnation")
    state = walk(200, "GET", f"{actor}/state")
    check_equal(state.fields["etag"], f'"{state.json["unit"]}.{state.json["version"]}"', "ETag")
    walk(304, "GET", f"{actor}/state", If_None_Match=state.fields["etag"])
    walk(501, "PUT", f"{actor}/state", {"state": 78}, If_Match='"1.1"')
    walk(204, "PUT", f"{actor}/state", {"state": 77})
    walk(200, "GET", f"{actor}/state", If_None_Match=state.fields["etag"])
    kept = walk(200, "GET", f"{actor}/generations").json
    check_equal([len(kept["generations"]), kept["kept"]], [2, 2], "generations")
    older = kept["generations"][1]["version"]
    check_equal(walk(200, "GET", f"{actor}/state?version={older}").json["state"], 10, "the older state")
    walk(204, "POST", f"{actor}/restore", {"version": older})
    check_equal(walk(200, "POST", f"{actor}/call", {"message": "state"}).json["reply"], 10, "the restored state")
    walk(204, "POST", f"{actor}/suspend")
    walk(204, "POST", f"{actor}/resume", {})
    walk(204, "POST", f"{actor}/kill")
    eventually(lambda: walk(200, "GET", actor).json["status"] == "running", "it is back")
    walk(500, "POST", f"{actor}/call", {"message": "raise"})
    listed = walk(200, "GET", "/v1/actors?prefix=a&behaviour=counter&limit=5").json
    check_equal([found["name"] for found in listed["actors"]], ["a b/c?"], "the list")
    check_equal(walk(200, "GET", "/v1/actors?behaviour=cache").json["actors"], [], "the filtered list")
    walk(200, "HEAD", actor)
    walk(204, "DELETE", f"{actor}?reason=%22enough%22&timeout_ms=2000")


def walk_tables(walk: Walk) -> None:
    walk(201, "POST", "/v1/actors", {"name": "t", "behaviour": "probe"})
    walk(200, "POST", "/v1/actors/t/call", {"message": [["table", "o", 1], ["table_put", "o", "k", 1],
                                                        ["table_put", "o", "l", 2], ["dict_put", "d", 3], ["reply", 0]]})
    check_equal([table["name"] for table in walk(200, "GET", "/v1/actors/t/tables").json["tables"]], ["", "o"], "tables")
    page = walk(200, "GET", "/v1/actors/t/tables/o?limit=1").json
    check_equal(page, {"rows": [{"key": "k", "value": 1}], "next": '"k"'}, "the first page")
    page = walk(200, "GET", f"/v1/actors/t/tables/o?limit=1&from={quote(page['next'])}").json
    check_equal(page["rows"], [{"key": "l", "value": 2}], "the second")
    check_equal(walk(200, "GET", "/v1/actors/t/dictionary").json["rows"], [{"key": "d", "value": 3}], "the dictionary")
    walk(404, "GET", "/v1/actors/t/tables/x")


def walk_supervisors(walk: Walk) -> None:
    check_equal(walk(201, "POST", "/v1/supervisors", {"name": "s", "spec": SPEC}).fields["location"],
                "/v1/supervisors/s", "where it is")
    walk(201, "POST", "/v1/supervisors", {"name": "s2", "spec": {}})
    walk(204, "POST", "/v1/specs/check", {"specs": SPEC["children"]})
    walk(422, "POST", "/v1/specs/check", {"specs": [{"id": "x"}]})
    walk(201, "POST", "/v1/supervisors/s/children", {"spec": {"id": "two", "start": {"behaviour": "counter", "name": "two"}}})
    children = walk(200, "GET", "/v1/supervisors/s/children").json["children"]
    check_equal([child["id"] for child in children], ["two", "one"], "children")
    check_equal(walk(200, "GET", "/v1/supervisors/s/children/one").json["spec"]["id"], "one", "a spec")
    check_equal(walk(200, "GET", "/v1/supervisors/s/counts").json,
                {"specs": 2, "active": 2, "supervisors": 0, "workers": 2}, "counts")
    walk(409, "DELETE", "/v1/supervisors/s/children/one")
    walk(204, "POST", "/v1/supervisors/s/children/one/terminate")
    walk(200, "POST", "/v1/supervisors/s/children/one/restart")
    walk(204, "POST", "/v1/supervisors/s/children/one/terminate", {"timeout_ms": 2000})
    walk(204, "DELETE", "/v1/supervisors/s/children/one")
    walk(204, "POST", "/v1/supervisors/s/change", {"spec": {**SPEC, "intensity": 9}})
    prepared = walk(200, "POST", "/v1/actors/two/transfer/prepare", {"target": "s2"}).json
    walk(200, "POST", f"/v1/transfers/{prepared['handle']}/commit")
    walk(409, "POST", f"/v1/transfers/{prepared['handle']}/commit")
    eventually(lambda: walk(200, "GET", "/v1/actors/two").json["status"] == "running", "it has moved")
    walk(200, "POST", "/v1/actors/two/transfer", {"target": "s", "source": "s2"})
    check(walk(200, "GET", "/v1/supervisors/s").json["is_supervisor"], "it is one")
    check("s" in [child["name"] for child in walk(200, "GET", "/v1/supervisors").json["children"]], "roots")
    walk(204, "DELETE", "/v1/supervisors/s")


def walk_code_and_crashes(walk: Walk) -> None:
    lua = b"return { init = function() return 'ok', 1 end, handle_call = function(m, f, s) return 'reply', s, s end }"
    report = walk(200, "PUT", "/v1/behaviours/fresh.lua", {"content": base64.b64encode(lua).decode()}).json
    check_equal(report["behaviour"], "fresh", "what was deployed")
    check("fresh" in [one["name"] for one in walk(200, "GET", "/v1/behaviours").json["behaviours"]], "it is listed")
    walk(200, "POST", "/v1/behaviours/fresh/upgrade",
         {"file": "fresh.lua", "content": base64.b64encode(lua).decode(), "dry_run": True})
    walk(201, "POST", "/v1/actors", {"name": "frail", "behaviour": "counter"})
    problem = walk(500, "POST", "/v1/actors/frail/call", {"message": "raise"}).json
    check_equal([problem["name"], problem["kind"], problem["reason"]], ["CRASHED", "raise", "boom"], "problem")
    crash = walk(200, "GET", "/v1/crashes?name=frail&kind=raise").json["crashes"][0]["crash"]
    check_equal(walk(200, "GET", f"/v1/crashes/{crash}").json["payload"], "raise", "the message")
    walk(500, "POST", f"/v1/crashes/{crash}/redrive", {"timeout_ms": 2000})
    walk(204, "DELETE", f"/v1/crashes/{crash}")
    walk(404, "GET", f"/v1/crashes/{crash}")


def walk_server(walk: Walk) -> None:
    hosts = walk(200, "GET", "/v1/hosts").json["hosts"]
    check("active" in [host["state"] for host in hosts], f"no host is active: {hosts}")
    check(walk(200, "GET", "/v1/workers").json["workers"], "there are no workers")
    check(walk(200, "GET", "/v1/mirror").json["units"] > 0, "the mirror is empty")
    for path in ("/v1/listeners", "/v1/ping", "/healthz", "/readyz", "/openapi.json", "/metrics"):
        walk(200, "GET", path)
    check(walk(200, "GET", "/v1/server").json["ready"], "it is not ready")
    for path in ("/v1/actors/frail/watch", "/v1/watch", "/v1/actors/frail/monitor"):
        check_equal(walk(200, "HEAD", path).fields["content-type"], "text/event-stream", "type of a stream")
        stream = Stream(walk.server, path)
        check("text/event-stream" in stream.head and " 200 " in stream.head, f"{path}: {stream.head}")
        stream.close()
        walk.note("GET", path)


@case("http: every route answers, and as the description says")
def every_route(settings: Settings) -> None:
    with Server(settings.build, log_name="http-routes") as server:
        walk = Walk(server)
        walk_actors(walk)
        walk_tables(walk)
        walk_supervisors(walk)
        walk_code_and_crashes(walk)
        walk_server(walk)
        check(not walk.left, f"routes that were not asked: {walk.left}")


# --- Bad input ---

HEAD = b"POST /v1/actors/h/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"message":"inc"}'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
# What is refused with the connection closed: name, bytes, code.
MALFORMED: list[tuple[str, bytes, int]] = [
    ("two Content-Lengths", HEAD + b"Content-Length: 17\r\nContent-Length: 17\r\n\r\n" + BODY, 400),
    ("Content-Length and chunks", HEAD + b"Content-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY, 400),
    ("chunks and Content-Length", CHUNKED[:-2] + b"Content-Length: 17\r\n\r\n" + BODY, 400),
    ("another coding", HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("a folded field", GET + b"A: b\r\n c\r\n\r\n", 400),
    ("a bare LF", b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 400),
    ("a bare LF in a field", GET + b"A: b\n\r\n", 400),
    ("a bare CR", GET + b"A: b\rc\r\n\r\n", 400),
    ("NUL in a field", GET + b"A: \0\r\n\r\n", 400),
    ("NUL in the target", b"GET /health\0z HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("NUL encoded", b"GET /v1/actors/a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a space before the colon", GET + b"A : b\r\n\r\n", 400),
    ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", GET + b"Host: localhost\r\n\r\n", 400),
    ("a length with a sign", HEAD + b"Content-Length: +17\r\n\r\n" + BODY, 400),
    ("a length that is none", HEAD + b"Content-Length: 0x11\r\n\r\n" + BODY, 400),
    ("a huge length", HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    ("a body over the limit", HEAD + b"Content-Length: 4194305\r\n\r\n", 413),
    ("chunks over the limit", CHUNKED + b"400001\r\n", 413),
    ("a chunk with a prefix", CHUNKED + b"0x11\r\n" + BODY, 400),
    ("a chunk with a sign", CHUNKED + b"-11\r\n" + BODY, 400),
    ("a chunk of many digits", CHUNKED + b"000000011\r\n" + BODY, 400),
    ("a chunk with an extension", CHUNKED + b"11;a=b\r\n" + BODY, 400),
    ("a chunk with a bare LF", CHUNKED + b"11\n" + BODY, 400),
    ("a chunk that is longer", CHUNKED + b"3\r\n" + BODY, 400),
    ("trailers", CHUNKED + b"0\r\nHost: x\r\n\r\n", 400),
    ("..", b"GET /v1/actors/../actors HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (".. encoded", b"GET /v1/actors/%2e%2E HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (".. encoded twice", b"GET /v1/actors/%252e%252e HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (".. behind an encoded slash", b"GET /v1/actors/a%2f..%2fb HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("a bad percent", b"GET /v1/actors/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32, 400),
    ("a head over the limit", GET + b"A: " + b"a" * 20000, 431),
    ("65 fields", GET + b"A: b\r\n" * 65 + b"\r\n", 431),
    ("a target over the limit", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    ("a body where none is taken", b"DELETE /v1/actors/h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", 400),
    ("another type", HEAD.replace(JSON.encode(), b"text/plain") + b"Content-Length: 17\r\n\r\n" + BODY, 415),
]


@case("http: what two readers could understand differently is refused, and the connection closed")
def malformed(settings: Settings) -> None:
    smuggled = b"DELETE /v1/actors/h HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Server(settings.build, log_name="http-malformed") as server:
        expect(server, 201, "POST", "/v1/actors", {"name": "h", "behaviour": "counter"})
        for name, data, code in MALFORMED:
            answer, closed = raw(server, data + smuggled)
            codes = [int(found) for found in re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.M)]
            check_equal(codes, [code], f"answers to {name} ({answer[:300]!r})")
            check(closed, f"the connection stays open after {name}")
            check(b"Connection: close" in answer, f"{name} does not say that it closes")
        check_equal(expect(server, 200, "GET", "/v1/actors/h/state").json["state"], 0, "nothing of it was run")


@case("http: wrong requests are told what is wrong, and the connection lives on")
def wrong_requests(settings: Settings) -> None:
    with Server(settings.build, log_name="http-wrong") as server:
        expect(server, 201, "POST", "/v1/actors", {"name": "h", "behaviour": "counter"})
        expect(server, 404, "GET", "/v1/nothing")
        expect(server, 404, "GET", "/v1/actors/h/call/x")
        check_equal(expect(server, 405, "PATCH", "/v1/actors/h").fields["allow"], "GET, HEAD, DELETE", "Allow")
        check_equal(expect(server, 405, "GET", "/v1/actors/h/call").fields["allow"], "POST", "Allow")
        bad = expect(server, 400, "POST", "/v1/actors/h/call", b'{"message": 1,\n "x" }').json
        check_equal([bad["line"], bad["column"] > 0, bad["position"] > 0], [2, True, True], "position")
        for body in (b"[1]", b"1", b'"x"', b"null"):
            expect(server, 422, "POST", "/v1/actors/h/call", body)
        for body, field in (
                ({}, "message"), ({"message": 1, "mesage": 2}, "mesage"), ({"message": 1, "deadline_ms": "5"}, "deadline_ms"),
                ({"message": 1, "deadline_ms": -5}, "deadline_ms"), ({"message": 1, "deadline_ms": 2**32}, "deadline_ms"),
                ({"message": {"$bytes": "%%%"}}, "message")):
            check_equal(expect(server, 422, "POST", "/v1/actors/h/call", body).json["field"], field, f"field of {body}")
        for body, field in (({"name": 5, "behaviour": "counter"}, "name"), ({"behaviour": "counter", "restart": "x"}, "restart"),
                            ({"behaviour": "counter", "link": True}, "link"),
                            ({"behaviour": "counter", "intensity": {"restart": 1}}, "intensity.restart")):
            check_equal(expect(server, 422, "POST", "/v1/actors", body).json["field"], field, f"field of {body}")
        expect(server, 400, "POST", "/v1/actors/h/call", b'{"message": 1, "message": 2}')
        expect(server, 400, "POST", "/v1/actors/h/call", b'{"message": 99999999999999999999}')
        deep = b'{"message": ' + b"[" * 70 + b"]" * 70 + b"}"
        expect(server, 422, "POST", "/v1/actors/h/call", deep)
        expect(server, 400, "POST", "/v1/actors/h/call", b'{"message": ' + b"[" * 5000 + b"]" * 5000 + b"}")
        for query in ("limit=0", "limit=1001", "limit=x", "limit=-1", "nothing=1", "cursor=x", "limit=1&limit=2"):
            expect(server, 400, "GET", f"/v1/actors?{query}")
        expect(server, 400, "GET", "/v1/actors/@x")
        expect(server, 404, "GET", "/v1/actors/@999")
        check_equal(expect(server, 404, "POST", "/v1/actors/nobody/call", {"message": 1}).json["name"], "NOPROC", "name")
        check_equal(expect(server, 409, "POST", "/v1/actors", {"name": "h", "behaviour": "counter"}).json["name"],
                    "ALREADY_STARTED", "name")
        expect(server, 400, "GET", f"/v1/actors/{'n' * 256}")
        data = (b"GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n" + GET + b"\r\n") * 3
        answer, closed = raw(server, data)
        check_equal(re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.M), [b"404", b"200"] * 3, "answers of one connection")
        check(not closed, "the connection has gone")


@case("http: values come back as they went, 64 bits and bytes too")
def values(settings: Settings) -> None:
    with Server(settings.build, log_name="http-values") as server:
        expect(server, 201, "POST", "/v1/actors", {"name": "p", "behaviour": "probe"})
        for value in (None, True, 0, -2**63, 2**63 - 1, 9007199254740993, 0.1, -1e300, "", "ü\0\u2028", [], {}, [[1], {"a": [None]}],
                      {"$bytes": "AP8="}, {"$bytes": ""}, "NaN"):
            body = json.dumps({"message": ["reply", value]})
            check_equal(expect(server, 200, "POST", "/v1/actors/p/call", body).json, {"reply": value}, "value")
        body = json.dumps({"message": ["reply", "x" * 3_000_000]})
        check_equal(len(expect(server, 200, "POST", "/v1/actors/p/call", body).json["reply"]), 3_000_000, "bytes")
        parts = (b'{"mes', b'sage": ["reply", "chunks"]}', b"")
        text = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        answer, _ = raw(server, CHUNKED.replace(b"/h/", b"/p/") + text)
        check(b'"chunks"' in answer, f"{answer!r}")


# --- Time and bounds ---

@case("http: a request that comes a byte at a time is cut at its deadline")
def slow_request(settings: Settings) -> None:
    with Server(settings.build, ["--http-request-ms", "1500"], log_name="http-slow") as server:
        for data in (GET + b"A: " + b"a" * 500, HEAD + b"Content-Length: 400\r\n\r\n" + b" " * 400):
            with socket.create_connection(server.http, timeout=5) as plain:
                began = time.monotonic()
                text = send_slowly(plain, data)
                took = time.monotonic() - began
                check(1.3 < took < 3.5, f"cut after {took:.1f} s")
                check(text.startswith(b"HTTP/1.1 408 "), f"{text[:200]!r}")
        with socket.create_connection(server.http, timeout=5) as idle:
            check_equal(idle.recv(1), b"", "what comes on a connection that asks nothing")


def send_slowly(plain: socket.socket, data: bytes) -> bytes:
    """Sends byte after byte until something comes back."""
    plain.settimeout(0.02)
    for at in range(len(data)):
        try:
            plain.sendall(data[at : at + 1])
            return plain.recv(65536)
        except socket.timeout:
            continue
    return b""


@case("http: connections and streams over the limit are told so")
def bounds(settings: Settings) -> None:
    options = ["--http-connections-max", "6", "--http-streams-max", "2", "--http-body-bytes-max", "2000"]
    with Server(settings.build, options, log_name="http-bounds") as server:
        expect(server, 201, "POST", "/v1/actors", {"name": "h", "behaviour": "counter"})
        streams = [Stream(server, "/v1/actors/h/watch") for _ in range(2)]
        check_equal(expect(server, 503, "GET", "/v1/watch").json["name"], "OVERLOADED", "a third stream")
        expect(server, 413, "POST", "/v1/actors/h/call", {"message": "x" * 2000})
        idle = [socket.create_connection(server.http) for _ in range(4)]
        for plain in idle:
            plain.sendall(GET + b"\r\n")
            check(plain.recv(100).startswith(b"HTTP/1.1 200"), "a connection within the limit")
        answer, closed = raw(server, b"")
        check(answer.startswith(b"HTTP/1.1 503 ") and closed, f"one more connection: {answer[:100]!r}")
        for plain in idle:
            plain.close()
        for stream in streams:
            stream.close()
        eventually(lambda: ask(server, "GET", "/healthz").code == 200, "there is room again")
        eventually(lambda: "peeper_watches 0" in server.get("/metrics")[1], "the watches are given up")


# --- Who may ask ---

@case("http: with a token everything but health asks for it")
def token(settings: Settings) -> None:
    with Server(settings.build, ["--token", "s3cret"], log_name="http-token") as server:
        for path in ("/healthz", "/readyz"):
            expect(server, 200, "GET", path)
        for path in ("/v1/actors", "/metrics", "/openapi.json", "/nothing"):
            for fields in ({}, {"Authorization": "Bearer s3creT"}, {"Authorization": "Bearer s3cret1"},
                           {"Authorization": "Bearer "}, {"Authorization": "Basic s3cret"}, {"Authorization": "s3cret"}):
                answer = expect(server, 401, "GET", path, **fields)
                check(answer.fields["www-authenticate"].startswith("Bearer"), "WWW-Authenticate")
        expect(server, 401, "POST", "/v1/actors", {"name": "x", "behaviour": "counter"})
        expect(server, 200, "GET", "/v1/actors", Authorization="Bearer s3cret")
        # Whoever has the token may come by any name.
        expect(server, 200, "GET", "/v1/actors", Authorization="bearer s3cret", Host="peeper.example:80")


@case("http: without a token only this machine's names, and no foreign web page, are let in")
def browsers(settings: Settings) -> None:
    with Server(settings.build, log_name="http-browsers") as server:
        port = server.http[1]
        for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", "127.8.9.1", f"[::1]:{port}"):
            expect(server, 200, "GET", "/v1/actors", Host=host)
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil", "10.0.0.1", ""):
            expect(server, 421, "GET", "/v1/actors", Host=host)
        body = {"name": "x", "behaviour": "counter"}
        for origin in ("http://evil.example", "null", "http://localhost", f"http://localhost:{port}.evil"):
            expect(server, 403, "POST", "/v1/actors", body, Host=f"localhost:{port}", Origin=origin)
        expect(server, 201, "POST", "/v1/actors", body, Host=f"localhost:{port}", Origin=f"http://localhost:{port}")
        expect(server, 403, "DELETE", "/v1/actors/x", Host=f"localhost:{port}", Origin="http://evil.example")
        expect(server, 415, "POST", "/v1/actors/x/call", b'{"message":1}', Content_Type="text/plain")
        expect(server, 200, "POST", "/v1/actors/x/call", b'{"message":"inc"}', Content_Type="Application/JSON; charset=utf-8")


# --- Streams ---

@case("http: a stream of changes goes on after the last event that was seen")
def resumes(settings: Settings) -> None:
    with Server(settings.build, ["--generations", "8", "--http-heartbeat-ms", "200"], log_name="http-resume") as server:
        unit = expect(server, 201, "POST", "/v1/actors", {"name": "h", "behaviour": "counter", "generations": 8}).json["unit"]
        stream = Stream(server, "/v1/actors/h/watch?with_old=true")
        for n in range(3):
            expect(server, 200, "POST", "/v1/actors/h/call", {"message": "inc"})
        told = [stream.next() for _ in range(3)]
        check_equal([(kind, number, data["value"], data["old"]) for kind, number, data in told],
                    [("changed", f"{unit}.{n + 2}", n + 1, n) for n in range(3)], "events")
        stream._until(b":\n\n")
        stream.close()
        for n in range(3):
            expect(server, 200, "POST", "/v1/actors/h/call", {"message": "inc"})
        for last in (told[-1][1], told[-1][1].split(".")[1]):
            again = Stream(server, "/v1/actors/h/watch", Last_Event_ID=last)
            check_equal([again.next()[2]["value"] for _ in range(3)], [4, 5, 6], f"what was missed after {last}")
            again.close()
        for n in range(9):
            expect(server, 200, "POST", "/v1/actors/h/call", {"message": "inc"})
        late = Stream(server, "/v1/actors/h/watch", Last_Event_ID=told[0][1])
        kind, _, gap = late.next()
        check_equal([kind, gap["first_version"]], ["gap", 3], "what is told of what is gone")
        check_equal(late.next()[2]["version"], gap["last_version"] + 1, "what follows the gap")
        late.close()


@case("http: two streams and a client of the protocol see the same changes")
def two_clients(settings: Settings) -> None:
    with Server(settings.build, log_name="http-two") as server:
        with server.client() as client:
            client.start("h1", "counter")
            streams = [Stream(server, "/v1/actors/h1/watch"), Stream(server, "/v1/watch?prefix=h")]
            end = Stream(server, "/v1/actors/h1/monitor")
            threads = [threading.Thread(target=lambda: [ask(server, "POST", "/v1/actors/h1/call", {"message": "inc"})
                                                        for _ in range(50)]) for _ in range(2)]
            for thread in threads:
                thread.start()
            for _ in range(50):
                client.call("h1", "inc")
            for thread in threads:
                thread.join()
            for stream in streams:
                check_equal([stream.next()[2]["value"] for _ in range(150)], list(range(1, 151)), "changes in order")
            expect(server, 204, "DELETE", "/v1/actors/h1?reason=%22done%22")
            for stream in streams:
                kind, _, data = stream.next()
                check_equal([kind, data["reason"], data["value"]], ["ended", "done", 150], "the end")
                stream.close()
            kind, _, data = end.next()
            check_equal([kind, data["reason"], end.plain.recv(10)], ["down", "done", b""], "the end of the incarnation")


@case("http: a stream that is not read is interrupted, holds up nobody and misses nothing that is kept")
def slow_reader(settings: Settings) -> None:
    options = ["--http-stream-bytes-max", "65536"]
    with Server(settings.build, options, log_name="http-slow-reader") as server:
        expect(server, 201, "POST", "/v1/actors", {"name": "big", "behaviour": "probe"})
        slow, slow_all = Stream(server, "/v1/actors/big/watch"), Stream(server, "/v1/watch?prefix=b")
        quick = Stream(server, "/v1/actors/big/watch")
        last = ""
        for n in range(300):
            last = f"{n:05}" + "x" * 30000
            expect(server, 200, "POST", "/v1/actors/big/call", {"message": [["set", last], ["reply", n]]})
            check_equal(quick.next()[2]["value"], last, "what the quick one gets")
        check("peeper_http_stream_pauses_total 2" in server.get("/metrics")[1], "they are paused")
        kinds, seen = [], []
        while not seen or seen[-1] != last:
            kind, _, data = slow.next()
            kinds.append(kind)
            seen += [data["value"]] if kind == "changed" else []
        check("gap" in kinds and seen == sorted(seen) and len(seen) == len(set(seen)), f"{kinds}")
        kind = ""
        while kind != "gap":
            kind, _, data = slow_all.next()
        check_equal(data["name"], "", "whose changes they were is not known")
        for stream in (slow, slow_all, quick):
            stream.close()


@case("http: calls of many connections at once are each answered with their own")
def many_at_once(settings: Settings) -> None:
    with Server(settings.build, log_name="http-many") as server:
        expect(server, 201, "POST", "/v1/actors", {"name": "p", "behaviour": "probe"})
        wrong: list[Any] = []

        def run(first: int) -> None:
            connection = http.client.HTTPConnection(*server.http, timeout=20)
            for number in range(first, first + 100):
                connection.request("POST", "/v1/actors/p/call", json.dumps({"message": ["reply", number]}),
                                   {"Content-Type": JSON})
                reply = json.loads(connection.getresponse().read())
                if reply != {"reply": number}:
                    wrong.append((number, reply))
            connection.close()

        threads = [threading.Thread(target=run, args=(1000 * index,)) for index in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not wrong, f"answers of others: {wrong[:5]}")


@case("http: /metrics is what promtool, and /readyz what a load balancer, expects")
def metrics_and_readiness(settings: Settings) -> None:
    with Server(settings.build, log_name="http-metrics") as server:
        classic = ask(server, "GET", "/metrics", Accept="text/plain")
        found = subprocess.run(["promtool", "check", "metrics"], input=classic.body, capture_output=True)
        check(found.returncode == 0, f"promtool: {found}")
        for accept in ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "*/*"):
            modern = ask(server, "GET", "/metrics", Accept=accept)
            check(modern.fields["content-type"].startswith("application/openmetrics-text; version=1.0.0"), "its type")
            check(modern.body.endswith(b"\n# EOF\n"), "its end")
        check_equal(ask(server, "GET", "/readyz").json, {"status": "ok"}, "ready")


@case("http: /readyz says no, and everything else goes on, while the tree of a server is stopped")
def readiness_at_the_end(settings: Settings) -> None:
    spec = {"name": "tree", "children": [{"id": "p", "start": {"behaviour": "probe", "name": "p"}, "shutdown": 5000}]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as tree:
        json.dump(spec, tree)
        tree.flush()
        with Server(settings.build, ["--tree", tree.name], log_name="http-end") as server:
            expect(server, 200, "POST", "/v1/actors/p/call", {"message": [["on_terminate", [["sleep", 1500]]], ["reply", 0]]})
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: ask(server, "GET", "/readyz").code == 503, "it is not ready any more")
            check_equal(ask(server, "GET", "/readyz").json, {"status": "the server is going down"}, "why")
            expect(server, 200, "GET", "/healthz")
            expect(server, 200, "GET", "/v1/actors/p")


def curl(server: Server, *arguments: str, text: Optional[str] = None) -> str:
    done = subprocess.run(["curl", "-sS", "-m", "10", *arguments], capture_output=True, text=True, input=text)
    check(done.returncode == 0, f"curl {arguments}: {done}")
    return done.stdout


@case("http: curl as people use it: Expect, HTTP/1.0, keep-alive, a file")
def curl_uses(settings: Settings) -> None:
    with Server(settings.build, log_name="http-curl") as server:
        base = f"http://{server.http[0]}:{server.http[1]}/v1/actors"
        check('"name": "c"' in curl(server, base, "--json", '{"name":"c","behaviour":"counter"}'), "start")
        call = [f"{base}/{quote('c')}/call", "-H", f"Content-Type: {JSON}"]
        for extra in (["-0"], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"], []):
            check('"reply"' in curl(server, *call, *extra, "-d", '{"message":"inc"}'), f"call {extra}")
        check_equal(curl(server, *call, "-d", "@-", text='{"message":"state"}'), '{\n  "reply": 4\n}\n', "the count")
        both = curl(server, "-w", "%{num_connects} ", "-o", "/dev/null", base, "--next", "-w", "%{num_connects}",
                    "-o", "/dev/null", "-sS", base)
        check_equal(both, "1 0", "connections of two requests")
