"""What one step of a YAML case does. cases/README.md describes the steps for those who write cases."""
from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import shlex
import threading
import time
from typing import Any, Callable, Optional

from google.protobuf import json_format

import faces
import peeper_wire as wire
import supervisor_wire
from case_files import CaseFiles
from server_process import Failure, Server, check, check_equal, kill_host

Step = dict[str, Any]
ROUNDS_MAX = 1000  # of a repeat, by other faces than the wire


class World:
    """What the steps of one case share."""

    def __init__(self, server: Server, face: Any = None) -> None:
        self.server = server
        self.face = face or faces.WireFace()
        self.files = CaseFiles()
        self.clients: dict[str, Any] = {}  # sessions of the face, see faces.py
        self.variables: dict[str, Any] = {}
        self.waiting: dict[str, tuple[str, str, int, float]] = {}  # label: client, verb, id, sent at
        self.log_offset = server.log_path.stat().st_size

    def client(self, name: str) -> Any:
        if name not in self.clients:
            self.clients[name] = self.face.open(self.server, name)
        return self.clients[name]

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.clients.clear()
        self.files.remove()


# --- Variables ------------------------------------------------------------------------------------


def look_up(variables: dict[str, Any], path: str) -> Any:
    value: Any = variables
    for part in path.split("."):
        value = value[part]
    return value


def substitute(variables: dict[str, Any], data: Any) -> Any:
    """Replaces "$name" by the saved value and "${name}" inside a text by its text."""
    if isinstance(data, str):
        if re.fullmatch(r"\$[a-z_][a-z_0-9.]*", data):
            return look_up(variables, data[1:])
        return re.sub(r"\$\{([a-z_0-9.]+)\}", lambda m: str(look_up(variables, m[1])), data)
    if isinstance(data, list):
        return [substitute(variables, element) for element in data]
    if isinstance(data, dict):
        return {key: substitute(variables, element) for key, element in data.items()}
    return data


# --- Requests: how to build one, and what its answer is -------------------------------------------


def target(step: Step, verb: str) -> dict[str, Any]:
    return wire.address(step[verb] if step[verb] is not None else "")


def build_start(step: Step) -> Any:
    options = wire.StartOptions(
        timeout_ms=step.get("timeout", 0),
        restart=step.get("restart", "unspecified"),
        isolation=step.get("isolation", "unspecified"),
        listener=step.get("listener", ""),
        on_intensity=step.get("on_intensity", "unspecified"),
        intensity=tuple(step["intensity"]) if "intensity" in step else None,
        mailbox_max=step.get("mailbox_max", 0),
        hibernate_after_ms=step.get("hibernate_after", 0),
        link=step.get("linked", False),
        monitor=step.get("monitored", False),
        trap_exit=step.get("trap_exit", True),
        generations=step.get("generations_kept", 0),
        step_back=step.get("step_back", False),
        keep_tables=step.get("keep_tables"),
    )
    return wire.start_message(step["start"] or "", step["behaviour"], step.get("argument"), options)


def build_call(step: Step) -> Any:
    return wire.pb.Call(**target(step, "call"), payload=payload(step), deadline_ms=step.get("deadline", 0),
                        idempotency_key=key(step))


def build_cast(step: Step) -> Any:
    return wire.pb.Cast(**target(step, "cast"), payload=payload(step), idempotency_key=key(step))


def key(step: Step) -> bytes:
    return str(step.get("key", "")).encode()


def payload(step: Step) -> bytes:
    if "payload_hex" in step:
        return bytes.fromhex(step["payload_hex"])
    if "payload_nested" in step:
        return nested_lists(step["payload_nested"])
    if "payload_zeros" in step:
        return wire.encode_value(bytes(step["payload_zeros"]))
    return wire.encode_value(step.get("message"))


def nested_lists(depth: int) -> bytes:
    """A Value of so many lists in each other, made by hand: the library stops at a depth of its own."""
    value = b""
    for _ in range(depth):
        body = b"\x0a" + wire.encode_varint(len(value)) + value  # ListValue.values
        value = b"\x3a" + wire.encode_varint(len(body)) + body  # Value.list
    return value


def build_stop(step: Step) -> Any:
    reason = wire.encode_value(step["reason_given"]) if "reason_given" in step else b""
    return wire.pb.Stop(**target(step, "stop"), reason=reason, timeout_ms=step.get("timeout", 0))


