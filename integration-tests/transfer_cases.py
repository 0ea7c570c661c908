"""Transfers between supervisors under load."""
from __future__ import annotations

import threading

import peeper_wire as wire
import supervisor_wire
from case_registry import Settings, case
from server_process import Failure, Server, check, check_equal

CALLS = 1000
CLIENTS = 4


def start_supervisors(client: wire.Client, behaviour_children: list[dict]) -> None:
    client.request("start_supervisor", supervisor_wire.start_supervisor(
        "left", {"children": behaviour_children, "intensity": 1000}))
    client.request("start_supervisor", supervisor_wire.start_supervisor("right", {"intensity": 1000}))


class Callers(threading.Thread):
    """One client that calls and counts what it is answered."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.replies: list[int] = []
        self.retryable = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with self.server.client() as client:
                numbers = [client.submit_call("moved", "inc", 20000) for _ in range(CALLS // CLIENTS)]
                for number in numbers:
                    self.wait_for(client, number)
        except BaseException as error:  # told by the case
            self.failure = error

    def wait_for(self, client: wire.Client, number: int) -> None:
        try:
            self.replies.append(wire.decode_value(client.wait(number).reply.payload))
        except wire.PeeperError as error:
            if not error.retryable:
                raise
            self.retryable += 1


@case("transfer: C-204 1000 calls during transfers are each answered once, or told to try again")
def calls_during_transfers(settings: Settings) -> None:
    with Server(settings.build, log_name="transfer-calls") as server, server.client() as client:
        start_supervisors(client, [{"id": "x", "start": {"behaviour": "counter", "name": "moved", "argument": 0}}])
        unit = client.inspect("moved").unit
        callers = [Callers(server) for _ in range(CLIENTS)]
        for caller in callers:
            caller.start()
        moves = 0
        sides = ["right", "left"]
        while any(caller.is_alive() for caller in callers) or moves < 10:
            try:
                client.request("transfer", wire.pb.Transfer(name="moved", target=sides[moves % 2]))
                moves += 1
            except wire.PeeperError as error:
                check(error.status == "RESTARTING" and error.retryable, f"a transfer is refused: {error}")
        for caller in callers:
            caller.join()
            if caller.failure is not None:
                raise Failure(f"a call failed: {caller.failure!r}")
        replies = sorted(reply for caller in callers for reply in caller.replies)
        retryable = sum(caller.retryable for caller in callers)
        check_equal(len(replies) + retryable, CALLS, "answers")
        check_equal(replies, list(range(1, len(replies) + 1)), "each reply counts one turn")
        check_equal(client.call("moved", "state"), len(replies), "the state")
        info = client.inspect("moved")
        check_equal((info.unit, info.supervisor), (unit, sides[(moves + 1) % 2]), "where it is")
