"""Rules of supervisors that are tables of combinations. The single ones are in cases/supervisors_*.yaml."""
from __future__ import annotations

import itertools
from typing import Any

import supervisor_wire as sw
from case_files import CaseFiles
from case_registry import Settings, case
from peeper_wire import Client, PeeperError
from server_process import Failure, Server, check, check_equal, eventually, resident_bytes

LONG_MS = 3_600_000  # the longest period: restarts only add up
GROUPS = ["one_for_one", "one_for_all", "rest_for_one"]
ARGUMENT_BYTES = 250_000
ORDERLY = ["normal", "shutdown", ["shutdown", "why"]]


def child(child_id: str, name: str, argument: Any = None, **more: Any) -> dict[str, Any]:
    argument = {"state": 0} if argument is None else argument
    return {"id": child_id, "start": {"behaviour": "probe", "name": name, "argument": argument}, **more}


def tree(children: list[Any], **flags: Any) -> dict[str, Any]:
    return {"intensity": 1000, "period_ms": LONG_MS, "children": children, **flags}


def start(client: Client, name: str, spec: Any) -> int:
    return client.request("start_supervisor", sw.start_supervisor(name, spec)).started.id


def status_of(client: Client, verb: str, message: Any) -> str:
    try:
        client.request(verb, message)
    except PeeperError as error:
        return error.status
    return "OK"


def counts(client: Client, name: str) -> list[int]:
    return list(sw.counts_from(client.request("count_children", sw.count_children(name))).values())


def ids(client: Client, name: str) -> dict[str, int]:
    """Incarnations by the ids of the children; 0 for those without."""
    return {entry["id"]: entry["incarnation"] for entry in sw.all_children(client, name)}


def end(client: Client, name: str, how: Any) -> None:
    """Ends an incarnation: "kill", "raise", or a reason with which the actor stops itself."""
    if how == "kill":
        client.kill(name)
        return
    message = [["raise", "boom"]] if how == "raise" else [["stop", how]]
    try:
        client.call(name, message)
    except PeeperError as error:
        check_equal(error.status, "CRASHED" if how == "raise" else "DOWN", f"answer of {name} to {message}")
        return
    raise Failure(f"{name} should have ended by {message}")


def gone(client: Client, name: str) -> None:
    eventually(lambda: client.where_is(name) == 0, f"{name} is gone")


def back(client: Client, name: str, before: int) -> None:
    eventually(lambda: client.where_is(name) not in (0, before), f"{name} is back")


def is_up(client: Client, name: str) -> bool:
    return client.where_is(name) != 0


# --- J and K --------------------------------------------------------------------------------------


@case("C-108 the spec of a temporary child goes with it, whatever the end and the strategy; others stay")
def temporary_specs_vanish(settings: Settings) -> None:
    with Server(settings.build, log_name="supervisor-c108") as server, server.client() as client:
        for number, (strategy, how) in enumerate(itertools.product(GROUPS, ["kill", "normal", "raise", "terminate"])):
            name = f"c108-{number}"
            start(client, name, tree([child("x", f"{name}-x")], strategy=strategy))
            for restart in ("temporary", "transient", "permanent"):
                spec = child("a", f"{name}-{restart}", restart=restart)
                check_equal(status_of(client, "start_child", sw.start_child(name, spec)), "OK", f"start {spec}")
                if how == "terminate":
                    client.request("terminate_child", sw.terminate_child(name, "a"))
                else:
                    before = client.where_is(f"{name}-{restart}")
                    end(client, f"{name}-{restart}", how)
                    eventually(lambda: client.where_is(f"{name}-{restart}") != before, "the end is seen")
                expected = {"OK"} if restart == "temporary" else {"ALREADY_STARTED", "ALREADY_PRESENT"}
                answer = status_of(client, "start_child", sw.start_child(name, spec))
                check(answer in expected, f"{strategy} {restart} {how}: start_child again answers {answer}")
                check_equal(status_of(client, "terminate_child", sw.terminate_child(name, "a")), "OK", "terminate")
                if restart != "temporary":
                    check_equal(status_of(client, "delete_child", sw.delete_child(name, "a")), "OK", "delete")


def end_and_look(client: Client, name: str, restart: str, how: Any, expected: tuple[bool, list[int]]) -> None:
    """`expected`: whether the child is replaced, and the counts."""
    start(client, name, tree([child("a", f"{name}-a", restart=restart)]))
    before = client.where_is(f"{name}-a")
    end(client, f"{name}-a", how)
    eventually(lambda: client.where_is(f"{name}-a") != before, f"the end of {name}-a by {how}")
    eventually(lambda: (is_up(client, f"{name}-a"), counts(client, name)) == expected,
               f"{restart} child after {how}: {expected}")


