"""Supervisors through the command line: `supervisor`, `child` and `tree`, against the real server."""
from __future__ import annotations

import json
from typing import Any

from case_registry import Settings, case
from server_process import Server, check, check_equal

SHOP = {
    "strategy": "one_for_one",
    "children": [
        {"id": "hits", "start": {"behaviour": "counter", "name": "hits"}},
        {"id": "carts", "start": {"supervisor": {
            "name": "carts", "strategy": "simple_one_for_one",
            "children": [{"id": "cart", "start": {"behaviour": "counter"}}]}}},
        {"id": "mail", "start": {"behaviour": "counter"}},
    ],
}


def told(server: Server, *arguments: str) -> str:
    """Runs a command that must succeed; answers its output."""
    result = server.cli(*arguments)
    check_equal((result.returncode, result.stderr), (0, ""), f"status and stderr of peeper {arguments}")
    return result.stdout


def refused(server: Server, status: str, *arguments: str) -> str:
    result = server.cli(*arguments)
    check_equal((result.returncode, result.stdout), (1, ""), f"status and stdout of peeper {arguments}")
    check(result.stderr.startswith(f"{status}: "), f"peeper {arguments} should tell {status}: {result.stderr!r}")
    return result.stderr


def listed(server: Server, supervisor: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told(server, "child", "list", supervisor, "--json").splitlines()]


def start_shop(server: Server) -> None:
    started = json.loads(told(server, "supervisor", "start", "shop", "--spec", json.dumps(SHOP)))
    check_equal(started["name"], "shop", "name of the supervisor")


@case("cli: supervisor and child say and do what OTP's verbs do")
def verbs(settings: Settings) -> None:
    with Server(settings.build, log_name="cli-supervisor") as server:
        start_shop(server)
        check_equal([child["id"] for child in listed(server, "shop")], ["mail", "carts", "hits"], "newest first")
        check_equal(json.loads(told(server, "child", "count", "shop")),
                    {"specs": 3, "active": 3, "supervisors": 1, "workers": 2}, "counts")
        spec = json.loads(told(server, "child", "spec", "shop", "hits"))
        check_equal((spec["start"]["behaviour"], spec["restart"]), ("counter", "permanent"), "a spec")

        refused(server, "RUNNING", "child", "restart", "shop", "hits")
        refused(server, "RUNNING", "child", "delete", "shop", "hits")
        check_equal(told(server, "call", "hits", "inc"), "1\n", "a child is an actor like others")
        check_equal(told(server, "child", "terminate", "shop", "hits"), "ok\n", "terminate")
        check_equal(listed(server, "shop")[2]["status"], "stopped", "status after terminate")
        told(server, "child", "restart", "shop", "hits")
        check_equal(told(server, "call", "hits", "inc"), "1\n", "a restart by hand begins anew")
        told(server, "child", "terminate", "shop", "hits")
        check_equal(told(server, "child", "delete", "shop", "hits"), "ok\n", "delete")
        refused(server, "NOT_FOUND", "child", "restart", "shop", "hits")

        late = {"id": "late", "start": {"behaviour": "counter", "argument": 5, "name": "late"}}
        told(server, "child", "start", "shop", "--spec", json.dumps(late))
        check_equal(told(server, "call", "late", "inc"), "6\n", "a child that was added")
        check_equal(told(server, "stop", "shop"), "ok\n", "stop of a supervisor")
        refused(server, "NOPROC", "call", "late", "inc")
        refused(server, "NOPROC", "child", "list", "shop")


@case("cli: children of a simple_one_for_one supervisor are told by their incarnation")
def simple(settings: Settings) -> None:
    with Server(settings.build, log_name="cli-simple") as server:
        start_shop(server)
        first = json.loads(told(server, "child", "start", "carts", "--spec", '{"argument": 3, "name": "one"}'))
        told(server, "child", "start", "carts", "--spec", "{}")
        check_equal(told(server, "call", "one", "inc"), "4\n", "what differs from the template")
        refused(server, "SIMPLE_ONE_FOR_ONE", "child", "terminate", "carts", "cart")
        check_equal(told(server, "child", "terminate", "carts", f"@{first['incarnation']}"), "ok\n", "terminate")
        check_equal(len(listed(server, "carts")), 1, "children left")


