"""Random trees and random sequences for the model of supervision: what is drawn from a seed, and nothing else."""
from __future__ import annotations

import random
from typing import Any, Optional

from supervision_model import Flags, Node, Supervisor, walk

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"]
RESTARTS = ["permanent", "transient", "temporary"]
SHUTDOWNS: list[Any] = [5000, 1000, "infinity", "brutal_kill"]
DEPTH_MAX = 3
CHILDREN_MAX = 4
PERIOD_MS = 3_600_000  # the longest: within one run restarts only add up


class Trees:
    """Draws nodes. Names are unique within one server: they begin with the seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.prefix = f"m{seed}"
        self._numbers = iter(range(1, 1_000_000))

    def root(self) -> Node:
        """Mostly one that survives a while."""
        node = self._supervisor("root", 1)
        if node.supervisor is not None and self.chance.random() < 0.8:
            node.supervisor.intensity = self.chance.choice([5, 10, 20])
        return node

    def child(self, auto_shutdown: str, depth: int = DEPTH_MAX, child_id: Optional[str] = None) -> Node:
        """A child for a supervisor with that rule; a supervisor itself only above `depth`."""
        own_id = child_id or f"c{next(self._numbers)}"
        if depth < DEPTH_MAX and self.chance.random() < 0.4:
            node = self._supervisor(own_id, depth + 1)
        else:
            node = Node(own_id, self._name(own_id), initial=self.chance.randrange(1000))
            node.shutdown = self.chance.choice(SHUTDOWNS)
        node.restart = self.chance.choice(RESTARTS)
        if auto_shutdown != "never" and node.restart != "permanent":
            node.significant = self.chance.random() < 0.5
        return node

    def _name(self, own_id: str) -> str:
        return f"{self.prefix}-{own_id}-{next(self._numbers)}"

    def _supervisor(self, own_id: str, depth: int) -> Node:
        node = Node(own_id, self._name(own_id), shutdown="infinity")
        strategy = self.chance.choice(STRATEGIES)
        intensity = self.chance.choice([0, 1, 2, 3, 5])
        auto = "never"
        if strategy != "simple_one_for_one" and self.chance.random() < 0.3:
            auto = self.chance.choice(["any_significant", "all_significant"])
        node.supervisor = Supervisor(strategy, intensity, auto)
        if strategy == "simple_one_for_one":
            template = Node("template", "", self.chance.choice(RESTARTS))
            node.supervisor.static = [template]
        else:
            count = self.chance.randrange(CHILDREN_MAX + 1)
            node.supervisor.static = [self.child(auto, depth) for _ in range(count)]
        return node

    def flags(self, own: Supervisor) -> Flags:
        """Another spec for a running supervisor: other flags, other restart types, perhaps one child more."""
        flags = own.flags()
        flags.intensity = own.intensity + self.chance.randrange(3)
        if self.chance.random() < 0.5:
            flags.auto_shutdown = self.chance.choice(["never", "any_significant", "all_significant"])
        if self.chance.random() < 0.5:
            flags.strategy = self.chance.choice(STRATEGIES[:3])
        if self.chance.random() < 0.4:
            flags.static.append(self.child(flags.auto_shutdown))
            flags.restarts.append(flags.static[-1].restart)
        if flags.static and self.chance.random() < 0.4:
            flags.restarts[self.chance.randrange(len(flags.static))] = self.chance.choice(RESTARTS)
        return flags

    def dynamic_child(self, template: Node) -> Node:
        """A child of a simple_one_for_one: its id is empty, the rest is the template's."""
        own_id = f"d{next(self._numbers)}"
        return Node("", self._name(own_id), template.restart, shutdown=template.shutdown,
                    initial=self.chance.randrange(1000))


FAILURES_MAX = 2


class Moods:
    """What the next inits of an actor do, and the files by which its probe learns of it."""

    def __init__(self, paths: Any) -> None:
        self._paths = paths  # case_files.CaseFiles
        self.moods: dict[str, str] = {}  # name: "fail", "ignore", or a digit: it fails so many times

    def draw(self, chance: random.Random) -> str:
        return chance.choice(["fail", "ignore", "1", "2"])

    def set(self, name: str, mood: Optional[str]) -> None:
        if mood is None:
            self.moods.pop(name, None)
        else:
            self.moods[name] = mood
        for word in ("fail", "ignore"):
            self._paths.file(f"{name}.{word}", mood == word)
        for number in range(1, FAILURES_MAX + 1):
            self._paths.file(f"{name}.{number}", mood in ("1", "2") and number <= int(mood))

    def take(self, name: str) -> Optional[str]:
        """The mood for one init, of which the probe takes the file away itself."""
        mood = self.moods.get(name)
        if mood not in ("1", "2"):
            return mood
        if mood == "1":
            del self.moods[name]
        else:
            self.moods[name] = "1"
        return "fail"

    def argument(self, node: Node) -> dict[str, Any]:
        """The argument of a probe that keeps to its mood."""
        init: list[Any] = []
        for number in range(FAILURES_MAX, 0, -1):
            once = str(self._paths.path(f"{node.name}.{number}"))
            # A file for each failure, and a step does not go on after an error: see `take`.
            init.append(["if_file", once, [["remove_file", once], ["exit", "planned"]]])
        for word, step in (("fail", ["error", "planned"]), ("ignore", "ignore")):
            init.append(["if_file", str(self._paths.path(f"{node.name}.{word}")), [step]])
        return {"state": node.initial, "init": init}


def actor_start(node: Node, moods: Moods) -> dict[str, Any]:
    return {"behaviour": "probe", "name": node.name, "argument": moods.argument(node)}


def child_spec(node: Node, moods: Moods) -> dict[str, Any]:
    start = {"supervisor": supervisor_spec(node, moods)} if node.supervisor else actor_start(node, moods)
    return {"id": node.id, "start": start, "restart": node.restart, "shutdown": node.shutdown,
            "significant": node.significant}


def supervisor_spec(node: Node, moods: Moods) -> dict[str, Any]:
    own = node.supervisor
    assert own is not None
    return {"name": node.name, **flags_spec(own.flags(), moods)}


def flags_spec(flags: Flags, moods: Moods) -> dict[str, Any]:
    if flags.strategy == "simple_one_for_one":
        template = flags.static[0]
        children = [{"id": template.id, "start": {"behaviour": "probe"}, "restart": template.restart,
                     "shutdown": template.shutdown}]
    else:
        children = [{**child_spec(child, moods), "restart": restart}
                    for child, restart in zip(flags.static, flags.restarts)]
    return {"strategy": flags.strategy, "intensity": flags.intensity, "period_ms": PERIOD_MS,
            "auto_shutdown": flags.auto_shutdown, "children": children}


def tree_text(node: Node, depth: int = 0) -> str:
    """The tree for a person."""
    own = node.supervisor
    words = [node.id or "-", node.name, node.restart, f"life {node.life.unit}" if node.life else "no life"]
    if node.significant:
        words.append("significant")
    if own is not None:
        words += [own.strategy, f"{own.restarts}/{own.intensity}", own.auto_shutdown]
    lines = ["  " * depth + " ".join(words)]
    lines += [tree_text(child, depth + 1) for child in (own.children if own else [])]
    return "\n".join(lines)


def living(root: Node, supervisors: bool) -> list[Node]:
    return [node for node in walk(root) if node.alive and (node.supervisor is not None) == supervisors]