@case("C-117 C-118 C-119 restart types of children: which ends are followed by a restart, and what is counted")
def restart_types(settings: Settings) -> None:
    up, kept, away = (True, [1, 1, 0, 1]), (False, [1, 0, 0, 1]), (False, [0, 0, 0, 0])
    with Server(settings.build, log_name="supervisor-restart") as server, server.client() as client:
        for number, how in enumerate([*ORDERLY, "angry", "raise", "kill"]):
            orderly = how in ORDERLY
            for restart, expected in (("permanent", up), ("transient", kept if orderly else up), ("temporary", away)):
                name = f"k-{restart}-{number}"
                end_and_look(client, name, restart, how, expected)
                if restart == "transient" and orderly:
                    check_equal(status_of(client, "restart_child", sw.restart_child(name, "a")), "OK", "restart_child")
                    check_equal(counts(client, name), [1, 1, 0, 1], "counts after restart_child")


def argument_rounds(client: Client, strategy: str) -> None:
    """A hundred temporary children with large arguments; they end in two ways."""
    argument = {"state": 0, "more": "x" * ARGUMENT_BYTES}
    name = f"c115-{strategy}"
    simple = strategy == "simple_one_for_one"
    template = [{"id": "t", "restart": "temporary", "start": {"behaviour": "probe"}}]
    start(client, name, tree(template if simple else [], strategy=strategy))
    for number in range(100):
        spec: Any = {"name": f"{name}-{number}", "argument": argument}
        if not simple:
            spec = child(f"a{number}", f"{name}-{number}", argument, restart="temporary")
        client.request("start_child", sw.start_child(name, spec))
    client.kill(f"{name}-0")
    gone(client, f"{name}-0")


@case("C-115 large arguments of temporary children are not kept")
def arguments_are_not_kept(settings: Settings) -> None:
    for strategy in [*GROUPS, "simple_one_for_one"]:
        with Server(settings.build, log_name="supervisor-c115") as server, server.client() as client:
            before = resident_bytes(server.pid)
            argument_rounds(client, strategy)
            grown = resident_bytes(server.pid) - before
            print(f"     {strategy}: {grown >> 20} MiB for arguments of {100 * ARGUMENT_BYTES >> 20} MiB", flush=True)
            if not settings.build.sanitized:
                check(grown < 50 * ARGUMENT_BYTES, f"{strategy}: memory grew by {grown} bytes")


# --- M --------------------------------------------------------------------------------------------


def pair(client: Client, name: str, strategy: str, argument: Any, **flags: Any) -> None:
    """A supervisor with the children name-a and name-b, under any strategy; `argument` is that of name-a."""
    if strategy != "simple_one_for_one":
        children = [child("a", f"{name}-a", argument), child("b", f"{name}-b")]
        start(client, name, tree(children, strategy=strategy, **flags))
        return
    start(client, name, tree([{"id": "t", "start": {"behaviour": "probe"}}], strategy=strategy, **flags))
    for letter, own in (("a", argument), ("b", {"state": 0})):
        client.request("start_child", sw.start_child(name, {"name": f"{name}-{letter}", "argument": own}))


@case("C-130 intensity 2 with each strategy: two crashes are survived, the third ends all")
def intensity_of_each_strategy(settings: Settings) -> None:
    with Server(settings.build, log_name="supervisor-c130") as server, server.client() as client:
        for strategy in [*GROUPS, "simple_one_for_one"]:
            name = f"c130-{strategy}"
            pair(client, name, strategy, {"state": 0}, intensity=2)
            for _ in range(2):
                before = client.where_is(f"{name}-a")
                end(client, f"{name}-a", "raise")
                back(client, f"{name}-a", before)
                eventually(lambda: counts(client, name)[1] == 2, f"both children of {name} are up")
            end(client, f"{name}-a", "raise")
            for each in (name, f"{name}-a", f"{name}-b"):
                gone(client, each)


@case("C-135 restarts that fail are counted too, and end the supervisor with all its children")
def failed_restarts_count(settings: Settings) -> None:
    files = CaseFiles()
    broken = files.file("broken", exists=False)
    argument = {"init": [["cast", "c135-j", ["append", "try"]], ["if_file", broken, [["error", "broken"]]]]}
    with Server(settings.build, log_name="supervisor-c135") as server, server.client() as client:
        client.start("c135-j", "probe", {"state": []})
        for strategy in [*GROUPS, "simple_one_for_one"]:
            name = f"c135-{strategy}"
            files.file("broken", exists=False)
            pair(client, name, strategy, argument, intensity=4)
            files.file("broken", exists=True)
            client.kill(f"{name}-a")
            for each in (name, f"{name}-a", f"{name}-b"):
                gone(client, each)
    files.remove()


# --- N and O --------------------------------------------------------------------------------------


