"""Written by tools/gen-python; do not edit. Verbs of the blocking client: crashes, behaviours, the connection."""
from __future__ import annotations

from typing import Any, Optional

from .peeper.v1 import peeper_pb2 as pb
from ..answers import BehaviourInfo, CrashListing, CrashReport, UpgradeReport
from ..asking import LONG_S, Asks, number, text
from ..values import Value, encode


class OperationVerbs(Asks):
    def crashes(self, name: str = "", *, cursor: int = 0, limit: int = 0) -> CrashListing:
        """A page of the crash log, newest first, without messages. `name`: of that actor only."""
        request = pb.ListCrashes(name=text(name, "name"), cursor=number(cursor, 64, "cursor"),
                                 limit=number(limit, 32, "limit"))
        return self._ask("list_crashes", request, "crash_listing")

    def show_crash(self, crash: int) -> CrashReport:
        """One crash, with its message."""
        return self._ask("show_crash", pb.ShowCrash(crash=number(crash, 64, "crash")), "crash_report")

    def redrive(self, crash: int, *, timeout: Optional[float] = None) -> Any:
        """Runs the message of a crash again. The reply where it was a call, else None."""
        request = pb.Redrive(crash=number(crash, 64, "crash"), timeout_ms=self._ms(timeout))
        return self._ask("redrive", request, "reply", "done", timeout=timeout)

    def discard_crash(self, crash: int) -> None:
        """Removes a crash from the log."""
        return self._ask("discard_crash", pb.DiscardCrash(crash=number(crash, 64, "crash")), "done")

    def behaviours(self) -> list[BehaviourInfo]:
        """Which code there is, and how many actors run each version."""
        return self._ask("list_behaviours", pb.ListBehaviours(), "behaviour_listing")

    def deploy(self, file: str, content: bytes, *, extra: Value = None,
               timeout: float = LONG_S) -> UpgradeReport:
        """Gives the server a file with a behaviour, and upgrades the actors of it that there are.

        `file`: its name, without a directory. `extra`: for code_change. `timeout`: seconds that the client waits;
        the upgrade goes on after that.

        Fails with Refused where the code is not what it should be, Forbidden for native code that is not allowed.
        """
        request = pb.Deploy(file=text(file, "file"), content=content, extra=encode(extra))
        return self._ask("deploy", request, "upgrade_report", timeout=timeout)

    def upgrade(self, behaviour: str, *, file: str = "", content: bytes = b"", extra: Value = None,
                dry_run: bool = False, timeout: float = LONG_S) -> UpgradeReport:
        """Brings all actors of a behaviour to another version of its code while they run.

        Without `file` the behaviour's own file is read again. `dry_run` tells who would refuse. While it runs, the
        client's on_event hears of UpgradeProgress.
        """
        request = pb.Upgrade(behaviour=text(behaviour, "behaviour"), file=text(file, "file"), content=content,
                             extra=encode(extra), dry_run=dry_run)
        return self._ask("upgrade", request, "upgrade_report", timeout=timeout)

    def ping(self) -> None:
        """Answers when the server does."""
        return self._ask("ping", pb.Ping(), "pong")
