"""What a tree of supervisors does, in plain Python: OTP's supervisor without processes and without time.

A node is a child as its supervisor sees it: its spec, and the life (incarnation) that it has now, if any. Two lives
are never equal, so that a test can tell a child that went on from one that was replaced.
"""
from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterator, Optional

FAILED = object()  # what a start may answer instead of a life
IGNORED = object()


@dataclass(eq=False)
class Life:
    """One incarnation; `state` is that of an actor, `unit` what stays the same over its restarts."""

    unit: int
    state: Any = None


@dataclass(eq=False)
class Node:
    """A child of a supervisor, or the root."""

    id: str
    name: str
    restart: str = "permanent"
    significant: bool = False
    shutdown: Any = 5000
    initial: Any = None  # the state that an actor begins with
    supervisor: Optional[Supervisor] = None
    parent: Optional[Node] = None
    life: Optional[Life] = None
    kept: Optional[Life] = None  # the life before, of a unit that is to be restarted

    @property
    def alive(self) -> bool:
        return self.life is not None


@dataclass
class Flags:
    """A supervisor's own spec, as far as it can be changed while it runs."""

    strategy: str
    intensity: int
    auto_shutdown: str
    static: list[Node]
    restarts: list[str]  # the restart types of the static children


@dataclass(eq=False)
class Supervisor:
    strategy: str
    intensity: int
    auto_shutdown: str = "never"
    static: list[Node] = field(default_factory=list)  # what it starts with; the template of a simple one
    children: list[Node] = field(default_factory=list)  # in start order; empty while it does not live
    restarts: int = 0
    origin: Optional[Flags] = None  # as its parent's spec has it, where a change has made it another

    def flags(self) -> Flags:
        return Flags(self.strategy, self.intensity, self.auto_shutdown, list(self.static),
                     [child.restart for child in self.static])

    def changed_below(self) -> bool:
        """Whether a supervisor in the spec runs by another one of its own now."""
        subs = [child.supervisor for child in self.static if child.supervisor is not None]
        return any(sub.origin is not None or sub.changed_below() for sub in subs)

    def take(self, flags: Flags) -> None:
        self.strategy, self.intensity, self.auto_shutdown = flags.strategy, flags.intensity, flags.auto_shutdown
        self.static = list(flags.static)
        for child, restart in zip(self.static, flags.restarts):
            child.restart = restart

    @property
    def simple(self) -> bool:
        return self.strategy == "simple_one_for_one"

    def find(self, child_id: str) -> Optional[Node]:
        return next((child for child in self.children if child.id == child_id), None)


def walk(node: Node) -> Iterator[Node]:
    yield node
    if node.supervisor is not None:
        for child in node.supervisor.children:
            yield from walk(child)


def everyone(node: Node) -> Iterator[Node]:
    """Also those below a supervisor that does not live, which are to be started again with it."""
    yield node
    own = node.supervisor
    if own is not None:
        for child in own.children + [child for child in own.static if child not in own.children]:
            yield from everyone(child)


