"""The faces by which a case can talk to the server, and which cases each of them cannot play.

A face opens sessions: `open(server, name)`. A session is what the steps of a case need of a client: `submit` and `wait`
for a request's answer, `next_event`, `drain` and `pushed` for what is told unasked, `close`. Requests, answers and
events are messages of the protocol on this side, whatever the face makes of them; so all faces are judged alike.
"""
from __future__ import annotations

import math
import time
from typing import Any, Callable, Iterator, Optional

import peeper_wire as wire

Step = dict[str, Any]


class Session:
    """What all sessions but those of the wire itself have in common."""

    patience_s = 20.0

    def __init__(self) -> None:
        self.pushed: list[Any] = []  # ServerFrames with an event, or texts
        self._answers: dict[int, Any] = {}  # a ServerFrame, or what to raise

    def submit(self, verb: str, message: Any) -> int:
        """Sends the request of this field of ClientFrame, and does not wait."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _take(self, timeout_s: float) -> bool:
        """Puts the next answer or event where it belongs; False where none came in time."""
        raise NotImplementedError

    def wait(self, number: int, timeout_s: Optional[float] = None) -> Any:
        """The answer as a ServerFrame. Raises PeeperError if it is an error."""
        until = time.monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        while number not in self._answers:
            if not self._take(max(until - time.monotonic(), 0)):
                raise wire.NoAnswer(f"no answer to request {number}")
        answer = self._answers.pop(number)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def next_event(self, timeout_s: Optional[float] = None, ref: Optional[int] = None) -> dict[str, Any]:
        until = time.monotonic() + (self.patience_s if timeout_s is None else timeout_s)
        while (index := wire.event_index(self.pushed, ref)) < 0:
            if not self._take(max(until - time.monotonic(), 0)):
                raise wire.NoAnswer("no event came")
        event = self.pushed.pop(index)
        if isinstance(event, str):
            raise wire.ConnectionEnded(event)
        return wire.event_from(event)

    def next_fitting(self, fits: Callable[[dict[str, Any]], bool], timeout_s: float) -> Optional[dict[str, Any]]:
        """The next event that fits. An SDK tells each monitor, link and watch by itself: only the events of one of
        them have an order, so no event passes an earlier one of the same source."""
        until = time.monotonic() + timeout_s
        while True:
            sources = set()
            for index, frame in enumerate(self.pushed):
                event = {"kind": frame} if isinstance(frame, str) else wire.event_from(frame)
                source = (event["kind"] in ("down", "exit"), event["kind"] == "exit", event.get("ref", event.get("id")))
                if source not in sources and fits(event):
                    self.pushed.pop(index)
                    return event
                sources.add(source)
            if not self._take(max(until - time.monotonic(), 0)):
                return None

    def drain(self, seconds: float) -> list[Any]:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._take(left)
        return self.pushed

    def inspect(self, target: wire.Target) -> wire.Info:
        number = self.submit("inspect", wire.pb.Inspect(**wire.address(target)))
        return wire.info_from(self.wait(number).actor_info)


class WireFace:
    """The test client itself."""

    name = "wire"

    def open(self, server: Any, _: str) -> wire.Client:
        return server.client()

    def end(self) -> None:
        pass


def open_face(name: str, build: Any) -> Any:
    """Starts nothing yet."""
    import face_driver  # these two need the classes above
    import face_http

    if name == "wire":
        return WireFace()
    return face_http.HttpFace() if name == "http" else face_driver.DriverFace(name, build)


FACES = ("wire", "python", "go", "typescript", "c", "http")
DRIVERS = ("python", "go", "typescript", "c")

# --- What a face cannot have ----------------------------------------------------------------------
# One row: which faces, the steps that it is about, and why.

CONNECTION = ("closed", "receive", "raw")  # the bytes of a connection
AIMED = ("call", "cast", "send", "stop", "kill", "suspend", "resume", "whereis", "inspect", "get_state", "watch")
HTTP_BYTES_MAX = 4 << 20
TIES = ("link", "unlink", "monitor", "demonitor", "disconnect")


def has_key(*keys: str) -> Callable[[Step], bool]:
    return lambda step: any(key in step for key in keys)


def is_set(*keys: str) -> Callable[[Step], bool]:
    return lambda step: any(step.get(key) for key in keys)


def numbers_in(data: Any) -> Iterator[float]:
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        for element in data:
            yield from numbers_in(element)
    elif isinstance(data, float):
        yield data


def is_event_of(*kinds: str) -> Callable[[Step], bool]:
    return lambda step: step.get("event") in kinds


NOT_FOR: tuple[tuple[tuple[str, ...], Callable[[Step], bool], str], ...] = (
    ((*DRIVERS, "http"), has_key(*CONNECTION), "it is about the bytes of a connection"),
    ((*DRIVERS, "http"), lambda step: step.get("hello") is False, "its connections always say hello"),
    ((*DRIVERS, "http"), has_key("payload_hex", "payload_nested"), "it makes no payload that is no Value"),
    (("http",), has_key(*TIES), "HTTP has no connection: no links, and monitors that are streams"),
    (("http",), is_set("linked", "monitored"), "HTTP has no connection: no links, and monitors that are streams"),
    (("http",), is_event_of("down", "exit"), "HTTP has no connection: no links, and monitors that are streams"),
    (("http",), lambda step: any(step.get(verb) == "" for verb in AIMED) and not step.get("prefix"),
     "no resource has an empty name"),
    (("http",), lambda step: step.get("payload_zeros", 0) > HTTP_BYTES_MAX // 4 * 3, "a body of HTTP has a limit of its own"),
    (("http",), lambda step: any(not math.isfinite(number) for number in numbers_in(step)), "JSON has no such number"),
)


def all_steps(steps: list[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from all_steps(step.get("steps", []))


def not_for(face: str, steps: list[Step], verbs: Any) -> str:
    """Why a case cannot be played by this face; nothing if it can. `verbs` are those that ask something of a client."""
    if face == "wire":
        return ""
    asks = False
    for step in all_steps(steps):
        for faces, fits, why in NOT_FOR:
            if face in faces and fits(step):
                return why
        asks = asks or "mixed" in step or any(verb in step for verb in verbs)
    return "" if asks else "it asks nothing of a client"
