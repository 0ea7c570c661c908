"""Clients that behave badly, and limits of the system: nobody else may notice."""
from __future__ import annotations

import resource
import socket
import time

import peeper_wire
from case_registry import Settings, case
from peeper_wire import Client, ConnectionEnded, PeeperError, encode_varint
from server_process import Server, check, check_equal, cpu_seconds, eventually, resident_bytes

UNREAD_REPLY_BYTES = 1000
UNREAD_CALLS_MAX = 400_000
DESCRIPTORS = 300  # few, but enough for hosts


def call_bytes(first_id: int, count: int) -> bytes:
    """`count` calls to the actor "echo", each with a reply of UNREAD_REPLY_BYTES."""
    payload = peeper_wire.encode_value(["reply_bytes", UNREAD_REPLY_BYTES])
    out = bytearray()
    for number in range(first_id, first_id + count):
        call = peeper_wire.pb.Call(name="echo", payload=payload, deadline_ms=600_000)
        body = peeper_wire.pb.ClientFrame(id=number, call=call).SerializeToString()
        out += encode_varint(len(body)) + body
    return bytes(out)


def send_until_stuck(address: tuple[str, int]) -> tuple[socket.socket, int, bytes]:
    """Sends calls and reads nothing until the socket takes no more for a second; the rest of the last piece is kept."""
    plain = socket.create_connection(address)
    hello = peeper_wire.pb.ClientFrame(id=1, hello=peeper_wire.pb.Hello(protocol_version=1)).SerializeToString()
    plain.sendall(encode_varint(len(hello)) + hello)
    plain.settimeout(1.0)
    sent = 0
    while sent < UNREAD_CALLS_MAX:
        data = memoryview(call_bytes(sent + 2, 1000))
        sent += 1000
        while data:
            try:
                data = data[plain.send(data) :]
            except socket.timeout:
                return plain, sent, bytes(data)
    return plain, sent, b""


def read_answers(plain: socket.socket, count: int, rest: bytes) -> tuple[int, int]:
    """Sends the rest and reads `count` frames; answers how many of them were replies, and how many MAILBOX_FULL."""
    reader = peeper_wire.FrameReader()
    replies = full = seen = 0
    plain.setblocking(False)
    until = time.monotonic() + 120
    while seen < count:
        check(time.monotonic() < until, f"only {seen} of {count} answers")
        if rest:
            try:
                rest = rest[plain.send(rest) :]
            except BlockingIOError:
                pass
        try:
            data = plain.recv(1 << 20)
        except BlockingIOError:
            continue
        check(data, "the connection was cut")
        reader.feed(data)
        while (frame := reader.next()) is not None:
            seen += 1
            answer = peeper_wire.pb.ServerFrame.FromString(frame)
            replies += answer.WhichOneof("body") == "reply"
            full += answer.error.status == peeper_wire.pb.STATUS_MAILBOX_FULL
    return replies, full


@case("net: a client that does not read is not read from; memory is bounded, and all its answers come at last")
def unread_answers(settings: Settings) -> None:
    with Server(settings.build, log_name="net-unread") as server, server.client() as client:
        # Under a sanitizer the actor is slower than its callers: what its mailbox does not take is refused, in an
        # answer that has to be read like any other.
        mailbox_max = 1000 if settings.build.sanitized else 1_000_000
        client.start("echo", "probe", {"state": 0}, peeper_wire.StartOptions(mailbox_max=mailbox_max))
        plain, sent, rest = send_until_stuck(server.tcp)
        check(sent < UNREAD_CALLS_MAX, "the server read and kept answering without an end")
        if not settings.build.sanitized:
            check(resident_bytes(server.pid) < 200 << 20, f"{resident_bytes(server.pid)} bytes resident")
        client.ping(5)
        if not settings.build.sanitized:
            check_equal(client.call("echo", ["reply", "other"]), "other", "answer to another client")
        # The welcome is one more frame.
        replies, full = read_answers(plain, sent + 1, rest)
        check_equal(replies + full, sent, "replies and refusals")
        if not settings.build.sanitized:
            check_equal(replies, sent, "replies")
        plain.close()


@case("net: without free descriptors peeperd neither spins nor drops the connections it has")
def no_descriptors(settings: Settings) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    server = Server(settings.build, ["--workers", "1"], "net-descriptors", before_exec=limit)
    with server, server.client() as client:
        client.start("kept", "counter", 0)
        # The system completes these connections whether or not peeperd can accept them.
        crowd = [socket.create_connection(server.tcp) for _ in range(DESCRIPTORS + 20)]
        client.ping(5)
        before = cpu_seconds([server.pid])
        time.sleep(1.0)  # house-rules: sleep: the time that is measured
        used = cpu_seconds([server.pid]) - before
        check(used < 0.3, f"{used:.2f} s of CPU in one second without free descriptors")
        check_equal(client.call("kept", "inc"), 1, "answer while descriptors are out")
        for plain in crowd:
            plain.close()
        eventually(lambda: connects(server), "a connection after the crowd has gone", 15)


def connects(server: Server) -> bool:
    try:
        with Client(server.tcp, patience_s=2) as client:
            client.ping()
        return True
    except (ConnectionEnded, PeeperError, peeper_wire.NoAnswer, OSError):
        return False


@case("net: connections that come and go by the thousand leave nothing behind")
def connections_come_and_go(settings: Settings) -> None:
    with Server(settings.build, log_name="net-come-and-go") as server, server.client() as client:
        client.start("busy", "counter", 0)
        for _ in range(200 if settings.quick else 2000):
            with server.client() as visitor:
                visitor.submit_call("busy", "inc")
                visitor.submit_call("busy", "state")
        eventually(lambda: server.metrics()["peeper_connections"] == 1, "one connection is left")
        calls = 200 if settings.quick else 2000
        eventually(lambda: client.call("busy", "state") == calls, "the calls of those who left have run")


@case("net: goodbye is told before the server closes the connection")
def goodbye(settings: Settings) -> None:
    with Server(settings.build, log_name="net-goodbye") as server:
        client = server.client()
        client.ping()
        check_equal(server.terminate(), 0, "exit status")
        frames = client.read_to_end(5)
        events = [frame.event.WhichOneof("kind") for frame in frames if frame.WhichOneof("body") == "event"]
        check_equal(events, ["goodbye"], "events before the close")
        server.start()