class Model:
    """One tree. `plan` says of an actor's name what its next init does: None, FAILED or IGNORED."""

    def __init__(self, root: Node, plan: Callable[[str], object]) -> None:
        self.root = root
        self.plan = plan
        self._units = itertools.count(1)

    # Starting and stopping

    def start(self, node: Node) -> object:
        """A life, FAILED or IGNORED. A unit that was kept goes on in it, with its state."""
        if node.supervisor is not None:
            return self._start_supervisor(node, node.supervisor)
        if self._name_held(node):
            return FAILED
        planned = self.plan(node.name)
        if planned is IGNORED:
            node.kept = None
        if planned is not None:
            return planned
        before, node.kept = node.kept, None
        node.life = Life(before.unit, before.state) if before else Life(next(self._units), node.initial)
        return node.life

    def _name_held(self, node: Node) -> bool:
        """By one that was transferred away from a spec which still names it."""
        return any(other.name == node.name and other is not node and (other.alive or other.kept is not None)
                   for other in everyone(self.root))

    def _start_supervisor(self, node: Node, own: Supervisor) -> object:
        if node.kept is None and own.origin is not None:
            own.take(own.origin)
            own.origin = None
            own.static = [child if child.parent in (None, node) else replace(child, life=None, kept=None)
                          for child in own.static]
        own.restarts = 0
        own.children = [] if own.simple else list(own.static)
        for child in own.children:
            child.parent = node
        node.life = Life(node.kept.unit if node.kept else next(self._units))
        if self._start_from(own, 0) is not None:
            self.end(node, keep=True)
            return FAILED
        node.kept = None
        return node.life

    def _start_from(self, own: Supervisor, first: int) -> Optional[Node]:
        """Starts the children that have no life, in order; the one that failed, if any."""
        for child in own.children[first:]:
            if child.alive:
                continue
            result = self.start(child)
            if result is FAILED:
                return child
            if result is IGNORED and child.restart == "temporary":
                own.children.remove(child)
        return None

    def end(self, node: Node, keep: bool) -> None:
        """Ends the life of a node and of all below it; `keep`: for a restart, so that units and states stay."""
        if not keep:
            self.forget(node)
        if node.life is None:
            return
        node.kept = node.life if keep else None
        node.life = None
        own = node.supervisor
        if own is None:
            return
        for child in own.children:
            self.end(child, keep and child.restart != "temporary" and child in own.static)
        for child in own.static:
            if child not in own.children:
                self.forget(child)
        own.children = []

    def forget(self, node: Node) -> None:
        """Nothing of it stays, also where it has ended already."""
        node.kept = None
        for child in node.supervisor.static if node.supervisor else []:
            self.forget(child)

    # Ends that nobody ordered

    def ended(self, node: Node, orderly: bool) -> None:
        """The node has ended by itself, or was killed: what follows."""
        parent = node.parent
        again = node.restart == "permanent" or (node.restart == "transient" and not orderly)
        self.end(node, keep=again and parent is not None)
        if parent is None:
            return
        if again:
            self._restart(parent, node)
            return
        self._drop_if(node, node.restart == "temporary" or self._own(parent).simple)
        if self._shuts_down(self._own(parent), node):
            self._supervisor_ends(parent)

    def _own(self, node: Node) -> Supervisor:
        assert node.supervisor is not None
        return node.supervisor

    def _drop_if(self, node: Node, condition: bool) -> None:
        assert node.parent is not None
        if condition:
            self._own(node.parent).children.remove(node)

    def _shuts_down(self, own: Supervisor, ended: Node) -> bool:
        if not ended.significant or own.auto_shutdown == "never":
            return False
        if own.auto_shutdown == "any_significant":
            return True
        return not any(child.significant and child.alive for child in own.children)

    def _supervisor_ends(self, node: Node) -> None:
        """Reason shutdown, which is orderly."""
        self.ended(node, orderly=True)

    def _restart(self, parent: Node, child: Node) -> None:
        own = self._own(parent)
        failed: Optional[Node] = child
        while failed is not None:
            own.restarts += 1
            if own.restarts > own.intensity:
                self._supervisor_ends(parent)
                return
            failed = self._try_restart(own, failed)

    def _try_restart(self, own: Supervisor, child: Node) -> Optional[Node]:
        """One attempt; the child that failed, if any."""
        if own.strategy in ("one_for_one", "simple_one_for_one"):
            result = self.start(child)
            if result is IGNORED and own.simple:
                own.children.remove(child)
            return child if result is FAILED else None
        first = 0 if own.strategy == "one_for_all" else own.children.index(child)
        for bystander in own.children[first:]:
            temporary = bystander.restart == "temporary"
            self.end(bystander, keep=not temporary)
            if temporary:
                own.children.remove(bystander)
        return self._start_from(own, first)

    # The verbs: each answers a status

    def start_child(self, parent: Node, child: Node) -> str:
        own = self._own(parent)
        old = None if own.simple else own.find(child.id)
        if old is not None:
            return "ALREADY_STARTED" if old.alive else "ALREADY_PRESENT"
        child.parent = parent
        result = self.start(child)
        if result is FAILED:
            self.forget(child)
            return "REFUSED"
        if not (result is IGNORED and (own.simple or child.restart == "temporary")):
            own.children.append(child)
        return "IGNORED" if result is IGNORED else "OK"

    def terminate_child(self, parent: Node, child: Optional[Node]) -> str:
        if child is None:
            return "NOT_FOUND"
        self.end(child, keep=False)
        self._drop_if(child, child.restart == "temporary" or self._own(parent).simple)
        return "OK"

    def restart_child(self, child: Optional[Node]) -> str:
        if child is None:
            return "NOT_FOUND"
        if child.alive:
            return "RUNNING"
        if child.supervisor is None and self._name_held(child):
            return "ALREADY_STARTED"
        result = self.start(child)
        if result is FAILED:
            self.forget(child)
            return "REFUSED"
        if result is not IGNORED:
            return "OK"
        # OTP's would stay, listed as stopped; but it is only there at all if a change has added it.
        self._drop_if(child, child.restart == "temporary")
        return "IGNORED"

    def delete_child(self, parent: Node, child: Optional[Node]) -> str:
        if child is None:
            return "NOT_FOUND"
        if child.alive:
            return "RUNNING"
        self._own(parent).children.remove(child)
        return "OK"

    def transfer(self, child: Node, target: Node) -> str:
        """OTP has no such thing: a restart, but elsewhere, and without being counted."""
        assert child.parent is not None
        source, goal = self._own(child.parent), self._own(target)
        if child.parent is target:
            return "INVALID"
        if source.simple != goal.simple:
            return "SIMPLE_ONE_FOR_ONE"
        if goal.simple and goal.static[0].restart != child.restart:
            return "INVALID"
        if not goal.simple and goal.find(child.id) is not None:
            return "ALREADY_PRESENT"
        if child.significant and goal.auto_shutdown == "never":
            return "BAD_SPEC"
        if child in source.static:
            self._move_spec(source, goal, child)
        source.children.remove(child)
        goal.children.append(child)
        child.parent = target
        if child.restart != "temporary":
            self.end(child, keep=True)
            self._begin_at(target, child)
        return "OK"

    def _move_spec(self, source: Supervisor, goal: Supervisor, child: Node) -> None:
        for own in (source, goal):
            own.origin = own.origin or own.flags()
        source.static = [other for other in source.static if other is not child]
        goal.static = [other for other in goal.static if other.id != child.id] + [child]

    def _begin_at(self, target: Node, child: Node) -> None:
        result = self.start(child)
        if result is FAILED:
            self._restart(target, child)
        elif result is IGNORED:
            self._drop_if(child, self._own(target).simple)

    def change(self, node: Node, flags: Flags) -> str:
        """New flags and specs: children that are there are left alone, new ones are only noted."""
        own = self._own(node)
        significant = any(child.significant for child in flags.static)
        permanent = any(child.significant and restart == "permanent"
                        for child, restart in zip(flags.static, flags.restarts))
        if permanent or (significant and flags.auto_shutdown == "never"):
            return "BAD_SPEC"
        own.origin = own.origin or own.flags()
        own.take(flags)
        for child in own.static:
            child.parent = node
            if child not in own.children:
                own.children.append(child)
        return "OK"

    def counts(self, node: Node) -> dict[str, int]:
        own = self._own(node)
        supervisors = sum(child.supervisor is not None for child in own.children)
        return {"specs": 1 if own.simple else len(own.children),
                "active": sum(child.alive for child in own.children),
                "supervisors": supervisors, "workers": len(own.children) - supervisors}
