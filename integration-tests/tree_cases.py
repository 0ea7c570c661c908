"""A supervision tree from a file: `peeperd --tree FILE`, its errors with line and field, its orderly end."""
from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from case_registry import Settings, case
from server_process import Server, alive, check, check_equal, descendants, eventually

DOCS = Path(__file__).resolve().parent.parent / "docs"

SHOP = """\
name: shop
strategy: rest_for_one
children:
  - id: stock
    start: {behaviour: counter, name: stock, argument: 100}
  - id: audit
    start:
      behaviour: probe
      name: audit
      argument: {state: [1, two, 3.5, null, yes]}
    shutdown: 2000
  - id: sessions
    start:
      supervisor:
        name: sessions
        strategy: simple_one_for_one
        children:
          - id: session
            start: {behaviour: counter, argument: 0}
            restart: temporary
"""


@contextmanager
def tree_file(text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.yaml"
        path.write_text(text)
        yield path


def log_follower(server: Server) -> Callable[[], str]:
    """Answers what the server has logged since this call; the file is kept from run to run."""
    begun = server.log_path.stat().st_size
    return lambda: server.log_path.read_bytes()[begun:].decode()


def run(settings: Settings, path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(settings.build.peeperd), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log",
                           "error", "--behaviours", str(settings.build.behaviours), "--tree", str(path), *options],
                          capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


def refused(settings: Settings, text: str, status: int) -> str:
    """Starts peeperd with this tree, which must say why not, last on stderr; answers what follows the path."""
    with tree_file(text) as path:
        result = run(settings, path)
        check_equal(result.returncode, status, f"exit status with {text!r}: {result.stderr!r}")
        check_equal(result.stdout, "", f"stdout with {text!r}")
        prefix = f"peeperd: {path}"
        last = result.stderr.splitlines()[-1]
        check(last.startswith(prefix), f"the path should come first: {last!r}")
        return last[len(prefix):]


@case("tree: a file starts a whole tree before the ready line")
def good_tree(settings: Settings) -> None:
    with tree_file(SHOP) as path, Server(settings.build, ["--tree", str(path)], "tree-good") as server:
        with server.client() as client:
            check_equal(client.call("stock", "inc"), 101, "the actor with an argument")
            check_equal(client.call("audit", "state"), [1, "two", 3.5, None, "yes"], "scalars as YAML 1.2 has them")
            check(client.where_is("shop") and client.where_is("sessions"), "the supervisors have their names")


@case("tree: a child that crashes is restarted as its file says")
def restarted(settings: Settings) -> None:
    with tree_file(SHOP) as path, Server(settings.build, ["--tree", str(path)], "tree-restart") as server:
        with server.client() as client:
            client.call("stock", "inc")
            before = client.where_is("audit")
            client.kill("stock")
            eventually(lambda: client.where_is("audit") not in (0, before), "those after it are restarted, too")
            check_equal(client.call("stock", "state"), 101, "the state of the one that was killed")


@case("tree: the example of docs/supervision.md is a good tree")
def documented(settings: Settings) -> None:
    text = (DOCS / "supervision.md").read_text()
    blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)
    check(blocks, "docs/supervision.md has no example in YAML")
    for block in blocks:
        with tree_file(block) as path:
            result = run(settings, path, "--check")
            check_equal((result.returncode, result.stdout), (0, f"{path}: ok\n"), f"the check: {result.stderr!r}")
            with Server(settings.build, ["--tree", str(path)], "tree-documented"):
                pass


@case("tree: docs/supervision.md tells every field that a spec may have, and no other")
def fields_documented(settings: Settings) -> None:
    text = (DOCS / "supervision.md").read_text()
    for heading, spec in (("**A supervisor**", "name: a\nx-: 1\n"),
                          ("**A child**", "name: a\nchildren:\n  - id: b\n    start: {behaviour: counter}\n    x-: 1\n"),
                          ("**`start` of an actor**",
                           "name: a\nchildren:\n  - id: b\n    start: {behaviour: counter, x-: 1}\n")):
        told = refused(settings, spec, 2)
        known = set(told.split("there is no such field here, only ")[1].split(", ")) - {"supervisor"}
        table = text.split(heading + "\n\n")[1].split("\n\n")[0]
        check_equal(set(re.findall(r"^\| `(\w+)` \|", table, re.M)), known, f"the fields under {heading}")


TWICE = """\
name: x
children:
  - {id: a, start: {behaviour: counter, name: a}}
  - id: b
    start:
      supervisor:
        name: a
"""


