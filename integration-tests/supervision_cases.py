"""Random trees under random blows, compared with the model after each: the whole tree, who went on and who is new."""
from __future__ import annotations

import random
import time
from typing import Any, Callable, Optional

import peeper_wire as wire
import supervisor_wire as sw
from case_files import CaseFiles
from case_registry import Settings, case
from peeper_wire import Client, PeeperError, call_message, decode_value
from server_process import Failure, Server, check, check_equal
from supervision_model import FAILED, IGNORED, Life, Model, Node, walk
from supervision_trees import (Moods, Trees, child_spec, flags_spec, living, supervisor_spec,
                                tree_text)

TREES_QUICK = 150
TREES_FULL = 2000
STEPS = 40
SETTLE_S = 10.0
REASONS: list[Any] = ["normal", "shutdown", ["shutdown", "why"], "angry", {"because": 7}]


def orderly(reason: Any) -> bool:
    return reason in ("normal", "shutdown") or (isinstance(reason, list) and reason[:1] == ["shutdown"])


class Mismatch(Failure):
    """The server's tree is not the model's (yet)."""


def same(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise Mismatch(f"{what}: the model has {expected!r}, the server {actual!r}")


# --- Comparing ------------------------------------------------------------------------------------


class Eye:
    """Looks at the server's tree and knows which incarnation each life of the model is."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.ids: dict[Life, int] = {}
        self.units: dict[int, int] = {}
        self.names: set[str] = set()  # all that ever were

    def look(self, root: Node) -> None:
        """Raises Mismatch where server and model differ; else learns the ids of new lives."""
        fresh: dict[Life, int] = {}
        units: dict[int, int] = {}
        if root.life is None:
            same(self.client.where_is(root.name), 0, f"id of {root.name}")
        else:
            self._match(root.name, root.life, self.client.where_is(root.name), 0, fresh, units)
            self._look_below(root, fresh, units)
        self._names(root, fresh)
        self.ids.update(fresh)
        self.units.update(units)

    def _match(self, what: str, life: Life, incarnation: int, unit: int, fresh: dict[Life, int],
               units: dict[int, int]) -> None:
        if life in self.ids:
            same(incarnation, self.ids[life], f"incarnation of {what}, which goes on")
        else:
            known = incarnation in self.ids.values() or incarnation in fresh.values()
            same(incarnation != 0 and not known, True, f"{what} has a new incarnation ({incarnation})")
            fresh[life] = incarnation
        if unit == 0:
            return
        if life.unit in self.units:
            same(unit, self.units[life.unit], f"unit of {what}, which goes on")
        else:
            same(unit in self.units.values() or unit in units.values(), False, f"{what} has an old unit")
            units[life.unit] = unit

    def _look_below(self, node: Node, fresh: dict[Life, int], units: dict[int, int]) -> None:
        own = node.supervisor
        assert own is not None
        seen = self._children(node)
        same([child["id"] for child in seen], [child.id for child in own.children], f"ids below {node.name}")
        for child, found in zip(own.children, seen):
            what = f"{child.id or child.name} below {node.name}"
            same(found["status"], "running" if child.alive else "stopped", f"status of {what}")
            same((found["restart"], found["significant"], found["supervisor"]),
                 (child.restart, child.significant, child.supervisor is not None), f"flags of {what}")
            if child.life is None:
                same(found["incarnation"], 0, f"incarnation of {what}")
                continue
            self._match(what, child.life, found["incarnation"], found["unit"], fresh, units)
            if child.supervisor is not None:
                self._look_below(child, fresh, units)

    def _children(self, node: Node) -> list[dict[str, Any]]:
        try:
            return list(reversed(sw.all_children(self.client, node.name)))
        except PeeperError as error:
            raise Mismatch(f"children of {node.name}: {error}") from error

    def _names(self, root: Node, fresh: dict[Life, int]) -> None:
        """Every name leads to its incarnation, and those of nobody to nobody."""
        alive = {node.name: node.life for node in walk(root) if node.life is not None}
        self.names |= set(alive)
        names = sorted(self.names)
        for name, incarnation in zip(names, located(self.client, names)):
            life = alive.get(name)
            expected = 0 if life is None else self.ids.get(life) or fresh.get(life)
            same(incarnation, expected, f"id of the name {name}")

    def settle(self, root: Node) -> None:
        until = time.monotonic() + SETTLE_S
        while True:
            try:
                return self.look(root)
            except Mismatch:
                if time.monotonic() > until:
                    raise
                time.sleep(0.001)  # house-rules: sleep: between two polls, bounded by a deadline

    def check_states(self, root: Node) -> None:
        actors = living(root, supervisors=False)
        numbers = [self.client.submit("call", call_message(node.name, "state")) for node in actors]
        for node, number in zip(actors, numbers):
            assert node.life is not None
            same(decode_value(self.client.wait(number).reply.payload), node.life.state, f"state of {node.name}")

    def check_counts(self, node: Node, model: Model) -> None:
        frame = self.client.request("count_children", sw.count_children(node.name))
        same(sw.counts_from(frame), model.counts(node), f"counts of {node.name}")


def located(client: Client, names: list[str]) -> list[int]:
    numbers = [client.submit("where_is", wire.pb.WhereIs(name=name)) for name in names]
    return [client.wait(number).located.id for number in numbers]


# --- One run --------------------------------------------------------------------------------------


class Run:
    """One tree and what happens to it. All chance comes from the seed."""

    def __init__(self, client: Client, seed: int) -> None:
        self.client = client
        self.trees = Trees(seed)
        self.chance = self.trees.chance
        self.files = CaseFiles()
        self.moods = Moods(self.files)
        self.root = self.trees.root()
        self.model = Model(self.root, self._plan)
        self.eye = Eye(client)
        self.story: list[str] = []

    def _plan(self, name: str) -> object:
        return {"fail": FAILED, "ignore": IGNORED, None: None}[self.moods.take(name)]

    def play(self, steps: int) -> None:
        try:
            self._start()
            for _ in range(steps):
                if not self.root.alive:
                    break
                self._step()
            self._stop()
        finally:
            self.files.remove()

    def told(self) -> str:
        return "\n".join(self.story[-12:]) + "\nthe model's tree:\n" + tree_text(self.root)

    def _start(self) -> None:
        for node in self._all_specs(self.root):
            if node.supervisor is None and node.name and self.chance.random() < 0.03:
                self.moods.set(node.name, self.moods.draw(self.chance))
        spec = supervisor_spec(self.root, self.moods)
        result = self.model.start(self.root)
        self.story.append(f"start -> {'REFUSED' if result is FAILED else 'OK'}\n{tree_text(self.root)}")
        self._expect("REFUSED" if result is FAILED else "OK", "start_supervisor", sw.start_supervisor("", spec))
        self._compare()

    def _all_specs(self, node: Node) -> list[Node]:
        own = node.supervisor.static if node.supervisor else []
        return [node] + [below for child in own for below in self._all_specs(child)]

    def _stop(self) -> None:
        if self.root.alive:
            self.story.append("stop the root")
            self.client.stop(self.root.name, "shutdown")
            self.model.end(self.root, keep=False)
        self._compare()

    def _compare(self) -> None:
        self.eye.settle(self.root)
        self.eye.check_states(self.root)
        if self.root.alive:
            self.eye.check_counts(self.chance.choice(living(self.root, supervisors=True)), self.model)

    def _expect(self, status: str, verb: str, message: Any) -> Any:
        """Sends a request that must be answered by this status; IGNORED is a Started with that word."""
        try:
            frame = self.client.request(verb, message)
        except PeeperError as error:
            # A child may refuse by an error or by an exit.
            known = "REFUSED" if status == "REFUSED" and error.reason == "planned" else error.status
            same(known, status, f"answer of {verb} ({error})")
            return None
        ignored = frame.WhichOneof("body") == "started" and frame.started.ignored
        same("IGNORED" if ignored else "OK", status, f"answer of {verb}")
        return frame

    # The steps

    def _step(self) -> None:
        moves: list[tuple[int, Callable[[], Optional[str]]]] = [
            (20, self._crash), (8, self._kill), (10, self._exit), (6, self._client_stop), (1, self._segfault),
            (8, self._kill_supervisor), (2, self._stop_supervisor), (14, self._start_child),
            (8, self._terminate_child), (8, self._restart_child), (6, self._delete_child), (6, self._change_state),
            (10, self._change_mood), (5, self._change_flags), (16, self._transfer),
        ]
        weights = [weight for weight, _ in moves]
        move = self.chance.choices([move for _, move in moves], weights)[0]
        if move() is None:
            return
        self._compare()

    def _pick(self, nodes: list[Node]) -> Optional[Node]:
        return self.chance.choice(nodes) if nodes else None

    def _actor(self) -> Optional[Node]:
        return self._pick(living(self.root, supervisors=False))

    def _tell(self, text: str) -> str:
        self.story.append(text)
        return text

    def _call_that_ends(self, node: Node, message: Any, status: str) -> None:
        self._expect(status, "call", call_message(node.name, message))

    def _crash(self) -> Optional[str]:
        node = self._actor()
        if node is None:
            return None
        told = self._tell(f"crash {node.name}")
        self._call_that_ends(node, [["raise", "boom"]], "CRASHED")
        self.model.ended(node, orderly=False)
        return told

    def _segfault(self) -> Optional[str]:
        node = self._actor()
        if node is None:
            return None
        told = self._tell(f"segfault {node.name}")
        self._call_that_ends(node, "segfault", "CRASHED")
        self.model.ended(node, orderly=False)
        return told

    def _kill(self) -> Optional[str]:
        node = self._actor()
        if node is None:
            return None
        told = self._tell(f"kill {node.name}")
        self.client.kill(node.name)
        self.model.ended(node, orderly=False)
        return told

    def _exit(self) -> Optional[str]:
        node = self._actor()
        if node is None:
            return None
        reason = self.chance.choice(REASONS)
        verb = self.chance.choice(["stop", "exit"])
        told = self._tell(f"{node.name} does {verb} {reason}")
        self._call_that_ends(node, [[verb, reason]], "DOWN")
        self.model.ended(node, orderly(reason))
        return told

    def _client_stop(self) -> Optional[str]:
        node = self._actor()
        if node is None:
            return None
        reason = self.chance.choice(REASONS)
        told = self._tell(f"a client stops {node.name} with {reason}")
        self.client.stop(node.name, reason)
        self.model.ended(node, orderly(reason))
        return told

    def _supervisor(self, below_root: bool = False) -> Optional[Node]:
        nodes = living(self.root, supervisors=True)
        return self._pick([node for node in nodes if node is not self.root] if below_root else nodes)

    def _kill_supervisor(self) -> Optional[str]:
        node = self._supervisor(below_root=self.chance.random() < 0.9)
        if node is None:
            return None
        told = self._tell(f"kill supervisor {node.name}")
        self.client.kill(node.name)
        self.model.ended(node, orderly=False)
        return told

    def _stop_supervisor(self) -> Optional[str]:
        node = self._supervisor(below_root=True)
        if node is None:
            return None
        reason = self.chance.choice(REASONS)
        told = self._tell(f"a client stops supervisor {node.name} with {reason}")
        self.client.stop(node.name, reason)
        self.model.ended(node, orderly(reason))
        return told

    def _start_child(self) -> Optional[str]:
        parent = self._supervisor()
        if parent is None or parent.supervisor is None:
            return None
        own = parent.supervisor
        if own.simple:
            child = self.trees.dynamic_child(own.static[0])
            spec: Any = {"name": child.name, "argument": self.moods.argument(child)}
        else:
            again = self._pick(own.children) if self.chance.random() < 0.3 else None
            child = self.trees.child(own.auto_shutdown, depth=self.chance.choice([1, 2, 3, 3]),
                                     child_id=again.id if again else None)
            spec = child_spec(child, self.moods)
        if child.supervisor is None and self.chance.random() < 0.15:
            self.moods.set(child.name, self.moods.draw(self.chance))
        told = self._tell(f"start_child {child.id} {child.name} {child.restart} in {parent.name}")
        self._expect(self.model.start_child(parent, child), "start_child", sw.start_child(parent.name, spec))
        return told

    def _some_child(self) -> tuple[Optional[Node], Optional[Node]]:
        parent = self._supervisor()
        if parent is None or parent.supervisor is None:
            return None, None
        return parent, self._pick(parent.supervisor.children)

    def _terminate_child(self) -> Optional[str]:
        parent, child = self._some_child()
        if parent is None or parent.supervisor is None:
            return None
        told = self._tell(f"terminate_child {child and child.name} in {parent.name}")
        which: Any = child.id if child else "nobody"
        if parent.supervisor.simple:
            which = self.eye.ids[child.life] if child and child.life else 12345678912345
        expected = self.model.terminate_child(parent, child)
        self._expect(expected, "terminate_child", sw.terminate_child(parent.name, which))
        return told

    def _restart_child(self) -> Optional[str]:
        parent, child = self._some_child()
        if parent is None or parent.supervisor is None:
            return None
        told = self._tell(f"restart_child {child and child.name} in {parent.name}")
        expected = "SIMPLE_ONE_FOR_ONE" if parent.supervisor.simple else self.model.restart_child(child)
        self._expect(expected, "restart_child", sw.restart_child(parent.name, (child and child.id) or "nobody"))
        return told

    def _delete_child(self) -> Optional[str]:
        parent, child = self._some_child()
        if parent is None or parent.supervisor is None:
            return None
        told = self._tell(f"delete_child {child and child.name} in {parent.name}")
        expected = "SIMPLE_ONE_FOR_ONE" if parent.supervisor.simple else self.model.delete_child(parent, child)
        self._expect(expected, "delete_child", sw.delete_child(parent.name, (child and child.id) or "nobody"))
        return told

    def _transfer(self) -> Optional[str]:
        child = self._actor()
        if child is None or child.parent is None or child.parent.supervisor is None:
            return None
        elsewhere = [node for node in living(self.root, supervisors=True) if node is not child.parent]
        target = self._pick(elsewhere) if elsewhere or self.chance.random() < 0.9 else child.parent
        if target is None:
            return None
        # Added under the id of one that was deleted: the spec that names that one would go along.
        static = child.parent.supervisor.static
        if child not in static and child.id in [other.id for other in static]:
            return None
        told = self._tell(f"transfer {child.name} from {child.parent.name} to {target.name}")
        self._expect(self.model.transfer(child, target), "transfer",
                     wire.pb.Transfer(name=child.name, target=target.name))
        return told

    def _change_state(self) -> Optional[str]:
        node = self._actor()
        if node is None or node.life is None:
            return None
        value = self.chance.randrange(1000, 2000)
        told = self._tell(f"{node.name} gets the state {value}")
        self._expect("OK", "call", call_message(node.name, [["set", value], ["reply", "ok"]]))
        node.life.state = value
        return told

    def _change_mood(self) -> Optional[str]:
        moody = sorted(self.moods.moods)
        if moody and self.chance.random() < 0.6:
            name, mood = self.chance.choice(moody), None
        else:
            node = self._actor()
            if node is None:
                return None
            name, mood = node.name, self.moods.draw(self.chance)
        self.moods.set(name, mood)
        return self._tell(f"the next init of {name}: {mood}")

    def _change_flags(self) -> Optional[str]:
        node = self._supervisor()
        if node is None or node.supervisor is None or node.supervisor.simple:
            return None
        own = node.supervisor
        # A child that was added under the id of one that was deleted would be given the other's spec.
        ids = [child.id for child in own.static]
        if any(child.id in ids and child not in own.static for child in own.children):
            return None
        # The new spec is drawn from what runs: below, it must say what the old one said.
        if own.changed_below():
            return None
        flags = self.trees.flags(own)
        told = self._tell(f"change {node.name} to {flags.strategy} {flags.intensity} {flags.auto_shutdown} "
                          f"{[(child.id, restart) for child, restart in zip(flags.static, flags.restarts)]}")
        spec = flags_spec(flags, self.moods)
        self._expect(self.model.change(node, flags), "change_supervisor", sw.change_supervisor(node.name, spec))
        return told


def play(client: Client, seed: int, steps: int = STEPS) -> int:
    """One run; a failure tells the story and how to have it again."""
    run = Run(client, seed)
    try:
        run.play(steps)
    except Exception as failure:
        raise Failure(f"{failure}\n{run.told()}\nagain: integration-tests/run --build BUILD --model-seed {seed}") from failure
    return len(run.story)


@case("model: random trees of supervisors under random blows do what OTP's would do")
def random_trees(settings: Settings) -> None:
    trees = TREES_QUICK if settings.quick else TREES_FULL
    first = settings.model_seed
    seeds = [first] if first is not None else [random.randrange(1 << 31) for _ in range(trees)]
    begun = time.monotonic()
    played = steps = 0
    with Server(settings.build, log_name="supervision-model") as server, server.client() as client:
        for seed in seeds:
            steps += play(client, seed)
            played += 1
            check_equal(client.pushed, [], "frames that nobody asked for")
    print(f"     {played} trees, {steps} steps in {time.monotonic() - begun:.1f} s", flush=True)
    check(played > 0, "no tree was played")