@case("cli: specs are read from files, JSON or YAML, checked, and refused with the place of the fault")
def specs(settings: Settings) -> None:
    with Server(settings.build, log_name="cli-specs") as server:
        path = settings.build.logs / "shop.json"
        path.write_text(json.dumps(SHOP))
        told(server, "supervisor", "start", "shop", "--spec", str(path))
        started = json.loads(told(server, "supervisor", "start", "--spec", '{"name": "own", "children": []}'))
        check_equal(started["name"], "own", "the name that the spec has")
        check_equal(told(server, "supervisor", "check", "--spec", json.dumps(SHOP["children"])), "ok\n", "check")
        faulty = '[{"id": "a", "start": {"behaviour": "counter"}, "restart": "often"}]'
        text = refused(server, "BAD_SPEC", "supervisor", "check", "--spec", faulty)
        check("children[0].restart" in text and '"often"' in text, f"field and value are named: {text!r}")
        check_equal(told(server, "supervisor", "check", "--spec", json.dumps(SHOP)), "ok\n", "check a supervisor's")
        faulty = '{"children": [{"id": "a", "start": {"behaviour": "counter"}, "restart": "often"}]}'
        text = refused(server, "BAD_SPEC", "supervisor", "check", "--spec", faulty)
        check(text.startswith("BAD_SPEC: children[0].restart: "), f"the field stands as in the spec: {text!r}")
        text = refused(server, "BAD_SPEC", "supervisor", "check", "--spec", '{"id": "a", "restart": "often"}')
        check(text.startswith(("BAD_SPEC: start: ", "BAD_SPEC: restart: ")), f"of a child, too: {text!r}")
        path.write_text('{"children": [\n  {"id": "a",}]}')
        result = server.cli("supervisor", "start", "x", "--spec", str(path))
        check_equal(result.returncode, 2, "status with a file that is no JSON")
        check(f"{path}:2:" in result.stderr, f"file and line are named: {result.stderr!r}")
        path.write_text("strategy: one_for_one\nchildren:\n  - id: a\n    start: {behaviour: counter}\n    restart: often\n")
        text = refused(server, "BAD_SPEC", "supervisor", "start", "x", "--spec", str(path))
        check(f"\n  at: {path}:5\n" in text, f"file and line of what the server refused: {text!r}")
        path.write_text(path.read_text().replace("often", "temporary"))
        told(server, "supervisor", "start", "x", "--spec", str(path))
        change = dict(SHOP, strategy="one_for_all")
        check_equal(told(server, "supervisor", "change", "shop", "--spec", json.dumps(change)), "ok\n", "change")
        check("one_for_all" in told(server, "tree"), "the changed strategy is told")


@case("cli: tree draws what runs, what is stopped and what crashed")
def tree(settings: Settings) -> None:
    with Server(settings.build, log_name="cli-tree") as server:
        start_shop(server)
        told(server, "child", "start", "carts", "--spec", '{"name": "one"}')
        told(server, "child", "terminate", "shop", "mail")
        refused(server, "CRASHED", "call", "hits", "raise")
        check_equal(told(server, "call", "hits", "inc"), "1\n", "the child is back")
        check_equal(told(server, "tree").splitlines(), [
            "NAME       BEHAVIOUR           STATUS   RESTARTS  MAILBOX",
            "shop       one_for_one         running         0",
            "├─ hits    counter             running         1        0",
            "├─ carts   simple_one_for_one  running         0",
            "│  └─ one  counter             running         0        0",
            "└─ mail    counter             stopped         0        0",
        ], "the drawing")
        drawn = json.loads(told(server, "tree", "carts", "--json"))
        check_equal([child["name"] for child in drawn[0]["children"]], ["one"], "one branch as JSON")
        check_equal(drawn[0]["strategy"], "simple_one_for_one", "the branch itself has its strategy")
        text = told(server, "tree", "shop", "--depth", "1")
        check("… 1 more" in text and "one\n" not in text, f"only one level: {text!r}")
