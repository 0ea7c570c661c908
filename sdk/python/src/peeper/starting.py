"""Starting: what the verbs that start something share."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import Started
from .asking import text
from .values import Value, encode

if TYPE_CHECKING:
    from .session import Session, Then


def start_message(name: str, behaviour: str, argument: Value) -> pb.Start:
    """A Start without its options."""
    return pb.Start(name=text(name, "name"), behaviour=text(behaviour, "behaviour"), argument=encode(argument))


def started(session: Session, link: bool) -> Then:
    """Puts the monitor and the link that a start has asked for into its Started."""
    def then(told: Started, frame: pb.ServerFrame, wanted: bool) -> Started:
        if told.id is None:
            return told
        ref = frame.started.monitor
        monitor = session.ties.monitored(told.name or told.id, ref, told.id) if ref else None
        targets = (told.id, told.name) if told.name else (told.id,)
        return dataclasses.replace(told, monitor=monitor, link=session.ties.linked(*targets) if link else None)
    return then
