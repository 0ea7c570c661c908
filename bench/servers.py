"""servers: starts the three servers, says what they use, and ends them by pid.

A server writes its own output into a log under the build folder. Nothing here measures load; see run.py.
"""

import os
import re
import select
import signal
import socket
import subprocess
import time

READY_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20
# How often a condition is looked at again while it is waited for, with a deadline.
POLL_SECONDS = 0.002


class Failure(Exception):
    """The benchmark cannot go on; the text is for the user."""


def poll(what, seconds_max, condition):
    """Looks until the condition gives something true, and answers that."""
    deadline = time.monotonic() + seconds_max
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure("waited %d s in vain for %s" % (seconds_max, what))
        time.sleep(POLL_SECONDS)


def read_text(path):
    """The file's text; empty where the process has ended meanwhile."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stat_fields(pid, thread=None):
    """The fields of /proc/PID/stat behind the program's name, the state first; empty if there is none."""
    path = "/proc/%d/stat" % pid if thread is None else "/proc/%d/task/%s/stat" % (pid, thread)
    return read_text(path).rpartition(")")[2].split()


def children_of(parents):
    """All running descendants of these pids."""
    parent_of = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields and fields[0] != "Z":
                parent_of[int(name)] = int(fields[1])
    found = list(parents)
    for pid in found:
        found.extend(child for child, parent in parent_of.items() if parent == pid)
    return found[len(parents):]


class Server:
    """One server process and its children. start() may fail half-way; stop() is right in any state."""

    name = ""
    protocol = ""

    def __init__(self, folder, log):
        self.folder = folder  # where its programs or files are
        self.log_path = log
        self.began = 0.0
        self.ready_seconds = 0.0
        self.port = 0
        self.process = None

    def spawn(self, command):
        with open(self.log_path, "wb") as log:
            self.began = time.monotonic()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)

    def ready_line(self):
        """The line in which the server says where it serves."""
        readable, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS_MAX)
        line = self.process.stdout.readline().decode() if readable else ""
        self.ready_seconds = time.monotonic() - self.began
        found = re.match(r"ready tcp=127\.0\.0\.1:(\d+)", line)
        if not found:
            raise Failure("%s is not ready; it said %r, see %s" % (self.name, line, self.log_path))
        self.port = int(found.group(1))

    def pids(self):
        return [self.process.pid] + children_of([self.process.pid])

    def rss_bytes(self):
        """Resident bytes of all its processes; pages that they share are counted in each."""
        texts = [read_text("/proc/%d/status" % pid) for pid in self.pids()]
        return sum(1024 * int(kb) for text in texts for kb in re.findall(r"^VmRSS:\s+(\d+)", text, re.M))

    def pss_bytes(self):
        """The same with shared pages divided among those who share them."""
        texts = [read_text("/proc/%d/smaps_rollup" % pid) for pid in self.pids()]
        return sum(1024 * int(kb) for text in texts for kb in re.findall(r"^Pss:\s+(\d+)", text, re.M))

    def cpu_seconds(self):
        """User and system time of all its processes so far."""
        ticks = 0
        for pid in self.pids():
            fields = stat_fields(pid)
            ticks += sum(int(field) for field in fields[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """Ends it and whatever it started. Fine to call twice."""
        if self.process is None:
            return
        family = self.pids() if self.process.poll() is None else []
        if family:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in family[1:]:
            end_orphan(pid)
        self.process.stdout.close()
        self.process = None


def end_orphan(pid):
    """Kills a child that outlived its server. Its pid is still its own: it was seen running a moment ago."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Redis(Server):
    name = "Redis"
    protocol = "resp"

    def start(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.spawn(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
                    "--appendonly", "no", "--daemonize", "no", "--dir", self.folder, "--logfile", self.log_path])
        poll("redis-server", READY_SECONDS_MAX, self.pong)
        self.ready_seconds = time.monotonic() - self.began

    def pong(self):
        if self.process.poll() is not None:
            raise Failure("redis-server ended at once; see %s" % self.log_path)
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as conn:
                conn.sendall(b"PING\r\n")
                return conn.recv(64).startswith(b"+PONG")
        except ConnectionError:
            return False


class RedisFunction(Redis):
    """Redis where INCR is called by a function in Lua."""
    name = "Redis FCALL"
    protocol = "resp-function"
    CODE = "#!lua name=bench\nredis.register_function('inc', function(keys) return redis.call('INCR', keys[1]) end)"

    def start(self):
        super().start()
        code = self.CODE.encode()
        with socket.create_connection(("127.0.0.1", self.port), 1) as conn:
            conn.sendall(b"*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$%d\r\n%s\r\n" % (len(code), code))
            answer = conn.recv(256)
        if not answer.startswith(b"$5\r\nbench"):
            raise Failure("redis-server does not take the function: %r" % answer)


class Erlang(Server):
    name = "Erlang"
    protocol = "packet4"

    def start(self):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counter_peer.erl")
        subprocess.run(["erlc", "-o", self.folder, source], check=True)
        self.spawn(["erl", "-noinput", "+P", "2000000", "-pa", self.folder, "-s", "counter_peer", "main"])
        self.ready_line()


class Peeper(Server):
    name = "Peeper"
    protocol = "peeper"
    options = []
    behaviours = "behaviours"

    def start(self):
        self.spawn([os.path.join(self.folder, "bin", "peeperd"), "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                    "--behaviours", os.path.join(self.folder, self.behaviours), *self.options])
        self.ready_line()

    def standby_ready(self):
        """Two hosts, and two more once the crasher is in quarantine, all with the code loaded, and they and the server
        asleep: nothing is left to be done.

        Seen from outside, and with few eyes: each file of /proc/HOST that was ever opened is one more that the kernel
        must forget when the host dies, in whichever thread of the server reaps it. Opening those of the host's
        threads made that take 100 ms.
        """
        hosts = self.hosts()
        if len(hosts) not in (2, 4) or not self.threads_asleep():
            return False
        if any(stat_fields(pid)[:1] != ["S"] for pid in hosts):
            return False
        return all(re.search(r"/memfd:counter\.so", read_text("/proc/%d/maps" % pid)) for pid in hosts)

    def hosts(self):
        """Also those that have died and are not reaped yet."""
        folder = "/proc/%d/task" % self.process.pid
        return [int(pid) for thread in os.listdir(folder)
                for pid in read_text("%s/%s/children" % (folder, thread)).split()]

    def threads_asleep(self):
        return all(stat_fields(self.process.pid, thread)[:1] == ["S"]
                   for thread in os.listdir("/proc/%d/task" % self.process.pid))

    def wait_for_standby(self):
        poll("a ready standby host", READY_SECONDS_MAX, self.standby_ready)


class PeeperLua(Peeper):
    """Peeper where the counters are in Lua."""
    name = "Peeper (Lua)"
    protocol = "peeper-lua"


class PeeperRows(Peeper):
    """Its counter has 1 MB in 10,000 rows of a table."""
    name = "Peeper-rows"
    behaviours = os.path.join("bench", "behaviours-rows")


class PeeperPlain(Peeper):
    """Its counter has 1 MB in its state."""
    name = "Peeper-plain"
    behaviours = os.path.join("bench", "behaviours-plain")
