"""Verbs: how each line's args become a call of the SDK, and what is told of its result.

Where the protocol's Transfer has two actors, `target` is the one that moves and `to` the supervisor.
"""
from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any, Optional

import peeper

from .tagged import of_answer, of_native, to_native

Args = dict[str, Any]
Tell = Callable[[Any], Any]


def target_of(told: Optional[Args]) -> peeper.Target:
    """{"name": ..} or {"incarnation": ..}."""
    told = told or {}
    return peeper.Incarnation(told["incarnation"]) if "incarnation" in told else str(told.get("name", ""))


def pick(args: Args, **kinds: Callable[[Any], Any]) -> Args:
    """The named args that are there, each made what the SDK takes; `timeout_ms` becomes `timeout`.

    A time of 0 is the protocol's default, as if it were not there.
    """
    return {name.removesuffix("_ms"): kind(args[name]) for name, kind in kinds.items()
            if name in args and not (name.endswith("_ms") and int(args[name]) == 0)}


def seconds(ms: Any) -> float:
    return int(ms) / 1000


def enum_of(kind: Any) -> Callable[[str], Any]:
    return lambda name: kind[name.upper()] if name else None


def child_of(args: Args) -> str | peeper.Incarnation:
    return peeper.Incarnation(args["incarnation"]) if "incarnation" in args else str(args.get("child", ""))


def rows_of(rows: peeper.Rows) -> Any:
    told = {"rows": [of_answer(row) for row in rows.rows]}
    return {**told, "next": of_native(rows.next)} if rows.more else told


def listed(name: str) -> Tell:
    return lambda found: {name: [of_answer(one) for one in found]}


def nothing(_: Any) -> Any:
    return {}


def replied(reply: Any) -> Any:
    return {"payload": of_native(reply)}


def referred(tie: Any) -> Any:
    return {"ref": str(tie.ref)}


def start(client: peeper.Client, args: Args) -> Awaitable[Any]:
    options = pick(
        args, timeout_ms=seconds, restart=enum_of(peeper.Restart), on_intensity=enum_of(peeper.OnIntensity),
        intensity=lambda told: (told.get("restarts", 0), seconds(told.get("period_ms", 0))), mailbox_max=int,
        link=bool, monitor=bool, no_trap_exit=bool, isolation=enum_of(peeper.Isolation), generations=int,
        hibernate_after_ms=lambda ms: None if int(ms) == 2**32 - 1 else seconds(ms), step_back=bool, listener=str,
        keep_tables=lambda told: told.get("names", []) if isinstance(told, dict) else told)
    return client.start(args.get("name", ""), args.get("behaviour", ""), to_native(args.get("argument")), **options)


def upgrade(client: peeper.Client, args: Args) -> Awaitable[Any]:
    options = pick(args, file=str, content=base64.b64decode, extra=to_native, dry_run=bool)
    return client.upgrade(args.get("behaviour", ""), **options)


def read_table(client: peeper.Client, args: Args) -> Awaitable[Any]:
    options = pick(args, prefix=str, limit=int)
    if "from" in args:
        options["after"] = to_native(args["from"])
    return client.read_table(target_of(args.get("target")), args.get("table", ""), **options)


def transfer(verb: str) -> Callable[[peeper.Client, Args], Awaitable[Any]]:
    def ask(client: peeper.Client, args: Args) -> Awaitable[Any]:
        options = pick(args, source=target_of, timeout_ms=seconds)
        found: Awaitable[Any] = getattr(client, verb)(target_of(args.get("target")), target_of(args.get("to")), **options)
        return found
    return ask


def aimed(verb: str, *values: str, **options: Callable[[Any], Any]) -> Callable[[peeper.Client, Args], Awaitable[Any]]:
    """A verb of the SDK with a target, then these Values, then options."""
    def ask(client: peeper.Client, args: Args) -> Awaitable[Any]:
        given = [to_native(args.get(value)) for value in values]
        found: Awaitable[Any] = getattr(client, verb)(target_of(args.get("target")), *given, **pick(args, **options))
        return found
    return ask


TIMEOUT: dict[str, Callable[[Any], Any]] = {"timeout_ms": seconds}
PAGE: dict[str, Callable[[Any], Any]] = {"cursor": int, "limit": int}

