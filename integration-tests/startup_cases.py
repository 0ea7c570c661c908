"""Start and end of peeperd: refusals in one line, broken behaviours beside good ones, signals."""
from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import peeper_wire
from case_registry import Settings, case
from peeper_wire import Client, ConnectionEnded, PeeperError, encode_varint
from server_process import Server, alive, check, check_equal, descendants, eventually


def refused(settings: Settings, *arguments: str) -> str:
    """Starts peeperd, which must say one line on stderr and exit 2; answers the line."""
    result = subprocess.run([str(settings.build.peeperd), *arguments], capture_output=True, text=True,
                            timeout=20, stdin=subprocess.DEVNULL)
    check_equal(result.returncode, 2, f"exit status of peeperd {arguments}: {result.stderr!r}")
    check_equal(result.stdout, "", f"stdout of peeperd {arguments}")
    lines = result.stderr.splitlines()
    check(len(lines) == 1 and lines[0].strip(), f"one line is expected of peeperd {arguments}: {lines}")
    return lines[0]


@case("startup: a TCP or HTTP port in use is told in one line, exit 2")
def port_in_use(settings: Settings) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        behaviours = str(settings.build.behaviours)
        line = refused(settings, "--listen", taken, "--http", "127.0.0.1:0", "--behaviours", behaviours)
        check(taken in line, f"the address should be named: {line!r}")
        line = refused(settings, "--listen", "127.0.0.1:0", "--http", taken, "--behaviours", behaviours)
        check(taken in line, f"the address should be named: {line!r}")