def build_replace_state(step: Step) -> Any:
    return wire.pb.ReplaceState(**target(step, "replace_state"), state=payload(step), timeout_ms=step.get("timeout", 0))


def build_restore_state(step: Step) -> Any:
    return wire.pb.RestoreState(**target(step, "restore_state"), version=step["version"],
                                timeout_ms=step.get("timeout", 0))


def build_list(step: Step) -> Any:
    return wire.pb.List(prefix=step["list"] or "", limit=step.get("limit", 0))


def build_crashes(step: Step) -> Any:
    return wire.pb.ListCrashes(name=step["crashes"] or "", limit=step.get("limit", 0), cursor=step.get("cursor", 0))


def code_of(step: Step) -> dict[str, Any]:
    """A version of tally, as the file tally.so; or a file of the build's behaviours."""
    if "version" in step:
        path = step["build"].versions / f"tally_{step['version']}.so"
        return {"file": "tally.so", "content": path.read_bytes()}
    if "file" in step:
        return {"file": step["file"], "content": (step["build"].behaviours / step["file"]).read_bytes()}
    return {}


def extra_of(step: Step) -> dict[str, Any]:
    return {"extra": wire.encode_value(step["extra"])} if "extra" in step else {}


def build_deploy(step: Step) -> Any:
    fields = {**code_of(step), **extra_of(step), **step["deploy"]}
    if isinstance(fields.get("content"), str):
        fields["content"] = fields["content"].encode()
    return wire.pb.Deploy(**fields)


def build_upgrade(step: Step) -> Any:
    return wire.pb.Upgrade(behaviour=step["upgrade"], dry_run=step.get("dry_run", False), **code_of(step),
                           **extra_of(step))


def upgraded(frame: Any) -> dict[str, Any]:
    report = frame.upgrade_report
    return {field.name: getattr(report, field.name) for field in report.DESCRIPTOR.fields
            if field.name not in ("refusals", "took_ms")} | {
                "refusals": {refusal.name: refusal.reason for refusal in report.refusals}}


def behaviours(frame: Any) -> dict[str, Any]:
    """By name and version."""
    return {f"{info.name} {info.version}": {"kind": info.kind, "actors": info.actors, "file": info.file,
                                            "current": info.current, "callbacks": list(info.callbacks)}
            for info in frame.behaviour_listing.behaviours}


def build_rows(step: Step) -> Any:
    after = wire.encode_value(step["from"]) if "from" in step else b""
    return wire.pb.ReadTable(**target(step, "rows"), table=step.get("table", ""), prefix=step.get("prefix", ""),
                             limit=step.get("limit", 0), **{"from": after})


def rows_of(frame: Any) -> dict[str, Any]:
    rows = [[wire.decode_value(row.key), wire.decode_value(row.value)] for row in frame.rows.rows]
    return {"rows": rows, "next": wire.decode_value(frame.rows.next) if frame.rows.next else None}


def redriven(frame: Any) -> Any:
    """What a call replied, or "done"."""
    return wire.decode_value(frame.reply.payload) if frame.WhichOneof("body") == "reply" else done(frame)


def started(frame: Any) -> dict[str, Any]:
    answer = frame.started
    return {"id": answer.id, "unit": answer.unit, "name": answer.name, "ignored": answer.ignored,
            "monitor": answer.monitor, "info": wire.decode_value(answer.info) if answer.info else None}


def done(frame: Any) -> str:
    return frame.WhichOneof("body")


@dataclasses.dataclass
class Verb:
    field: str
    build: Callable[[Step], Any]
    answer: Callable[[Any], Any]