VERBS: dict[str, tuple[Callable[[peeper.Client, Args], Awaitable[Any]], Tell]] = {
    "call": (aimed("call", "message", deadline_ms=seconds, idempotency_key=str), replied),
    "cast": (aimed("cast", "message", idempotency_key=str), nothing),
    "send": (aimed("send", "message"), nothing),
    "start": (start, of_answer),
    "stop": (aimed("stop", reason=to_native, **TIMEOUT), nothing),
    "kill": (aimed("kill"), nothing),
    "suspend": (aimed("suspend"), nothing),
    "resume": (aimed("resume"), nothing),
    "whereis": (aimed("whereis"), lambda found: {"id": str(int(found))} if found else {}),
    "list": (lambda client, args: client.list(args.get("prefix", ""), **pick(args, **PAGE)), of_answer),
    "inspect": (aimed("inspect", version=int), of_answer),
    "get_state": (aimed("get_state", version=int), of_answer),
    "generations": (aimed("generations"), of_answer),
    "restore_state": (lambda client, args: client.restore_state(
        target_of(args.get("target")), int(args.get("version", 0)), **pick(args, **TIMEOUT)), nothing),
    "replace_state": (aimed("replace_state", "state", **TIMEOUT), nothing),
    "tables": (aimed("tables"), listed("tables")),
    "rows": (read_table, rows_of),
    "dictionary": (lambda client, args: read_table(client, {**args, "table": ""}), rows_of),
    "crashes": (lambda client, args: client.crashes(args.get("name", ""), **pick(args, **PAGE)), of_answer),
    "show_crash": (lambda client, args: client.show_crash(int(args.get("crash", 0))), of_answer),
    "redrive": (lambda client, args: client.redrive(int(args.get("crash", 0)), **pick(args, **TIMEOUT)), replied),
    "discard_crash": (lambda client, args: client.discard_crash(int(args.get("crash", 0))), nothing),
    "behaviours": (lambda client, args: client.behaviours(), listed("behaviours")),
    "deploy": (lambda client, args: client.deploy(
        args.get("file", ""), base64.b64decode(args.get("content", "")), **pick(args, extra=to_native)), of_answer),
    "upgrade": (upgrade, of_answer),
    "start_supervisor": (lambda client, args: client.start_supervisor(
        args.get("name", ""), to_native(args.get("spec")), **pick(args, **TIMEOUT)), of_answer),
    "start_child": (aimed("start_child", "spec", **TIMEOUT), of_answer),
    "terminate_child": (lambda client, args: client.terminate_child(
        target_of(args.get("target")), child_of(args), **pick(args, **TIMEOUT)), nothing),
    "restart_child": (lambda client, args: client.restart_child(
        target_of(args.get("target")), args.get("child", ""), **pick(args, **TIMEOUT)), of_answer),
    "delete_child": (lambda client, args: client.delete_child(
        target_of(args.get("target")), args.get("child", "")), nothing),
    "which_children": (aimed("which_children", child=str, **PAGE), of_answer),
    "count_children": (aimed("count_children"), of_answer),
    "get_child_spec": (lambda client, args: client.get_child_spec(
        target_of(args.get("target")), child_of(args)), replied),
    "check_specs": (lambda client, args: client.check_specs(to_native(args.get("specs"))), nothing),
    "change_supervisor": (aimed("change_supervisor", "spec"), nothing),
    "transfer": (transfer("transfer"), of_answer),
    "prepare_transfer": (transfer("prepare_transfer"), of_answer),
    "commit_transfer": (lambda client, args: client.commit_transfer(
        int(args.get("handle", 0)), **pick(args, **TIMEOUT)), of_answer),
    "monitor": (aimed("monitor"), referred),
    "demonitor": (lambda client, args: client.demonitor(int(args.get("ref", 0)), **pick(args, flush=bool)), nothing),
    "link": (aimed("link"), nothing),
    "unlink": (aimed("unlink"), nothing),
    "watch": (lambda client, args: client.watch(args.get("name", ""), **pick(
        args, prefix=bool, from_version=int, unit=int, with_old=bool)), referred),
    "unwatch": (lambda client, args: client.unwatch(int(args.get("ref", 0))), nothing),
    "ping": (lambda client, args: client.ping(), nothing),
}

# Other names, by which the protocol or the list of verbs knows them.
for _alias, _verb in {
        "where_is": "whereis", "list_generations": "generations", "list_tables": "tables", "read_table": "rows",
        "list_crashes": "crashes", "list_behaviours": "behaviours", "prepare": "prepare_transfer",
        "commit": "commit_transfer"}.items():
    VERBS[_alias] = VERBS[_verb]
