"""What behaviours in Lua try in order to get out of their sandbox, each with what must come of it. See
behaviours/escapes.lua."""
from __future__ import annotations

from typing import Any

from case_registry import Settings, case
from peeper_wire import Client, PeeperError, StartOptions
from server_process import Server, check, check_equal

PATIENT = StartOptions(intensity=(1000000, 5000))
# What a refusal says; the others of the group are only told not to be let live.
TELLS = {
    "recursion": "stack overflow",
    "recursion_of_gsub": "stack overflow",
    "string_metatable": "index a boolean value",
    "string_function": "string.format cannot be set",
    "string_raw": "cannot rawset a protected table",
    "string_set": "protected metatable",
    "table_insert": "table.number cannot be set",
    "peeper_function": "peeper.send cannot be set",
    "global": "global 'leak' cannot be set",
    "finalizer": "__gc is not allowed",
    "yield": "outside a coroutine",
    "too_many_results": "too many results to unpack",
    "deep_pattern": "too many captures",
    "error_object": "the error is no text but a table",
    "error_nothing": "the error is no text but a nil",
    "error_table": '{"code": 5, "why": ["a", "b"]}',
    "reply_function": "reply.a[3]: a function is no data",
    "reply_cycle": "contains itself",
    "reply_mixed": "reply: its keys are",
    "reply_object": "reply.x: a table with a metatable is no data",
    "reply_text": "reply[1]: a string that is not UTF-8",
    "long_name": "255 bytes",
    "many_effects": "too_many_items(1024)",
    "two_calls": "called_twice(handle_call)",
}
KINDS = {"many_effects": "contract", "two_calls": "contract", "exit": "exit", "too_many_bytes": None}
LIVES: dict[str, Any] = {
    "absent": [],
    "metatables": [False, False, False, False, "null", "list", "bytes"],
    "pairs": [True, True, 0],
    "caught": "x",
    "caught_overflow": False,
    "rep_of_nothing": 0,
    "clock": True,
}


def tries_of(client: Client, group: str) -> list[str]:
    names = sorted(client.call("escapes", ["tries", group]))
    check(len(names) > 3, f"few attempts in {group}: {names}")
    return names


def failure_of(client: Client, group: str, name: str) -> PeeperError:
    try:
        answer = client.call("escapes", [group, name], deadline_ms=20000)
    except PeeperError as error:
        return error
    raise AssertionError(f"{group}.{name} was let live and answered {answer!r:.100}")


class Escapes:
    """A server with one worker in its host, an actor that tries to escape, and another on the same worker."""

    def __init__(self, settings: Settings, log_name: str) -> None:
        self.server = Server(settings.build, ["--workers", "1"], log_name=log_name)

    def __enter__(self) -> Client:
        self.server.__enter__()
        self.client = self.server.client()
        self.client.start("neighbour", "lua_counter", 0)
        self.client.start("escapes", "escapes", None, PATIENT)
        self.calls = 0
        self.pid = self.client.inspect("neighbour").host_pid
        return self.client

    def check_contained(self, what: str) -> None:
        """The neighbour answers, in the same host, and has lost nothing."""
        self.calls += 1
        check_equal(self.client.call("neighbour", "inc", deadline_ms=2000), self.calls, f"the neighbour after {what}")
        check_equal(self.client.inspect("neighbour").host_pid, self.pid, f"the host after {what}")

    def __exit__(self, *exception: object) -> None:
        self.client.close()
        self.server.__exit__(*exception)


def run_group(settings: Settings, group: str, kind: str, tells: list[str]) -> None:
    escapes = Escapes(settings, f"lua-{group}")
    with escapes as client:
        for name in tries_of(client, group):
            error = failure_of(client, group, name)
            check_equal(error.kind, kind, f"kind of {group}.{name} ({error})")
            check(any(part in str(error) for part in tells), f"{group}.{name}: {error}")
            escapes.check_contained(f"{group}.{name}")


@case("lua: what would never end crashes its own turn, and nothing else of the host notices")
def time_bombs(settings: Settings) -> None:
    run_group(settings, "time", "deadline", ["turn_instructions(12000000)", "turn_deadline_ms(4000)"])


@case("lua: what would take all memory crashes its own turn, and nothing else of the host notices")
def memory_bombs(settings: Settings) -> None:
    run_group(settings, "memory", "memory", ["memory_bytes(100000000)", "not enough memory", "it is too large"])


@case("lua: what is not allowed is refused with an error that names it")
def refusals(settings: Settings) -> None:
    escapes = Escapes(settings, "lua-refused")
    with escapes as client:
        names = tries_of(client, "refused")
        check(set(TELLS) <= set(names), f"no such attempts: {set(TELLS) - set(names)}")
        for name in names:
            error = failure_of(client, "refused", name)
            if KINDS.get(name, "raise") is not None:
                check_equal(error.kind, KINDS.get(name, "raise"), f"kind of refused.{name} ({error})")
            check(TELLS.get(name, "") in str(error), f"refused.{name} says {error}")
            escapes.check_contained(f"refused.{name}")


@case("lua: what is allowed works, and shows nothing that it should not")
def allowed(settings: Settings) -> None:
    escapes = Escapes(settings, "lua-lives")
    with escapes as client:
        check_equal(set(tries_of(client, "lives")), set(LIVES), "attempts that are let live")
        for name, expected in LIVES.items():
            check_equal(client.call("escapes", ["lives", name]), expected, f"lives.{name}")
            escapes.check_contained(f"lives.{name}")