@case("tree: --check starts nothing, and tells good from bad by its exit status")
def checked(settings: Settings) -> None:
    with tree_file("name: x\nchildren:\n  - id: a\n    start: {behaviour: probe, argument: {init: [segfault]}}\n") as path:
        result = run(settings, path, "--check")
        check_equal((result.returncode, result.stderr), (0, ""), "an init that would crash is not run")
    with tree_file(SHOP + "    restart: often\n") as path:
        result = run(settings, path, "--check")
        check_equal((result.returncode, result.stdout), (2, ""), "a bad tree")
        check(f"{path}:21: children[2].restart: " in result.stderr, f"line and field: {result.stderr!r}")
    with tree_file(TWICE) as path:
        result = run(settings, path, "--check")
        check_equal((result.returncode, result.stdout), (2, ""), "a name that stands twice")
        check(f"{path}:7: children[1].start.supervisor.name: \"a\" is not a name of its own" in result.stderr,
              f"line and field: {result.stderr!r}")


@case("tree: wrong syntax is told with file, line and column, exit 2")
def syntax(settings: Settings) -> None:
    line = refused(settings, "name: a\nchildren:\n  - id: x\n   start: {}\n", 2)
    check(line.startswith(":4:4: did not find expected '-' indicator"), line)
    line = refused(settings, "name: a\nname: b\n", 2)
    check_equal(line, ':2: the key "name" stands twice, also in line 1', "a key twice")
    check_equal(refused(settings, "", 2), ":1:1: there is nothing in it", "an empty file")


@case("tree: a spec error is told with file, line and field, exit 2")
def bad_specs(settings: Settings) -> None:
    child = "name: a\nchildren:\n  - id: x\n    start: {behaviour: counter}\n"
    for text, expected in (
            ("children: []\n", ":1: name: is missing"),
            ("- a\n", ":1: spec: is not a map"),
            ("name: a\nstrategy: all\n", ':2: strategy: "all" is not one_for_one | one_for_all | rest_for_one'),
            ("name: a\nchildren: 7\n", ":2: children: 7 is not a list"),
            (child.replace("counter", "nope"), ':4: children[0].start.behaviour: "nope" is not the name of a loaded'),
            (child + "    restart: often\n", ':5: children[0].restart: "often" is not permanent | transient'),
            (child + "    significant: true\n", ":5: children[0].significant: true does not go with restart permanent"),
            (child + "  - id: x\n    start: {behaviour: counter}\n", ':5: children[1].id: the id "x" stands twice'),
            (child + "    intensty: 3\n", ":5: children[0].intensty: there is no such field here, only id, start,"),
            (child + "  - start: {}\n", ":5: children[1].id: is missing"),
            (child + "  - id: y\n", ":5: children[1].start: is missing"),
            (child + "  - id: y\n    start:\n      supervisor:\n        intensity: -1\n",
             ":8: children[1].start.supervisor.intensity: -1 is not an integer")):
        line = refused(settings, text, 2)
        check(line.startswith(expected), f"expected {expected!r}, got {line!r}")


@case("tree: a child whose init fails is named with its line, exit 1, and nothing stays")
def init_fails(settings: Settings) -> None:
    bad = SHOP + '  - id: db\n    start: {behaviour: probe, argument: {init: [[error, "no database"]]}}\n'
    check_equal(refused(settings, bad, 1), ':21: children[3]: "db" did not start: "no database"', "the message")
    nested = ("name: a\nchildren:\n  - id: sub\n    start:\n      supervisor:\n        children:\n"
              "          - id: deep\n            start: {behaviour: probe, argument: {init: [segfault]}}\n")
    line = refused(settings, nested, 1)
    check(line.startswith(':7: children[0].start.supervisor.children[0]: "deep" did not start: "SIGSEGV'), line)
    twice = "name: a\nchildren:\n  - id: x\n    start: {behaviour: counter, name: a}\n"
    line = refused(settings, twice, 2)
    check(line.startswith(':4: children[0].start.name: "a" is not a name of its own'), line)


@case("tree: a file that cannot be read is told with the reason, exit 2")
def unreadable(settings: Settings) -> None:
    result = run(settings, Path("/nonesuch/tree.yaml"))
    check_equal((result.returncode, result.stderr),
                (2, "peeperd: /nonesuch/tree.yaml: No such file or directory\n"), "a missing file")
    result = subprocess.run([str(settings.build.peeperd), "--behaviours", str(settings.build.behaviours), "--check"],
                            capture_output=True, text=True, timeout=30)
    check_equal(result.returncode, 2, "--check without --tree")


RECORDED = """\
name: top
children:
  - id: first
    start: {behaviour: probe, name: first, argument: {terminate: [[print, first]]}}
  - id: second
    start: {behaviour: probe, name: second, argument: {terminate: [[print, second]]}}
"""


