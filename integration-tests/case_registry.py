"""The list of named cases that `run` goes through, the decorator by which a module adds to it, and how one is run."""
from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from typing import Any, Callable, Optional

import peeper_wire
from server_process import Build, Failure


@dataclass
class Settings:
    """What the command line decided."""

    build: Build
    quick: bool  # fewer rounds, for a developer's own machine
    model_seed: Optional[int] = None  # the one tree that the model-based test shall play
    face: Any = None  # by which the YAML cases talk to the server, see faces.py; None: the wire


Body = Callable[[Settings], None]


@dataclass
class Case:
    name: str
    body: Body
    theme: str = ""  # the YAML file it is of
    not_for: str = ""  # why the face cannot play it


CASES: list[Case] = []


def case(name: str) -> Callable[[Body], Body]:
    """Registers a function as a case; it raises to fail."""

    def add(body: Body) -> Body:
        CASES.append(Case(name, body))
        return body

    return add


def run_one(case: Case, settings: Settings) -> bool:
    begun = time.monotonic()
    try:
        case.body(settings)
    except (Failure, peeper_wire.ConnectionEnded, peeper_wire.NoAnswer, peeper_wire.PeeperError) as failure:
        print(f"FAIL {case.name}\n     {type(failure).__name__}: {failure}", flush=True)
        return False
    except Exception:  # noqa: BLE001 - one broken case must not hide the others
        print(f"FAIL {case.name}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok   {case.name} ({time.monotonic() - begun:.1f} s)", flush=True)
    return True
