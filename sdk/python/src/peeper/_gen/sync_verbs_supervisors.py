"""Written by tools/gen-python; do not edit. Verbs of the blocking client: supervisors, their children, and transfers between them."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .peeper.v1 import peeper_pb2 as pb
from ..answers import ChildCounts, Children, Incarnation, Started, TransferPrepared
from ..asking import Asks, Target, aim, number, text
from ..errors import InvalidArgument
from ..values import encode

Spec = Mapping[str, Any]
"""A supervisor's or child's spec, as docs/supervision.md describes it."""


class SupervisorVerbs(Asks):
    def start_supervisor(self, name: str, spec: Spec, *, timeout: Optional[float] = None) -> Started:
        """Starts a supervisor with all its children, in order, or nothing at all.

        `name`: "" means the spec's own "name", or none.

        Fails with BadSpec, UnknownBehaviour, AlreadyStarted, Refused, Timeout or Down.
        """
        request = pb.StartSupervisor(name=text(name, "name"), spec=encode(spec), timeout_ms=self._ms(timeout))
        return self._ask("start_supervisor", request, "started", timeout=timeout)

    def start_child(self, supervisor: Target, spec: Spec, *, timeout: Optional[float] = None) -> Started:
        """Adds a child and starts it. For simple_one_for_one the spec may hold "name" and "argument" only.

        `timeout`: seconds for its init; without it those that its spec gives to it.
        """
        request = pb.StartChild(spec=encode(spec), timeout_ms=0 if timeout is None else self._ms(timeout))
        aim(request, supervisor)
        return self._ask("start_child", request, "started", timeout=timeout)

    def terminate_child(self, supervisor: Target, child: str | Incarnation, *,
                        timeout: Optional[float] = None) -> None:
        """Stops a child as its spec says; the spec stays unless it is temporary.

        `child`: its id in the supervisor, or its incarnation under simple_one_for_one.
        """
        request = pb.TerminateChild(timeout_ms=self._ms(timeout))
        aim(request, supervisor)
        _mean(request, child)
        return self._ask("terminate_child", request, "done", timeout=timeout)

    def restart_child(self, supervisor: Target, child: str, *, timeout: Optional[float] = None) -> Started:
        """Starts a child again that was stopped. Its state begins anew. `timeout`: as for start_child."""
        request = pb.RestartChild(child=text(child, "child"), timeout_ms=0 if timeout is None else self._ms(timeout))
        aim(request, supervisor)
        return self._ask("restart_child", request, "started", timeout=timeout)

    def delete_child(self, supervisor: Target, child: str) -> None:
        """Forgets the spec of a stopped child."""
        request = pb.DeleteChild(child=text(child, "child"))
        aim(request, supervisor)
        return self._ask("delete_child", request, "done")

    def which_children(self, supervisor: Target = "", *, child: str = "", cursor: int = 0,
                       limit: int = 0) -> Children:
        """A page of children, newest first. Of no supervisor: who has none."""
        request = pb.WhichChildren(child=text(child, "child"), cursor=number(cursor, 64, "cursor"),
                                   limit=number(limit, 32, "limit"))
        aim(request, supervisor)
        return self._ask("which_children", request, "children")

    def count_children(self, supervisor: Target) -> ChildCounts:
        """How many children there are, and how many of them run."""
        request = pb.CountChildren()
        aim(request, supervisor)
        return self._ask("count_children", request, "child_counts")

    def get_child_spec(self, supervisor: Target, child: str | Incarnation) -> dict[str, Any]:
        """A child's spec, with all defaults filled in."""
        request = pb.GetChildSpec()
        aim(request, supervisor)
        _mean(request, child)
        return self._ask("get_child_spec", request, "reply")

    def check_specs(self, specs: Sequence[Spec]) -> None:
        """Checks children's specs and starts nothing. Fails with BadSpec or UnknownBehaviour."""
        return self._ask("check_specs", pb.CheckSpecs(specs=encode(specs)), "done")

    def change_supervisor(self, supervisor: Target, spec: Optional[Spec]) -> None:
        """New flags and specs for a supervisor that runs; children go on untouched."""
        request = pb.ChangeSupervisor(spec=encode(spec))
        aim(request, supervisor)
        return self._ask("change_supervisor", request, "done")

    def transfer(self, actor: Target, to: Target, *, source: Optional[Target] = None,
                 timeout: Optional[float] = None) -> Started:
        """Moves an actor to supervisor `to`; name, state and mailbox stay, a new incarnation begins.

        `source`: its supervisor now; else Invalid. None: whichever it is.
        """
        request = pb.Transfer(timeout_ms=self._ms(timeout))
        aim(request, actor)
        _move(request, to, source)
        return self._ask("transfer", request, "started", timeout=timeout)

    def prepare_transfer(self, actor: Target, to: Target, *,
                         source: Optional[Target] = None) -> TransferPrepared:
        """Whether transfer() would be let in now. Its handle is for commit_transfer()."""
        request = pb.PrepareTransfer()
        aim(request, actor)
        _move(request, to, source)
        return self._ask("prepare_transfer", request, "transfer_prepared")

    def commit_transfer(self, handle: int, *, timeout: Optional[float] = None) -> Started:
        """Does what was prepared. Fails with Conflict where that is no longer so."""
        request = pb.CommitTransfer(handle=number(handle, 64, "handle"), timeout_ms=self._ms(timeout))
        return self._ask("commit_transfer", request, "started", timeout=timeout)


def _mean(request: pb.TerminateChild | pb.GetChildSpec, child: str | Incarnation) -> None:
    if isinstance(child, Incarnation):
        request.incarnation = number(child, 64, "child")
    else:
        request.child = text(child, "child")


def _move(request: pb.Transfer | pb.PrepareTransfer, to: Target, source: Optional[Target]) -> None:
    for target, name in ((to, "target"), (source, "source")):
        if isinstance(target, Incarnation):
            setattr(request, name + "_id", number(target, 64, name))
        elif target is not None:
            setattr(request, name, text(target, name))
        elif name == "target":
            raise InvalidArgument("to: None; give the supervisor to move it to")