@case("tree: SIGTERM stops the children in reverse order, each after its terminate")
def stopped_in_order(settings: Settings) -> None:
    with tree_file(RECORDED) as path:
        server = Server(settings.build, ["--tree", str(path)], "tree-order").start()
        said = log_follower(server)
        try:
            check_equal(server.terminate(), 0, "exit status")
            printed = re.findall(r'behaviour\.said .* text="(\w+)"', said())
            check_equal(printed, ["second", "first"], f"the order of terminates in {server.log_path}")
        finally:
            server.end_hard()


@case("tree: SIGTERM while it is starting ends the server with status 0")
def ended_while_starting(settings: Settings) -> None:
    with tree_file("name: a\nchildren:\n  - id: slow\n    start: {behaviour: probe, name: slow, timeout_ms: 60000, "
                   "argument: {init: [[sleep, 4000]]}}\n") as path:
        server = Server(settings.build, ["--tree", str(path)], "tree-starting")
        server.launch()
        try:
            eventually(lambda: descendants(server.pid), "a host runs")
            hosts = descendants(server.pid)
            check_equal(server.terminate(), 0, "exit status")
            eventually(lambda: not any(alive(pid) for pid in hosts), "the hosts are gone", 2)
        finally:
            server.end_hard()


@case("tree: a child that does not stop is killed when its shutdown has passed, a second signal waits for nobody")
def stuck_children(settings: Settings) -> None:
    stuck = ("name: a\nchildren:\n  - id: stuck\n    shutdown: {}\n    start: {{behaviour: probe, name: stuck, "
             "argument: {{terminate: [[sleep, 20000]]}}}}\n")
    with tree_file(stuck.format(100)) as path:
        with Server(settings.build, ["--tree", str(path)], "tree-stuck"):
            pass  # it ends within its patience
    with tree_file(stuck.format("infinity")) as path:
        server = Server(settings.build, ["--tree", str(path)], "tree-impatient").start()
        try:
            said = log_follower(server)
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: "server.stopping" in said(), "the first signal is heard")
            check_equal(server.terminate(), 0, "exit status after the second signal")
        finally:
            server.end_hard()


FRAGILE = """\
name: top
intensity: 0
children:
  - id: first
    start: {behaviour: probe, name: first, argument: {terminate: [[print, first]]}}
  - id: second
    start: {behaviour: counter, name: second}
"""


@case("tree: --tree-end exit: a tree that gives up takes the server along, exit 3, after its children have stopped")
def end_with_the_tree(settings: Settings) -> None:
    with tree_file(FRAGILE) as path:
        server = Server(settings.build, ["--tree", str(path), "--tree-end", "exit"], "tree-end-exit").start()
        said = log_follower(server)
        hosts = descendants(server.pid)
        try:
            with server.client() as client:
                client.kill("second")
            check_equal(server.process.wait(15), 3, "exit status")
            check(re.findall(r'supervisor\.gave_up name="top" .* child="second" child_unit=[1-9]', said()), f"it gave up: {server.log_path}")
            check(re.findall(r'behaviour\.said .* text="first"', said()), "the terminate of a child has run")
            check(re.findall(rf'tree\.ended file="{path}" reason="\\"shutdown\\""', said()), "the log has the reason")
            check(not any(alive(pid) for pid in hosts), "the hosts are gone")
        finally:
            server.end_hard()


@case("tree: --tree-end exit: a tree that a client stops takes the server along, SIGTERM still means status 0")
def end_with_a_stopped_tree(settings: Settings) -> None:
    options = ["--tree-end", "exit"]
    with tree_file(SHOP) as path:
        server = Server(settings.build, ["--tree", str(path), *options], "tree-end-stop").start()
        try:
            with server.client() as client:
                client.stop("shop")
            check_equal(server.process.wait(15), 3, "exit status")
        finally:
            server.end_hard()
        with Server(settings.build, ["--tree", str(path), *options], "tree-end-sigterm"):
            pass


@case("tree: without --tree-end a tree that gives up leaves the server serving")
def kept_without_the_tree(settings: Settings) -> None:
    for options in ([], ["--tree-end", "keep"]):
        with tree_file(FRAGILE) as path:
            with Server(settings.build, ["--tree", str(path), *options], "tree-end-keep") as server:
                with server.client() as client:
                    client.kill("second")
                    eventually(lambda: client.where_is("top") == 0, "the supervisor has given up")
                    client.start("another", "counter", 1)
                    check_equal(client.call("another", "inc"), 2, "it serves")


@case("tree: --tree-end is keep or exit, and needs --tree")
def tree_end_usage(settings: Settings) -> None:
    with tree_file(SHOP) as path:
        check_equal(run(settings, path, "--tree-end", "restart").returncode, 2, "another word")
    result = subprocess.run([str(settings.build.peeperd), "--behaviours", str(settings.build.behaviours),
                             "--tree-end", "exit"], capture_output=True, text=True, timeout=30)
    check_equal(result.returncode, 2, "--tree-end without --tree")