VERBS = {
    "start": Verb("start", build_start, started),
    "call": Verb("call", build_call, lambda frame: wire.decode_value(frame.reply.payload)),
    "cast": Verb("cast", build_cast, done),
    "send": Verb("send", lambda s: wire.pb.Send(**target(s, "send"), payload=payload(s)), done),
    "stop": Verb("stop", build_stop, done),
    "kill": Verb("kill", lambda s: wire.pb.Kill(**target(s, "kill")), done),
    "resume": Verb("resume", lambda s: wire.pb.Resume(**target(s, "resume")), done),
    "suspend": Verb("suspend", lambda s: wire.pb.Suspend(**target(s, "suspend")), done),
    "generations": Verb("list_generations", lambda s: wire.pb.ListGenerations(**target(s, "generations")),
                        lambda frame: wire.generations_from(frame.generations)),
    "restore_state": Verb("restore_state", build_restore_state, done),
    "get_state": Verb("get_state", lambda s: wire.pb.GetState(**target(s, "get_state"), version=s.get("version", 0)),
                      lambda frame: wire.decode_value(frame.state.value)),
    "replace_state": Verb("replace_state", build_replace_state, done),
    "whereis": Verb("where_is", lambda s: wire.pb.WhereIs(**target(s, "whereis")),
                    lambda frame: frame.located.id),
    "inspect": Verb("inspect", lambda s: wire.pb.Inspect(**target(s, "inspect")),
                    lambda frame: dataclasses.asdict(wire.info_from(frame.actor_info))),
    "list": Verb("list", build_list, lambda frame: [a.name for a in frame.listing.actors]),
    "monitor": Verb("monitor", lambda s: wire.pb.Monitor(**target(s, "monitor")),
                    lambda frame: frame.monitored.ref),
    "watch": Verb("watch", lambda s: wire.pb.Watch(name=s["watch"], prefix=s.get("prefix", False),
                                                   from_version=s.get("from", 0), with_old=s.get("old", False),
                                                   unit=s.get("unit", 0)),
                  lambda frame: frame.watching.ref),
    "unwatch": Verb("unwatch", lambda s: wire.pb.Unwatch(ref=s["unwatch"]), done),
    "demonitor": Verb("demonitor", lambda s: wire.pb.Demonitor(ref=s["demonitor"], flush=s.get("flush", False)), done),
    "link": Verb("link", lambda s: wire.pb.Link(**target(s, "link")), done),
    "unlink": Verb("unlink", lambda s: wire.pb.Unlink(**target(s, "unlink")), done),
    "crashes": Verb("list_crashes", build_crashes,
                    lambda frame: [wire.crash_from(r) for r in frame.crash_listing.reports]),
    "crash": Verb("show_crash", lambda s: wire.pb.ShowCrash(crash=s["crash"]),
                  lambda frame: wire.crash_from(frame.crash_report)),
    "redrive": Verb("redrive", lambda s: wire.pb.Redrive(crash=s["redrive"], timeout_ms=s.get("timeout", 0)), redriven),
    "discard_crash": Verb("discard_crash", lambda s: wire.pb.DiscardCrash(crash=s["discard_crash"]), done),
    "deploy": Verb("deploy", build_deploy, upgraded),
    "upgrade": Verb("upgrade", build_upgrade, upgraded),
    "behaviours": Verb("list_behaviours", lambda s: wire.pb.ListBehaviours(), behaviours),
    "tables": Verb("list_tables", lambda s: wire.pb.ListTables(**target(s, "tables")),
                   lambda frame: [wire.table_from(t) for t in frame.table_listing.tables]),
    "rows": Verb("read_table", build_rows, rows_of),
    "ping": Verb("ping", lambda s: wire.pb.Ping(), done),
    **{name: Verb(*row) for name, row in supervisor_wire.STEP_VERBS.items()},
}


def run_request(world: World, verb: str, step: Step) -> None:
    row = VERBS[verb]
    client = world.client(step.get("client", "main"))
    sent_at = time.monotonic()
    number = client.submit(row.field, row.build({**step, "build": world.server.build}))
    if "async" in step:
        world.waiting[step["async"]] = (step.get("client", "main"), verb, number, sent_at)
        return
    judge(world, step, verb, client, number, sent_at)


def run_await(world: World, step: Step) -> None:
    client_name, verb, number, sent_at = world.waiting.pop(step["await"])
    judge(world, step, verb, world.client(client_name), number, sent_at)


def judge(world: World, step: Step, verb: str, client: Any, number: int, sent_at: float) -> None:
    """Waits for the answer and compares it with what the step expects."""
    result: Any = None
    error: Optional[wire.PeeperError] = None
    try:
        result = VERBS[verb].answer(client.wait(number))
    except wire.PeeperError as caught:
        error = caught
    elapsed_ms = (time.monotonic() - sent_at) * 1000
    if "error" in step:
        check(error is not None, f"expected {step['error']}, got {result!r}")
        assert error is not None
        compare_error(step, error)
    else:
        check(error is None, f"expected an answer, got {error}")
        compare_result(step, result)
    compare_time(step, elapsed_ms)
    if "save" in step:
        world.variables[step["save"]] = result


