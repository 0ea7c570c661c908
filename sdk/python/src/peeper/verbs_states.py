"""Verbs of the asyncio client: states, their generations, and tables."""
from __future__ import annotations

from asyncio import Future as Answer
from collections.abc import AsyncIterator
from typing import Optional

from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import Generations, Row, Rows, StateInfo, TableInfo
from .asking import Asks, Target, aim, number, text
from .values import Value, encode

_UNSET = object()


class StateVerbs(Asks):
    def get_state(self, target: Target, *, version: int = 0) -> Answer[StateInfo]:
        """The newest committed state, or that of `version`. Neither wakes the actor nor waits for it.

        Fails with NoProc, and NotFound where there is none.
        """
        request = pb.GetState(version=number(version, 64, "version"))
        aim(request, target)
        return self._ask("get_state", request, "state")

    def generations(self, target: Target) -> Answer[Generations]:
        """Which states the server still has."""
        request = pb.ListGenerations()
        aim(request, target)
        return self._ask("list_generations", request, "generations")

    def restore_state(self, target: Target, version: int, *, timeout: Optional[float] = None) -> Answer[None]:
        """Gives the actor the state of one of its generations, as replace_state() does."""
        request = pb.RestoreState(version=number(version, 64, "version"), timeout_ms=self._ms(timeout))
        aim(request, target)
        return self._ask("restore_state", request, "done", timeout=timeout)

    def replace_state(self, target: Target, state: Value, *, timeout: Optional[float] = None) -> Answer[None]:
        """Gives the actor another state, before the messages that wait, also while it is suspended.

        Fails with Refused where the behaviour does not take it.
        """
        request = pb.ReplaceState(state=encode(state), timeout_ms=self._ms(timeout))
        aim(request, target)
        return self._ask("replace_state", request, "done", timeout=timeout)

    def tables(self, target: Target) -> Answer[list[TableInfo]]:
        """Which tables the actor has; the one without a name is the dictionary."""
        request = pb.ListTables()
        aim(request, target)
        return self._ask("list_tables", request, "table_listing")

    def read_table(self, target: Target, table: str, *, prefix: str = "", after: object = _UNSET,
                   limit: int = 0) -> Answer[Rows]:
        """A page of a table's rows; rows() turns the pages.

        `prefix`: only keys that are strings and begin so. `after`: the key before, which is `next` of the page
        before. `limit`: 0 means 100; at most 1000. A page may be empty while there are `more`.

        Fails with NotFound where there is no such table, or the key is gone from one that is not ordered;
        Invalid where it is private.
        """
        request = pb.ReadTable(table=text(table, "table"), prefix=text(prefix, "prefix"),
                               limit=number(limit, 32, "limit"))
        if after is not _UNSET:
            setattr(request, "from", encode(after))  # type: ignore[arg-type]
        aim(request, target)
        return self._ask("read_table", request, "rows")

    async def rows(self, target: Target, table: str, *, prefix: str = "", page: int = 1000) -> AsyncIterator[Row]:
        """All rows of a table, read page by page. Each page is one moment; rows may change between two."""
        after: object = _UNSET
        while True:
            rows = await self.read_table(target, table, prefix=prefix, after=after, limit=page)
            for row in rows.rows:
                yield row
            if not rows.more:
                return
            after = rows.next

    def dictionary(self, target: Target, *, prefix: str = "", page: int = 1000) -> AsyncIterator[Row]:
        """All rows of the actor's dictionary, as rows()."""
        return self.rows(target, "", prefix=prefix, page=page)
