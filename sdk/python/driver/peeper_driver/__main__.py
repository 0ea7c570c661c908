"""Runs the driver: `python -m peeper_driver`.

    in:  {"id": 7, "client": "main", "verb": "call", "args": {...}}
    out: {"id": 7, "ok": ...} or {"id": 7, "error": {...}}, in whatever order they are done
         {"client": "main", "event": "down", ...} for what a client is told without asking
"""
from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import peeper

from .tagged import of_answer, of_native
from .verbs import VERBS, Args, Tell, seconds

EVENTS: dict[type[Any], str] = {
    peeper.Down: "down", peeper.Exit: "exit", peeper.Changed: "changed", peeper.Ended: "ended", peeper.Gap: "gap",
    peeper.StepBack: "stepped_back", peeper.UpgradeProgress: "upgrade_progress", peeper.Goodbye: "goodbye"}
OWN_VERBS = ["close", "connect", "features"]
OPTIONS = {"token": "token", "client": "name", "connect_timeout_ms": "connect_timeout",
           "request_timeout_ms": "request_timeout", "requests_max": "requests_max"}
LINE_BYTES_MAX = 256 << 20


def tell(line: Args) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def of_error(error: BaseException) -> Args:
    told: Args = {"message": str(error)}
    if not isinstance(error, peeper.PeeperError):
        return {"local": type(error).__name__, **told}
    told = {"message": error.message, "retryable": error.retryable, "retry_after_ms": error.retry_after_ms,
            "reason": of_native(error.reason), "kind": error.kind}
    if isinstance(error, peeper.ClientTimeout):
        return {"local": "Timeout", **told}
    if error.status is not None:
        return {"status": error.status, **told}
    if isinstance(error, peeper.Disconnected):
        told["maybe_ran"] = error.maybe_ran
    if isinstance(error, peeper.InvalidValue):
        told["path"] = error.path
    return {"local": type(error).__name__, **told}


class Driver:
    def __init__(self) -> None:
        self._clients: dict[str, peeper.Client] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await self._take(json.loads(line))
        for client in self._clients.values():
            await client.close()

    async def _take(self, line: Args) -> None:
        """Asks in the order of the lines; the answers come as they do."""
        number, verb, args = line.get("id"), line["verb"], line.get("args") or {}
        name = line.get("client", "main")
        try:
            if verb == "features":
                tell({"id": number, "ok": sorted([*VERBS, *OWN_VERBS])})
            elif verb == "connect":
                tell({"id": number, "ok": await self._connect(name, args)})
            elif verb == "close":
                await self._clients.pop(name).close()
                tell({"id": number, "ok": {}})
            else:
                ask, shape = VERBS[verb]
                self._later(self._answer(number, name, ask(self._clients[name], args), shape))
        except Exception as error:
            tell({"id": number, "error": of_error(error)})

    async def _connect(self, name: str, args: Args) -> Any:
        options: dict[str, Any] = {OPTIONS[key]: seconds(value) if key.endswith("_ms") else value
                                   for key, value in args.items() if key in OPTIONS}
        client = peeper.Client(f"{args.get('host', '127.0.0.1')}:{args['port']}",
                               on_event=lambda event: self._event(name, event), **options)
        await client.connect()
        self._clients[name] = client
        return of_answer(client.welcome)

    async def _answer(self, number: Any, name: str, asked: Any, shape: Tell) -> None:
        try:
            found = await asked
        except Exception as error:
            tell({"id": number, "error": of_error(error)})
            return
        tell({"id": number, "ok": shape(found)})
        if isinstance(found, peeper.Watch):
            self._later(self._follow(name, found))

    async def _follow(self, name: str, watch: peeper.Watch) -> None:
        try:
            async for event in watch:
                self._event(name, event)
        except peeper.PeeperError as error:
            tell({"client": name, "event": "watch_failed", "ref": str(watch.ref), "error": of_error(error)})

    def _event(self, name: str, event: peeper.Event) -> None:
        if isinstance(event, peeper.Lost):
            tell({"client": name, "event": "disconnected", "message": str(event.cause)})
        elif isinstance(event, peeper.Restored):
            tell({"client": name, "event": "reconnected"})
        elif type(event) in EVENTS:
            tell({"client": name, "event": EVENTS[type(event)], **of_answer(event)})

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


if __name__ == "__main__":
    asyncio.run(Driver().run())