@case("startup: a missing behaviours folder is told in one line, exit 2")
def missing_folder(settings: Settings) -> None:
    line = refused(settings, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--behaviours", "/nonesuch/dir")
    check("/nonesuch/dir" in line, f"the folder should be named: {line!r}")


@case("startup: an unknown option and bad values are told in one line, exit 2")
def bad_options(settings: Settings) -> None:
    behaviours = str(settings.build.behaviours)
    check("--nonesuch" in refused(settings, "--nonesuch"), "the option should be named")
    for arguments in (["--listen"], ["--listen", "nowhere"], ["--listen", "127.0.0.1:99999"],
                      ["--workers", "0"], ["--workers", "many"], ["--workers", "1000"], ["surplus"]):
        refused(settings, "--behaviours", behaviours, *arguments)


@case("startup: a host program that does not exist is told in one line, exit 2")
def missing_host(settings: Settings) -> None:
    line = refused(settings, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--behaviours",
                   str(settings.build.behaviours), "--host-program", "/nonesuch/host")
    check("/nonesuch/host" in line, f"the program should be named: {line!r}")


BROKEN_LUA = {
    "syntax.lua": "return {",
    "raises.lua": "error('not today')",
    "nothing.lua": "",
    "slip.lua": "return {handle_cal = function() end}",
    "endless.lua": "while true do end",
    "binary.lua": "\x1bLua",
}


@case("startup: broken behaviours, libraries or in Lua, are reported with name and reason, the others serve")
def broken_behaviours(settings: Settings) -> None:
    broken = sorted((settings.build.folder / "behaviours-broken").glob("*.so"))
    check(broken, "the build has no behaviours-broken/*.so")
    with tempfile.TemporaryDirectory() as folder:
        mixed = Path(folder)
        for library in [*broken, settings.build.behaviours / "counter.so"]:
            shutil.copy(library, mixed)
        (mixed / "text.so").write_text("no library at all\n")
        (mixed / "empty.so").write_bytes(b"")
        for name, text in BROKEN_LUA.items():
            (mixed / name).write_text(text)
        names = [library.name for library in broken] + ["text.so", "empty.so", *BROKEN_LUA]
        with Server(settings.build, log_name="startup-broken", behaviours=mixed) as server:
            begun = server.log_path.read_text()
            with server.client() as client:
                client.start("good", "counter", 3)
                check_equal(client.call("good", "inc"), 4, "the good behaviour's answer")
            for name in names:
                lines = [line for line in begun.splitlines() if f'file="{name}"' in line]
                check(lines, f"{name} is not reported with its name in {server.log_path}")
                check("reason=" in lines[0] or "why=" in lines[0], f"no reason told for {name}: {lines[0]!r}")


@case("startup: SIGTERM and SIGINT end the server with status 0 and no host stays, also under load")
def signals_end_it(settings: Settings) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Server(settings.build, log_name="startup-signals").start()
        try:
            end_under_load(server, number)
        finally:
            server.end_hard()


def end_under_load(server: Server, number: signal.Signals) -> None:
    hosts = descendants(server.pid)
    check(hosts, "a running server has a host")
    with server.client() as client:
        client.start("busy", "counter", 0)
        flying = {client.submit_call("busy", "inc") for _ in range(500)}
        client.wait(min(flying))
        flying.discard(min(flying))
        server.process.send_signal(number)
        check_answered_or_closed(client, flying)
    check_equal(server.process.wait(15), 0, f"exit status after {number.name}")
    eventually(lambda: not any(alive(pid) for pid in hosts), "the hosts are gone", 2)


def check_answered_or_closed(client: Client, flying: set[int]) -> None:
    """Each request in flight gets a reply or SHUTTING_DOWN; then the connection closes."""
    try:
        while flying:
            frame = client.wait_any(10)
            flying.discard(frame.id)
            if frame.WhichOneof("body") == "error":
                check_equal(peeper_wire.pb.Status.Name(frame.error.status), "STATUS_SHUTTING_DOWN", "error at the end")
    except ConnectionEnded:
        pass


@case("startup: SIGTERM with HTTP requests in flight ends the server with status 0, at any moment")
def ends_under_http_load(settings: Settings) -> None:
    unanswered = 0
    for round_number in range(10 if settings.quick else 50):
        server = Server(settings.build, log_name="startup-http-load").start()
        try:
            # Each round one more answer is awaited first, so that the signal falls elsewhere.
            unanswered += end_under_http_load(server, round_number)
        finally:
            server.end_hard()
    check(unanswered > 0, "no request was in flight at any end: the case shows nothing")


HTTP_CONNECTIONS = 20
HTTP_REQUESTS = 20  # on each connection, all sent at once


def end_under_http_load(server: Server, awaited: int) -> int:
    """Ends the server; answers how many requests it left without an answer."""
    request = f"GET /metrics HTTP/1.1\r\nHost: {server.http[0]}\r\n\r\n".encode()
    connections = [socket.create_connection(server.http, timeout=10) for _ in range(HTTP_CONNECTIONS)]
    try:
        for connection in connections:
            connection.sendall(request * HTTP_REQUESTS)
        for index in range(awaited):
            connections[index % HTTP_CONNECTIONS].recv(1, socket.MSG_PEEK)
        check_equal(server.terminate(), 0, f"exit status after SIGTERM, {awaited} answers awaited")
        answers = sum(read_to_end(connection).count(b"HTTP/1.1 ") for connection in connections)
        return HTTP_CONNECTIONS * HTTP_REQUESTS - answers
    finally:
        for connection in connections:
            connection.close()


def read_to_end(connection: socket.socket) -> bytes:
    """What still comes; the server may close on requests that it has not read, which resets the connection."""
    text = b""
    try:
        while block := connection.recv(65536):
            text += block
    except ConnectionResetError:
        pass
    return text


@case("startup: SIGTERM ends the server promptly while a turn is stuck")
def ends_while_stuck(settings: Settings) -> None:
    server = Server(settings.build, log_name="startup-stuck").start()
    try:
        hosts = descendants(server.pid)
        with server.client() as client:
            client.start("stuck", "probe", {"state": 0})
            client.submit_call("stuck", ["loop"])
            client.ping()
            check_equal(server.terminate(), 0, "exit status")
        eventually(lambda: not any(alive(pid) for pid in hosts), "the hosts are gone", 2)
    finally:
        server.end_hard()


@case("C-178 startup: kill -9 of peeperd takes its hosts along; after a restart the actor is NOPROC")
def keeper_killed(settings: Settings) -> None:
    server = Server(settings.build, log_name="startup-keeper-killed").start()
    try:
        with server.client() as client:
            client.start("volatile", "counter", 0)
            client.call("volatile", "inc")
        hosts = descendants(server.pid)
        check(hosts, "a running server has a host")
        server.process.kill()
        server.process.wait()
        eventually(lambda: not any(alive(pid) for pid in hosts), "the hosts are gone", 5)
        server.start()
        check_noproc(server)
        check_equal(server.terminate(), 0, "exit status after the restart")
    finally:
        server.end_hard()


def check_noproc(server: Server) -> None:
    with server.client() as client:
        try:
            client.call("volatile", "state")
        except PeeperError as error:
            check_equal(error.status, "NOPROC", "answer after the restart")
            return
    check(False, "an actor came back without a store")


@case("startup: kill -9 of peeperd at any moment of its start leaves no host behind")
def keeper_killed_early(settings: Settings) -> None:
    chance = random.Random(178)
    for _ in range(20 if settings.quick else 100):
        server = Server(settings.build, log_name="startup-killed-early")
        server.launch()
        time.sleep(chance.uniform(0, 0.03))  # house-rules: sleep: the random moment
        server.process.kill()
        server.process.wait()
        eventually(lambda: not hosts_of_build(settings), "the hosts are gone", 5)


def hosts_of_build(settings: Settings) -> list[int]:
    """Every living host of this build: no other test of it runs at the same time."""
    program = str(settings.build.folder / "bin" / "peeper-host")
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if alive(pid) and program_of(pid) == program]


def program_of(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


@case("startup: connections beyond the limit are told so, and the server goes on")
def connection_limit(settings: Settings) -> None:
    with Server(settings.build, ["--connections-max", "10"], "startup-connections") as server:
        clients = [server.client() for _ in range(10)]
        try:
            surplus = server.client(hello=False)
            surplus.send_bytes(hello_bytes())
            frames = surplus.read_to_end(10)
            check(frames and frames[0].error.status == peeper_wire.pb.STATUS_OVERLOADED, f"frames: {frames}")
        except ConnectionEnded:
            check(False, "the surplus connection was closed without a word")
        finally:
            for client in clients:
                client.ping()
                client.close()
        eventually(lambda: can_connect(server), "a connection after others have closed")


def hello_bytes() -> bytes:
    body = peeper_wire.pb.ClientFrame(id=1, hello=peeper_wire.pb.Hello(protocol_version=1)).SerializeToString()
    return encode_varint(len(body)) + body


def can_connect(server: Server) -> bool:
    try:
        with server.client() as client:
            client.ping()
        return True
    except (ConnectionEnded, PeeperError):
        return False