@case("C-143 children that leave by themselves while their supervisor stops keep their own reasons")
def leaving_during_the_stop(settings: Settings) -> None:
    reasons: list[Any] = [*ORDERLY, "angry"]
    combos = list(itertools.product(["permanent", "transient", "temporary"], reasons))
    with Server(settings.build, ["--workers", "16"], "supervisor-c143") as server, server.client() as client:
        children = [child(f"a{i}", f"c143-{i}", restart=restart) for i, (restart, _) in enumerate(combos)]
        start(client, "c143", tree(children))
        calls = [client.submit_call(f"c143-{i}", [["sleep", 1000], ["stop", reason]])
                 for i, (_, reason) in enumerate(combos)]
        eventually(lambda: all(client.inspect(f"c143-{i}").turn_ms > 0 for i in range(len(combos))), "all turns run")
        client.stop("c143", "shutdown")
        for number, (restart, reason) in zip(calls, combos):
            try:
                client.wait(number)
            except PeeperError as error:
                check_equal((error.status, error.reason), ("DOWN", reason), f"answer of the {restart} child")
            else:
                raise Failure(f"the {restart} child that left with {reason} answered")
        check_equal(client.list_page("c143")[0], [], "what is left")


AUTOMATIC = ["never", "any_significant", "all_significant"]


@case("C-146 a child that is not significant never ends its supervisor: 24 combinations")
def not_significant(settings: Settings) -> None:
    with Server(settings.build, log_name="supervisor-c146") as server, server.client() as client:
        combos = itertools.product(AUTOMATIC, ["temporary", "transient"], ["terminate", "kill", "raise", "normal"])
        for number, (auto, restart, how) in enumerate(combos):
            name = f"c146-{number}"
            start(client, name, tree([child("a", f"{name}-a", restart=restart), child("b", f"{name}-b")],
                                     auto_shutdown=auto))
            bystander = client.where_is(f"{name}-b")
            end_somehow(client, name, how)
            again = restart == "transient" and how in ("kill", "raise")
            eventually(lambda: is_up(client, f"{name}-a") == again, f"{auto} {restart} {how}: the child is as expected")
            check_equal(client.where_is(f"{name}-b"), bystander, f"{auto} {restart} {how}: the other child")
            check(is_up(client, name), f"{auto} {restart} {how}: the supervisor is gone")


def end_somehow(client: Client, name: str, how: str) -> None:
    """Ends the child "a" of the supervisor, and waits until that incarnation is over."""
    before = client.where_is(f"{name}-a")
    if how == "terminate":
        client.request("terminate_child", sw.terminate_child(name, "a"))
    else:
        end(client, f"{name}-a", how)
    eventually(lambda: client.where_is(f"{name}-a") != before, f"the end of {name}-a")


@case("C-147 any_significant: which ends of a significant child stop the supervisor and all siblings")
def any_significant(settings: Settings) -> None:
    ends = {("temporary", "terminate"): False, ("temporary", "kill"): True, ("temporary", "raise"): True,
            ("temporary", "normal"): True, ("transient", "terminate"): False, ("transient", "kill"): False,
            ("transient", "raise"): False, ("transient", "normal"): True}
    with Server(settings.build, log_name="supervisor-c147") as server, server.client() as client:
        for number, ((restart, how), stops) in enumerate(ends.items()):
            name = f"c147-{number}"
            start(client, name, tree([child("a", f"{name}-a", restart=restart, significant=True),
                                      child("b", f"{name}-b")], auto_shutdown="any_significant"))
            end_somehow(client, name, how)
            if stops:
                for each in (name, f"{name}-a", f"{name}-b"):
                    gone(client, each)
                continue
            if how in ("kill", "raise"):
                eventually(lambda: is_up(client, f"{name}-a"), f"{restart} {how}: the child is back")
            check(is_up(client, name) and is_up(client, f"{name}-b"), f"{restart} {how}: the supervisor is gone")


@case("C-149 significant children that are restarted or stopped as bystanders stop nothing")
def significant_bystanders(settings: Settings) -> None:
    with Server(settings.build, log_name="supervisor-c149") as server, server.client() as client:
        for number, (strategy, auto) in enumerate(itertools.product(GROUPS, AUTOMATIC[1:])):
            name = f"c149-{number}"
            start(client, name, tree([child("p", f"{name}-p"),
                                      child("s", f"{name}-s", restart="transient", significant=True),
                                      child("t", f"{name}-t", restart="temporary", significant=True)],
                                     strategy=strategy, auto_shutdown=auto))
            before = client.where_is(f"{name}-p")
            end(client, f"{name}-p", "kill")
            back(client, f"{name}-p", before)
            eventually(lambda: is_up(client, f"{name}-s"), f"{strategy} {auto}: the bystander is back")
            eventually(lambda: is_up(client, f"{name}-t") == (strategy == "one_for_one"),
                       f"{strategy}: the temporary one is as expected")
            check(is_up(client, name), f"{strategy} {auto}: the supervisor is gone")
