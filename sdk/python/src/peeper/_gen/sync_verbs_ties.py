"""Written by tools/gen-python; do not edit. Verbs of the blocking client: monitors, links and watches."""
from __future__ import annotations

from typing import Union

from .peeper.v1 import peeper_pb2 as pb
from ..asking import Asks, Target, aim, number, text
from ..errors import InvalidArgument
from ..ties import Link, Monitor
from ..watches import EVENTS_MAX, Stream
from ..watches import SyncWatch as Watch


class TieVerbs(Asks):
    def monitor(self, target: Target) -> Monitor:
        """Watches one incarnation: the Monitor gives one Down when it ends, also where a restart follows.

        Nobody there: Down with the reason "noproc"; the connection ends: "noconnection".
        """
        request = pb.Monitor()
        aim(request, target)
        return self._ask("monitor", request, "monitored",
                         then=lambda ref, frame, wanted: self._session.ties.monitored(target, ref))

    def demonitor(self, monitor: Union[Monitor, int], *, flush: bool = False) -> None:
        """Takes back a monitor (or that of a number, its `ref`); who waits for it is told Closed.

        `flush`: a Down that is on its way is thrown away, too.
        """
        if isinstance(monitor, Monitor):
            # One that is over may have a number that another server has given again; 0 is nobody's.
            ref = 0 if monitor.done() else monitor.ref
        else:
            ref = number(monitor, 64, "monitor")
        if flush:
            self._session.call_soon(lambda: self._session.ties.demonitored(ref))
        return self._ask("demonitor", pb.Demonitor(ref=ref, flush=flush), "done",
                         then=lambda done, frame, wanted: self._session.ties.demonitored(ref))

    def link(self, target: Target) -> Link:
        """Ties this client's connection and one incarnation: the end of either tells the other."""
        request = pb.Link()
        aim(request, target)
        return self._ask("link", request, "done",
                         then=lambda done, frame, wanted: self._session.ties.linked(target))

    def unlink(self, target: Target) -> None:
        """Removes a link; who waits for it is told Closed."""
        request = pb.Unlink()
        aim(request, target)
        return self._ask("unlink", request, "done",
                         then=lambda done, frame, wanted: self._session.ties.unlinked(target))

    def watch(self, name: str, *, prefix: bool = False, from_version: int = 0, unit: int = 0,
              with_old: bool = False, events_max: int = EVENTS_MAX) -> Watch:
        """A stream of each committed change of an actor's state: Changed, Ended, Gap, StepBack.

        `prefix`: `name` is what names begin with. `from_version`: the first version that is wanted; 1 tells the
        present state at once. `unit`: the one that from_version counts. `with_old`: Changed has the state before.
        `events_max`: events that wait; a slower consumer misses some, and gets a Gap.

        It outlives the connection: the next one goes on behind the last version seen, with a Gap for what is missing.
        """
        if not isinstance(events_max, int) or events_max < 1:
            raise InvalidArgument(f"events_max: {events_max!r}; give an int, at least 1")
        request = pb.Watch(name=text(name, "name"), prefix=prefix, from_version=number(from_version, 64, "from_version"),
                           unit=number(unit, 64, "unit"), with_old=with_old)

        def begin(ref: int, frame: pb.ServerFrame, wanted: bool) -> Watch:
            stream = Stream(self._session, request, events_max)
            stream.made(ref)
            if not wanted:
                stream.close()
            return Watch(stream)
        return self._ask("watch", request, "watching", then=begin)

    def unwatch(self, watch: Union[Watch, int]) -> None:
        """Ends a watch (or that of a number, its `ref`), and answers when no event of it comes any more."""
        watches = self._session.watches
        stream = watch.stream if isinstance(watch, Watch) else watches.find(number(watch, 64, "watch"))
        return self._ask("unwatch", pb.Unwatch(ref=0 if stream is None else stream.server_ref), "done",
                         then=lambda done, frame, wanted: watches.ended(stream))