# --- Expectations ---------------------------------------------------------------------------------


def compare_error(step: Step, error: wire.PeeperError) -> None:
    allowed = step["error"] if isinstance(step["error"], list) else [step["error"]]
    check(error.status in allowed, f"expected {step['error']}, got {error}")
    for name in ("kind", "reason", "retryable"):
        if name in step:
            check_equal(getattr(error, name), step[name], f"{name} of {error}")
    if "message_has" in step:
        check(step["message_has"] in error.message, f"no {step['message_has']!r} in {error}")
    if "reason_has" in step:
        check(step["reason_has"] in json.dumps(error.reason), f"no {step['reason_has']!r} in {error}")


def compare_result(step: Step, result: Any) -> None:
    if "expect" in step:
        check_equal(result, step["expect"], "answer")
        check(type(result) is type(step["expect"]), f"{result!r} is of another type")
    if "has" in step:
        contains(result, step["has"], "answer")
    if "expect_range" in step:
        first, last = step["expect_range"]
        check_equal(result, list(range(first, last + 1)), "answer")
    if "expect_zeros" in step:
        check(result == bytes(step["expect_zeros"]), f"not {step['expect_zeros']} zero bytes")
    if "expect_count" in step:
        check_equal(len(result), step["expect_count"], f"elements of {result!r}")
    if "not" in step:
        check(result != step["not"], f"the answer should not be {result!r}")


def contains(actual: Any, expected: Any, where: str) -> None:
    """Every key of the expected maps is there with the expected value; more may be there. Lists are of one length."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            check(key in actual, f"{where} has no {key!r}: {actual!r}")
            contains(actual[key], value, f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        check(len(actual) == len(expected), f"{where} is not of {len(expected)} elements: {actual!r}")
        for index, value in enumerate(expected):
            contains(actual[index], value, f"{where}[{index}]")
    else:
        check_equal(actual, expected, where)


def compare_time(step: Step, elapsed_ms: float) -> None:
    if "at_least_ms" in step:
        # The protocol counts in whole milliseconds, so a wait may seem one shorter from here.
        check(elapsed_ms > step["at_least_ms"] - 1, f"answered after {elapsed_ms:.1f} ms already")
    if "at_most_ms" in step:
        check(elapsed_ms <= step["at_most_ms"], f"answered after {elapsed_ms:.1f} ms only")


def run_mixed(world: World, step: Step) -> None:
    """Appends 1..count to the actor's state by calls, casts and sends in turn, all in flight at once."""
    client = world.client("main")
    numbers = []
    for index in range(1, step["count"] + 1):
        verb = ("call", "cast", "send")[index % 3]
        message = [["append", index]] + ([["reply", index]] if verb == "call" else [])
        if index == step.get("crash_at"):
            numbers.append(client.submit("call", wire.call_message(step["mixed"], ["segfault"])))
        numbers.append(client.submit(VERBS[verb].field, VERBS[verb].build({verb: step["mixed"], "message": message})))
    errors = []
    for number in numbers:
        try:
            client.wait(number)
        except wire.PeeperError as error:
            errors.append(error)
    crashes = 1 if "crash_at" in step else 0
    check_equal(len(errors), crashes, f"errors of the mixed requests {errors[:3]}")


# --- Steps that are no requests -------------------------------------------------------------------


def rounds_of(world: World, step: Step) -> int:
    """Thousands of rounds look for what is lost in the server, and are for one face to play."""
    return step["repeat"] if world.face.name == "wire" else min(step["repeat"], ROUNDS_MAX)


def run_repeat(world: World, step: Step) -> None:
    for round_number in range(1, rounds_of(world, step) + 1):
        world.variables["round"] = round_number
        run_steps(world, step["steps"])


