"""The list of named cases that `run` goes through, and the decorator by which a module adds to it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Optional

from server_process import Build


@dataclass
class Settings:
    """What the command line decided."""

    build: Build
    quick: bool  # fewer rounds, for a developer's own machine
    model_seed: Optional[int] = None  # the one tree that the model-based test shall play


Body = Callable[[Settings], None]


@dataclass
class Case:
    name: str
    body: Body


CASES: list[Case] = []


def case(name: str) -> Callable[[Body], Body]:
    """Registers a function as a case; it raises to fail."""

    def add(body: Body) -> Body:
        CASES.append(Case(name, body))
        return body

    return add
