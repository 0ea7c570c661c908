"""Runs the real peeperd for a test, and looks at it from outside: processes, descriptors, memory, CPU, HTTP."""
from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Optional

from peeper_wire import Client

READY = re.compile(r"^ready tcp=(?P<tcp_host>[0-9.]+):(?P<tcp_port>\d+) "
                   r"http=(?P<http_host>[0-9.]+):(?P<http_port>\d+)$")
READY_S = 20.0
END_S = 15.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Failure(AssertionError):
    """A test's expectation was not met."""


def check(condition: object, text: str) -> None:
    if not condition:
        raise Failure(text)


def check_equal(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise Failure(f"{what}: expected {expected!r}, got {actual!r}")


def eventually(condition: Callable[[], object], what: str, timeout_s: float = 10.0) -> None:
    """Polls until `condition` is true; for facts that no frame announces."""
    until = time.monotonic() + timeout_s
    while not condition():
        check(time.monotonic() < until, f"not within {timeout_s} s: {what}")
        time.sleep(0.005)  # house-rules: sleep: between two polls, bounded by a deadline


# --- Processes ------------------------------------------------------------------------------------


def descendants(pid: int) -> set[int]:
    """All living children and their children; zombies are not counted."""
    found: set[int] = set()
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        try:
            children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            if alive(child):
                found |= {child} | descendants(child)
    return found


def _stat_fields(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def alive(pid: int) -> bool:
    try:
        return _stat_fields(pid)[0] not in "ZX"
    except (OSError, ValueError):
        return False


def cpu_seconds(pids: Iterable[int]) -> float:
    ticks = 0
    for pid in pids:
        try:
            fields = _stat_fields(pid)
        except (OSError, ValueError):
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / CLOCK_TICKS


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid: int) -> int:
    """Private memory of the process: pages of rings shared with hosts come and go with the hosts."""
    text = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"^RssAnon:\s+(\d+) kB$", text, re.M)
    return int(match.group(1)) * 1024 if match else 0


# --- The server -----------------------------------------------------------------------------------


@dataclass
class Build:
    """Where the binaries are."""

    folder: Path

    @property
    def peeperd(self) -> Path:
        return self.folder / "bin" / "peeperd"

    @property
    def peeper(self) -> Path:
        return self.folder / "bin" / "peeper"

    @property
    def behaviours(self) -> Path:
        return self.folder / "behaviours"

    @property
    def versions(self) -> Path:
        return self.folder / "behaviours-versions"

    @property
    def logs(self) -> Path:
        path = self.folder / "integration-logs"
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def sanitized(self) -> bool:
        """True for builds whose memory and speed say nothing."""
        return b"__asan_init" in self.peeperd.read_bytes() or b"__tsan_init" in self.peeperd.read_bytes()


@dataclass
class Server:
    """One peeperd on free ports. A context manager: leaving it ends the server and checks how it ended."""

    build: Build
    options: list[str] = field(default_factory=list)
    log_name: str = "server"
    behaviours: Optional[Path] = None
    before_exec: Optional[Callable[[], None]] = None  # runs in the child
    tcp: tuple[str, int] = ("", 0)
    http: tuple[str, int] = ("", 0)

    def launch(self) -> None:
        """Starts the process and does not wait for anything."""
        command = [str(self.build.peeperd), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                   "--behaviours", str(self.behaviours or self.build.behaviours), *self.options]
        self.log_path = self.build.logs / f"{self.log_name}.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log,
                                            stdin=subprocess.DEVNULL, preexec_fn=self.before_exec)

    def start(self) -> Server:
        """Starts the process and waits until it says that it is ready."""
        self.launch()
        match = READY.match(self._first_line())
        check(match, f"peeperd did not say that it is ready; see {self.log_path}")
        assert match is not None
        self.tcp = (match["tcp_host"], int(match["tcp_port"]))
        self.http = (match["http_host"], int(match["http_port"]))
        return self

    def _first_line(self) -> str:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], READY_S)
        return self.process.stdout.readline().decode().rstrip("\n") if readable else ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.end_hard()
            return
        hosts = descendants(self.pid)
        check(self.process.poll() is None, f"peeperd is gone, status {self.process.returncode}")
        check_equal(self.terminate(), 0, "exit status after SIGTERM")
        left = [pid for pid in hosts if alive(pid)]
        check_equal(left, [], "hosts that outlive peeperd")

    def terminate(self) -> int:
        """SIGTERM; answers the exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.end_hard()
            raise Failure(f"peeperd did not end within {END_S} s of SIGTERM") from None

    def end_hard(self) -> None:
        """SIGKILL, and its hosts too in case they do not follow."""
        hosts = descendants(self.pid)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in hosts:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)

    def client(self, **options: Any) -> Client:
        return Client(self.tcp, **options)

    def check_alive(self) -> None:
        check(self.process.poll() is None, f"peeperd is gone, status {self.process.returncode}")
        with self.client() as client:
            client.ping()

    # HTTP and CLI

    def get(self, path: str) -> tuple[int, str]:
        url = f"http://{self.http[0]}:{self.http[1]}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def get_json(self, path: str) -> tuple[int, Any]:
        code, text = self.get(path)
        return code, json.loads(text)

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics by its full name, labels included."""
        _, text = self.get("/metrics")
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def cli(self, *arguments: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        environment = dict(os.environ, PEEPER_ADDR=f"{self.tcp[0]}:{self.tcp[1]}")
        return subprocess.run([str(self.build.peeper), *arguments], env=environment, text=True,
                              capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL)


def kill_host(client: Client, name: str) -> int:
    """kill -9 of the host that holds the actor; answers its pid, or 0 if none holds it now."""
    pid = client.inspect(name).host_pid
    if pid == 0:
        return 0
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return pid