def run_parallel(world: World, step: Step) -> None:
    """The steps once per thread, each with a world (clients, variables) of its own."""
    failures: list[BaseException] = []

    def body(index: int) -> None:
        own = World(world.server, world.face)
        own.variables = dict(world.variables, index=index)
        try:
            run_steps(own, step["steps"])
        except BaseException as failure:  # noqa: BLE001 - handed to the main thread
            failures.append(failure)
        finally:
            own.close()

    threads = [threading.Thread(target=body, args=(i,)) for i in range(1, step["parallel"] + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def run_pause(world: World, step: Step) -> None:
    """Part of a case's own script (a random gap, a window that must pass); never to wait for the server."""
    low, high = step["pause"] if isinstance(step["pause"], list) else [step["pause"]] * 2
    time.sleep(random.uniform(low, high) / 1000)  # house-rules: sleep: the case's own gap


def run_kill_host(world: World, step: Step) -> None:
    pid = kill_host(world.client("main"), step["kill_host"])
    check(pid != 0, f"no host holds {step['kill_host']}")


def run_restart_server(world: World, step: Step) -> None:
    """Ends the server by the signal named and starts it again with the same options."""
    world.close()
    if step["restart_server"] == "KILL":
        world.server.end_hard()
    else:
        check_equal(world.server.terminate(), 0, "exit status after SIGTERM")
    world.server.start()


def run_connect(world: World, step: Step) -> None:
    if step.get("hello", True):
        world.clients[step["connect"]] = world.face.open(world.server, step["connect"])
    else:
        world.clients[step["connect"]] = world.server.client(hello=False)


def run_disconnect(world: World, step: Step) -> None:
    world.clients.pop(step["disconnect"]).close()


def raw_piece(piece: dict[str, Any]) -> bytes:
    (kind, value), = piece.items()
    if kind == "hex":
        return bytes.fromhex(value)
    if kind == "text":
        return value.encode()
    if kind == "length":
        return wire.encode_varint(value)
    if kind == "zeros":
        return bytes(value)
    if kind == "frame":
        body = json_format.ParseDict(value, wire.pb.ClientFrame()).SerializeToString()
        return wire.encode_varint(len(body)) + body
    raise Failure(f"unknown raw piece {kind!r}")


def run_raw(world: World, step: Step) -> None:
    data = b"".join(raw_piece(piece) for piece in step["raw"])
    client = world.client(step.get("client", "main"))
    try:
        client.send_bytes(data)
    except wire.ConnectionEnded:
        check(step.get("may_break", False), "the connection broke while sending")


def run_receive(world: World, step: Step) -> None:
    """The next frame, as the JSON form of ServerFrame says it."""
    frame = world.client(step.get("client", "main")).read_frame(10)
    actual = json_format.MessageToDict(frame, preserving_proto_field_name=True)
    contains(actual, step["receive"], "frame")


def run_closed(world: World, step: Step) -> None:
    """The server has closed, or closes, that client's connection; frames before that may be named."""
    sent_at = time.monotonic()
    frames = world.client(step["closed"]).read_to_end(step.get("patience_ms", 10000) / 1000)
    compare_time(step, (time.monotonic() - sent_at) * 1000)
    errors = [wire.pb.Status.Name(f.error.status).removeprefix("STATUS_")
              for f in frames if f.WhichOneof("body") == "error"]
    if "error" in step:
        allowed = step["error"] if isinstance(step["error"], list) else [step["error"]]
        check(set(allowed) & set(errors), f"expected {allowed} before the close, got {errors}")


def fits_event(step: Step, event: dict[str, Any]) -> bool:
    try:
        check_equal(event["kind"], step["event"], "kind")
        compare_result(step, event)
    except Failure:
        return False
    return True


def run_event(world: World, step: Step) -> None:
    """The next pushed event of the client; `event` is its kind."""
    client, patience_s = world.client(step.get("client", "main")), step.get("patience_ms", 10000) / 1000
    event = None
    if world.face.name != "wire":
        event = client.next_fitting(lambda told: fits_event(step, told), patience_s)
    if event is None:
        event = client.next_event(patience_s if world.face.name == "wire" else 0, step.get("of"))
    check_equal(event["kind"], step["event"], f"kind of {event}")
    compare_result(step, event)
    if "save" in step:
        world.variables[step["save"]] = event


def run_quiet(world: World, step: Step) -> None:
    for name, client in world.clients.items():
        frames = client.drain(step["quiet"] / 1000)
        check(not frames, f"unsolicited frames for client {name}: {frames}")


def run_file(world: World, step: Step) -> None:
    world.variables[step["file"]] = world.files.file(step["file"], step.get("exists", True))


def run_gate(world: World, step: Step) -> None:
    world.variables[step["gate"]] = world.files.gate(step["gate"])


def run_open_gate(world: World, step: Step) -> None:
    check(world.files.open_gate(step["open_gate"]), f"nobody waits at {step['open_gate']}")


def run_http(world: World, step: Step) -> None:
    code, text = world.server.get(step["http"])
    check_equal(code, step.get("status", 200), f"HTTP status of {step['http']}")
    if "has" in step:
        contains(json.loads(text), step["has"], "JSON")
    if "text_has" in step:
        check(step["text_has"] in text, f"no {step['text_has']!r} in {text[:2000]}")
    if "save" in step:
        world.variables[step["save"]] = json.loads(text)


def run_cli(world: World, step: Step) -> None:
    arguments = shlex.split(step["cli"]) if isinstance(step["cli"], str) else step["cli"]
    result = world.server.cli(*arguments)
    told = f"peeper {' '.join(arguments)}: {result}"
    check(result.returncode == step.get("exit", 0), f"exit status {result.returncode}: {told}")
    if "json" in step:
        check_equal(json.loads(result.stdout), step["json"], f"output of {told}")
    if "json_has" in step:
        contains(json.loads(result.stdout), step["json_has"], "output")
    if "text_has" in step:
        check(step["text_has"] in result.stdout, f"no {step['text_has']!r}: {told}")
    if "stderr" in step:
        check(re.search(step["stderr"], result.stderr), f"stderr does not match {step['stderr']!r}: {told}")



def run_logged(world: World, step: Step) -> None:
    """Counts the lines of the server's log since the case began; each must contain all the texts of `with`."""
    with open(world.server.log_path, "rb") as log:
        log.seek(world.log_offset)
        lines = [line for line in log.read().decode().splitlines() if step["logged"] in line]
    check_equal(len(lines), step.get("times", 1), f"lines of the log with {step['logged']!r}: {lines[:5]}")
    for line in lines:
        for text in step.get("with", []):
            check(text in line, f"no {text!r} in {line}")
        check(len(line) <= step.get("bytes_max", 4096), f"{len(line)} bytes: {line}")


ACTIONS: dict[str, Callable[[World, Step], None]] = {
    "await": run_await,
    "cli": run_cli,
    "closed": run_closed,
    "connect": run_connect,
    "disconnect": run_disconnect,
    "event": run_event,
    "file": run_file,
    "gate": run_gate,
    "http": run_http,
    "kill_host": run_kill_host,
    "logged": run_logged,
    "mixed": run_mixed,
    "open_gate": run_open_gate,
    "parallel": run_parallel,
    "pause": run_pause,
    "quiet": run_quiet,
    "raw": run_raw,
    "receive": run_receive,
    "repeat": run_repeat,
    "restart_server": run_restart_server,
}


def run_one(world: World, step: Step) -> None:
    for verb in VERBS:
        if verb in step:
            return run_request(world, verb, step)
    for name, action in ACTIONS.items():
        if name in step:
            return action(world, step)
    raise Failure(f"no known verb in step {step!r}")


def run_until(world: World, step: Step) -> None:
    """Repeats a step until it passes: for facts that no frame announces."""
    until = time.monotonic() + step["eventually_ms"] / 1000
    while True:
        try:
            return run_one(world, step)
        except Failure:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)  # house-rules: sleep: between two polls, bounded by a deadline


def run_steps(world: World, steps: list[Step]) -> None:
    for index, raw in enumerate(steps):
        # The steps inside a loop are filled in when they run: only then the loop's variables are known.
        inner = raw.get("steps")
        step = substitute(world.variables, {k: v for k, v in raw.items() if k != "steps"})
        if inner is not None:
            step["steps"] = inner
        try:
            (run_until if "eventually_ms" in step else run_one)(world, step)
        except (Failure, wire.ConnectionEnded, wire.NoAnswer) as failure:
            raise Failure(f"step {index + 1} {shorten(raw)}: {failure}") from failure


def shorten(step: Step) -> str:
    text = json.dumps(step, default=str)
    return text if len(text) <= 160 else text[:157] + "..."
