"""Verbs of the asyncio client: messages to actors, their lives, and looking at them."""
from __future__ import annotations

from asyncio import Future as Answer
from collections.abc import AsyncIterator, Iterable
from typing import Any, Optional, Union

from ._gen.peeper.v1 import peeper_pb2 as pb
from .answers import ActorInfo, Incarnation, Isolation, Listing, OnIntensity, Restart, Started
from .asking import Asks, Target, aim, number, text
from .starting import start_message, started
from .values import Value, encode


class ActorVerbs(Asks):
    def call(self, target: Target, message: Value, *, deadline: Optional[float] = None,
             idempotency_key: Union[str, bytes, None] = None) -> Answer[Any]:
        """Asks an actor and gives its reply.

        `deadline`: seconds, else the client's request_timeout; a call that still waits then is not run.
        `idempotency_key`: names the call, so that the server runs it once however often it is sent; "auto" makes one.

        Fails with NoProc, MailboxFull, Timeout, Crashed or Down; Disconnected.
        """
        request = pb.Call(payload=encode(message), deadline_ms=self._ms(deadline, "deadline"))
        aim(request, target)
        return self._ask("call", request, "reply", timeout=deadline, keyed=self._key(request, idempotency_key))

    def cast(self, target: Target, message: Value, *,
             idempotency_key: Union[str, bytes, None] = None) -> Answer[None]:
        """Puts a message into an actor's mailbox, for handle_cast. No error where nobody is there, as in OTP."""
        request = pb.Cast(payload=encode(message))
        aim(request, target)
        return self._ask("cast", request, "done", keyed=self._key(request, idempotency_key))

    def send(self, target: Target, message: Value) -> Answer[None]:
        """As cast(), for handle_info."""
        request = pb.Send(payload=encode(message))
        aim(request, target)
        return self._ask("send", request, "done")

    def start(self, name: str, behaviour: str, argument: Value = None, *, timeout: Optional[float] = None,
              restart: Optional[Restart] = None, on_intensity: Optional[OnIntensity] = None,
              intensity: Optional[tuple[int, float]] = None, mailbox_max: int = 0, link: bool = False,
              monitor: bool = False, no_trap_exit: bool = False, hibernate_after: Optional[float] = 0.0,
              isolation: Optional[Isolation] = None, generations: int = 0, step_back: bool = False,
              listener: str = "", keep_tables: Optional[Iterable[str]] = None) -> Answer[Started]:
        """Creates an actor; the answer comes when its init has returned.

        `name`: "" makes an anonymous actor, known by its id.
        `argument`: handed to init.
        `timeout`: seconds that init may take.
        `restart`: which ends are followed by a new incarnation; TRANSIENT unless said otherwise.
        `on_intensity`, `intensity`: what follows more than (restarts, seconds); BACKOFF after more than 3 in 5 s.
        `mailbox_max`: messages that may wait; 0: the server's default.
        `link`: the actor ends with this connection. Started.link tells of its end.
        `monitor`: Started.monitor tells of its end.
        `no_trap_exit`: exits of linked actors end it instead of becoming messages.
        `hibernate_after`: idle seconds after which no host keeps it; 0: as the behaviour says; None: never.
        `isolation`: OWN gives it a host process that it shares with nobody.
        `generations`: good states that the server keeps, 1 to 16; 0: the server's default.
        `step_back`: a crash right after a restart goes back to the generation before.
        `listener`: name of an actor that hears of changes of the state.
        `keep_tables`: which tables a restart gives back; None: all.

        Fails with AlreadyStarted, UnknownBehaviour, Refused, Crashed, Down, Timeout or Overloaded.
        """
        request = start_message(name, behaviour, argument)
        request.timeout_ms = self._ms(timeout)
        request.restart = restart or 0  # type: ignore[assignment]
        request.on_intensity = on_intensity or 0  # type: ignore[assignment]
        request.isolation = isolation or 0  # type: ignore[assignment]
        if intensity is not None:
            request.intensity.restarts = number(intensity[0], 32, "intensity[0]")
            request.intensity.period_ms = self._ms(intensity[1], "intensity[1]") if intensity[1] else 0
        request.mailbox_max = number(mailbox_max, 32, "mailbox_max")
        request.link, request.monitor, request.no_trap_exit, request.step_back = link, monitor, no_trap_exit, step_back
        if hibernate_after is None:
            request.hibernate_after_ms = 2**32 - 1
        elif hibernate_after != 0:
            request.hibernate_after_ms = self._ms(hibernate_after, "hibernate_after")
        request.generations = number(generations, 32, "generations")
        request.listener = text(listener, "listener")
        if keep_tables is not None:
            request.keep_tables.SetInParent()
            request.keep_tables.names.extend(text(table, "keep_tables") for table in keep_tables)
        return self._ask("start", request, "started", timeout=timeout, then=started(self._session, link))

    def stop(self, target: Target, reason: Value = "normal", *, timeout: Optional[float] = None) -> Answer[None]:
        """Runs terminate behind the messages that wait, ends the actor and forgets its state.

        After Timeout the stop goes on.
        """
        request = pb.Stop(reason=encode(reason), timeout_ms=self._ms(timeout))
        aim(request, target)
        return self._ask("stop", request, "done", timeout=timeout)

    def kill(self, target: Target) -> Answer[None]:
        """Ends the incarnation at once, without terminate; it restarts with its state."""
        request = pb.Kill()
        aim(request, target)
        return self._ask("kill", request, "done")

    def suspend(self, target: Target) -> Answer[None]:
        """Lets the actor's messages wait until resume()."""
        request = pb.Suspend()
        aim(request, target)
        return self._ask("suspend", request, "done")

    def resume(self, target: Target) -> Answer[None]:
        """Brings back an actor that was suspended, by suspend() or because it crashed too often."""
        request = pb.Resume()
        aim(request, target)
        return self._ask("resume", request, "done")

    def whereis(self, target: Target) -> Answer[Optional[Incarnation]]:
        """The present incarnation; None where there is nobody."""
        request = pb.WhereIs()
        aim(request, target)
        return self._ask("where_is", request, "located")

    def inspect(self, target: Target, *, version: int = 0) -> Answer[ActorInfo]:
        """All about one actor, with its newest state, or that of `version`. Neither wakes it nor waits for it."""
        request = pb.Inspect(version=number(version, 64, "version"))
        aim(request, target)
        return self._ask("inspect", request, "actor_info")

    def list(self, prefix: str = "", *, cursor: int = 0, limit: int = 0) -> Answer[Listing]:
        """A page of actors whose names begin with `prefix`, without states.

        `cursor`: `next` of the page before. `limit`: 0 means 100; at most 1000. A page may be empty while
        `next` is not 0; list_all() turns the pages.
        """
        request = pb.List(prefix=text(prefix, "prefix"), cursor=number(cursor, 64, "cursor"),
                          limit=number(limit, 32, "limit"))
        return self._ask("list", request, "listing")

    async def list_all(self, prefix: str = "", *, page: int = 1000) -> AsyncIterator[ActorInfo]:
        """All actors whose names begin with `prefix`, read page by page."""
        cursor = 0
        while True:
            listing = await self.list(prefix, cursor=cursor, limit=page)
            for actor in listing.actors:
                yield actor
            cursor = listing.next
            if cursor == 0:
                return
