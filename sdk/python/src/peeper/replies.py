"""Replies: what a request is answered, from the field of ServerFrame that is set."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import answers
from ._gen.peeper.v1 import peeper_pb2 as pb
from .reading import read
from .values import decode, decode_or_keep

_SHAPES: dict[str, type[Any]] = {
    "started": answers.Started,
    "listing": answers.Listing,
    "actor_info": answers.ActorInfo,
    "children": answers.Children,
    "child_counts": answers.ChildCounts,
    "state": answers.StateInfo,
    "crash_listing": answers.CrashListing,
    "crash_report": answers.CrashReport,
    "generations": answers.Generations,
    "transfer_prepared": answers.TransferPrepared,
    "upgrade_report": answers.UpgradeReport,
}


def _rows(frame: pb.ServerFrame) -> answers.Rows:
    told = frame.rows
    rows = [read(answers.Row, row) for row in told.rows]
    return answers.Rows(rows, decode(told.next), more=bool(told.next))


_SPECIAL: dict[str, Callable[[pb.ServerFrame], Any]] = {
    "reply": lambda frame: decode_or_keep(frame.reply.payload),
    "done": lambda frame: None,
    "pong": lambda frame: None,
    "located": lambda frame: answers.Incarnation(frame.located.id) if frame.located.id else None,
    "monitored": lambda frame: frame.monitored.ref,
    "watching": lambda frame: frame.watching.ref,
    "behaviour_listing": lambda frame: [read(answers.BehaviourInfo, one)
                                        for one in frame.behaviour_listing.behaviours],
    "table_listing": lambda frame: [read(answers.TableInfo, one) for one in frame.table_listing.tables],
    "rows": _rows,
}


def reply_of(frame: pb.ServerFrame, body: str) -> Any:
    """The native answer in field `body`."""
    special = _SPECIAL.get(body)
    if special is not None:
        return special(frame)
    return read(_SHAPES[body], getattr(frame, body))
