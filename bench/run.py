#!/usr/bin/env python3
"""run: measures every figure of the comparison in one go and writes BUILD/bench.json. See README.md beside it."""

import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections import namedtuple

import report
from report import Figure
from servers import Erlang, Failure, Peeper, PeeperLua, PeeperPlain, PeeperRows, Redis, RedisFunction

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MANY = 100000
MILLION = 1000000
MB = 1000000
CHILDREN = 10000  # of one supervisor
CRASHER = 9000000  # first number of the counters that are crashed; far from those that are counted up
LOAD_SECONDS_MAX = 300
IDLE_SECONDS = 3

Row = namedtuple("Row", "name measure about")


class Bench:
    """What all rows share: options, the generator, the servers that run now."""

    def __init__(self, options):
        self.options = options
        self.build = options.build
        self.folder = os.path.join(options.build, "bench")
        self.generator = os.path.join(self.folder, "load")
        self.servers = []
        self.loads = []
        self.trio = []

    # --- Servers ---

    def start(self, kind):
        log = os.path.join(self.folder, kind.__name__.lower() + ".log")
        server = kind(self.build if issubclass(kind, Peeper) else self.folder, log)
        self.servers.append(server)
        server.start()
        return server

    def stop(self, server):
        server.stop()
        self.servers.remove(server)

    def end_all(self):
        for process in self.loads:
            process.kill()
            process.wait()
        self.loads.clear()
        for server in list(self.servers):
            self.stop(server)
        self.trio = []

    # --- The generator ---

    def command(self, server, mode, **options):
        command = [self.generator, mode, "--protocol", server.protocol, "--port", str(server.port)]
        for name, value in options.items():
            command.append("--" + name.replace("_", "-"))
            if value is not True:
                command.append(str(value))
        return command

    def open_load(self, server, mode, **options):
        process = subprocess.Popen(self.command(server, mode, **options), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.loads.append(process)
        return process

    def finish_load(self, server, process):
        """Waits for the generator's end and answers what it measured."""
        output, errors = process.communicate(timeout=LOAD_SECONDS_MAX)
        self.loads.remove(process)
        if process.returncode != 0:
            raise Failure("%s: %s; see %s" % (server.name, errors.strip(), server.log_path))
        return json.loads(output.splitlines()[-1])

    def load(self, server, mode, **options):
        return self.finish_load(server, self.open_load(server, mode, **options))

    def stepped(self, server, mode, rounds, before_round, **options):
        """A load that waits before each round until `before_round` has returned."""
        process = self.open_load(server, mode, stepped=True, **options)
        for _ in range(rounds):
            before_round()
            try:
                process.stdin.write("go\n")
                process.stdin.flush()
            except BrokenPipeError:
                break
            if process.stdout.readline() != "ok\n":
                break
        return self.finish_load(server, process)

    # --- Rounds ---

    def start_trio(self):
        """The three servers that the load rows share, each with 100,000 counters; started once."""
        if not self.trio:
            self.trio = [self.start(kind) for kind in (Peeper, Redis, Erlang)]
            for server in self.trio:
                self.load(server, "start", keys=MANY, pipeline=16)
        return self.trio

    def alternate(self, servers, measure):
        """Measures each server once per round, another one first in each; the median of each value per server."""
        samples = {server.name: [] for server in servers}
        for index in range(self.options.rounds):
            shift = index % len(servers)
            for server in servers[shift:] + servers[:shift]:
                samples[server.name].append(measure(server))
        return {name: medians(values) for name, values in samples.items()}


def medians(samples):
    """The median of each number in equal dictionaries."""
    return {key: medians([sample[key] for sample in samples]) if isinstance(samples[0][key], dict)
            else statistics.median(sample[key] for sample in samples)
            for key in samples[0]}


def megabytes(count):
    return count / 1048576


# --- Load: Redis and Erlang beside us ---


def throughput(bench, figure, reach, **options):
    found = bench.alternate(bench.start_trio(),
                            lambda server: bench.load(server, "run", seconds=bench.options.seconds, **options))
    for peer in ("Redis", "Erlang"):
        yield Figure(figure, "calls/s", found["Peeper"]["per_second"], peer, found[peer]["per_second"],
                     reach.get(peer))
    for peer in ("Redis", "Erlang"):
        yield Figure(figure + ", p99", "us", found["Peeper"]["latency"]["p99_us"], peer,
                     found[peer]["latency"]["p99_us"])


def one_actor(bench):
    yield from throughput(bench, "50 connections, pipeline 16, one actor",
                          {"Redis": ("ratio", ">=", 1.2), "Erlang": ("ratio", ">=", 7)},
                          connections=50, pipeline=16)


def many_actors(bench):
    yield from throughput(bench, "50 connections, pipeline 16, 100,000 actors at random",
                          {"Redis": ("ratio", ">=", 1.1)}, connections=50, pipeline=16, keys=MANY)


def no_pipeline(bench):
    yield from throughput(bench, "50 connections, pipeline 1, one actor", {"Redis": ("ratio", ">=", 1.3)},
                          connections=50)


def one_connection(bench):
    found = bench.alternate(bench.start_trio(), lambda server: bench.load(server, "run", seconds=bench.options.seconds,
                                                                   connections=1))
    for point in ("p50", "p99"):
        for peer in ("Redis", "Erlang"):
            reach = ("ratio", "<=", 1.3) if (point, peer) == ("p50", "Redis") else None
            yield Figure("1 connection, pipeline 1, " + point, "us", found["Peeper"]["latency"][point + "_us"], peer,
                         found[peer]["latency"][point + "_us"], reach)


def lua(bench):
    servers = [bench.start(kind) for kind in (PeeperLua, RedisFunction, Peeper)]
    for server in servers:
        bench.load(server, "start", keys=MANY, pipeline=16)
    for figure, keys in (("one actor", 1), ("100,000 actors at random", MANY)):
        found = bench.alternate(servers, lambda server: bench.load(server, "run", seconds=bench.options.seconds,
                                                                   connections=50, pipeline=16, keys=keys))
        figure = "counter in Lua, 50 connections, pipeline 16, " + figure
        ours = found[PeeperLua.name]
        reach = ("ratio", ">=", 2) if keys == 1 else None
        yield Figure(figure, "calls/s", ours["per_second"], RedisFunction.name,
                     found[RedisFunction.name]["per_second"], reach)
        yield Figure(figure, "calls/s", ours["per_second"], "Peeper (C)", found[Peeper.name]["per_second"])
        yield Figure(figure + ", p99", "us", ours["latency"]["p99_us"], RedisFunction.name,
                     found[RedisFunction.name]["latency"]["p99_us"])


# --- Crashes ---


def raise_and_call(bench):
    servers = [bench.start(Peeper), bench.start(Erlang)]
    for server in servers:
        bench.load(server, "start", first_key=CRASHER, never_tired=True)
    found = bench.alternate(servers, lambda server: bench.load(server, "crash", first_key=CRASHER,
                                                               rounds=bench.options.raises))
    for way, words in (("behind", "the call sent behind it"), ("after", "the call sent after its error"),
                       ("gap", "from its error to the answer of the call behind it")):
        for point, limit in (("p50", 100), ("p99", 300)):
            reach = ("ours", "<=", limit) if way == "behind" else None
            yield Figure("raise, %s, %s" % (words, point), "us", found["Peeper"][way][point + "_us"],
                         "Erlang (state lost)", found["Erlang"][way][point + "_us"], reach)


def segfault_and_call(bench):
    for grown, rounds in ((MB, bench.options.segfaults), (500 * MB, bench.options.segfaults // 2)):
        server = bench.start(Peeper)
        bench.load(server, "start", first_key=CRASHER, never_tired=True)
        found = bench.stepped(server, "crash", rounds, server.wait_for_standby, first_key=CRASHER, crash="segfault",
                              grow=grown)
        for way, words in (("behind", "the call sent behind it"), ("after", "the call sent after its error")):
            for point, limit in (("p50", 0.4), ("p99", 3)):
                yield Figure("segfault of a host with %d MB, %s, %s" % (grown // MB, words, point), "ms",
                             found[way][point + "_us"] / 1000,
                             reach=("ours", "<=", limit) if way == "behind" else None)
        bench.stop(server)


def kill_host(bench):
    server = bench.start(Peeper)
    bench.load(server, "start", keys=MANY, pipeline=16)
    found = bench.stepped(server, "kill", 2 * bench.options.kills, server.wait_for_standby, connections=50,
                          pipeline=16, keys=MANY)
    for point in ("p50", "p99", "max"):
        yield Figure("kill -9 of a host that caches 100,000 actors, call answered, " + point, "ms",
                     found["idle"][point + "_us"] / 1000, reach=("ours", "<=", 10) if point == "p99" else None)
    yield Figure("kill -9 amid 50 x 16 calls, the slowest of them", "ms", found["loaded"]["max_us"] / 1000)
    yield Figure("actors that were wrong after a kill -9", "actors", 0, reach=("ours", "<=", 0))
    yield Figure("calls per kill -9 answered CRASHED", "calls", found["crashed"] / (2 * bench.options.kills))


# --- Upgrades ---


class UpgradedPeeper(Peeper):
    name = "Peeper"
    options = ["--allow-native-deploy"]


def upgrade(bench):
    """The same counter in a file that is another one by some bytes behind its end, under calls that hit all actors."""
    server = bench.start(UpgradedPeeper)
    bench.load(server, "start", keys=MANY, pipeline=16)
    environment = dict(os.environ, PEEPER_ADDR="127.0.0.1:%d" % server.port)
    path = os.path.join(bench.build, "bench-counter.so")
    load = bench.open_load(server, "run", connections=8, pipeline=1, keys=MANY, seconds=bench.options.upgrades * 1.2)
    took = []
    while load.poll() is None:
        with open(os.path.join(bench.build, "behaviours", "counter.so"), "rb") as old, open(path, "wb") as new:
            new.write(old.read() + b"%d" % len(took))
        report = json.loads(subprocess.run([os.path.join(bench.build, "bin", "peeper"), "upgrade", "counter", path,
                                            "--json"], env=environment, check=True, stdout=subprocess.PIPE).stdout)
        if report["changed"] != MANY:
            raise Failure("an upgrade changed %d actors of %d" % (report["changed"], MANY))
        took.append(report["took_ms"])
    found = bench.finish_load(server, load)
    quiet = bench.load(server, "run", connections=8, pipeline=1, keys=MANY, seconds=bench.options.seconds)
    bench.stop(server)
    yield Figure("upgrade of 100,000 actors, idle but for 8 callers", "ms", statistics.median(took),
                 reach=("ours", "<=", 1000))
    yield Figure("calls while one upgrade follows another, p99", "ms", found["latency"]["p99_us"] / 1000,
                 reach=("ours", "<=", 5))
    yield Figure("calls while one upgrade follows another, slowest", "ms", found["latency"]["max_us"] / 1000)
    yield Figure("the same calls without upgrades, p99", "ms", quiet["latency"]["p99_us"] / 1000)


# --- Large states ---


def load_and_cpu(bench, server, **options):
    """A load, and the microseconds of processor time that each of its calls took of the server."""
    before = server.cpu_seconds()
    found = bench.load(server, "run", seconds=bench.options.seconds, warm=0, **options)
    return dict(found, cpu=1e6 * (server.cpu_seconds() - before) / found["requests"])


def large(bench):
    """1 MB as rows, of which a call changes one, and as a plain value, beside a state of 8 bytes."""
    servers = [bench.start(kind) for kind in (Peeper, PeeperRows, PeeperPlain)]
    for server in servers:
        bench.load(server, "start")
    for words, options, reach in (("1 connection", {"connections": 1}, ("ratio", "<=", 1.2)),
                                  ("50 connections, pipeline 16", {"connections": 50, "pipeline": 16}, None)):
        found = bench.alternate(servers, lambda server, options=options: load_and_cpu(bench, server, **options))
        small = found["Peeper"]
        for name, kind in (("Peeper-rows", "1 MB in 10,000 rows, one changed"),
                           ("Peeper-plain", "1 MB in one value, changed")):
            here = found[name]
            yield Figure("%s, %s, processor time of a call" % (kind, words), "us", here["cpu"], "8 bytes",
                         small["cpu"], reach if name == "Peeper-rows" else None)
            yield Figure("%s, %s, p50 of a call" % (kind, words), "us", here["latency"]["p50_us"], "8 bytes",
                         small["latency"]["p50_us"])


# --- Size ---


def settled(measure):
    """The value once it has stopped to change: threads behind the answers may still be at work."""
    value = measure()
    while True:
        time.sleep(0.2)
        again = measure()
        if abs(again - value) <= value * 0.001:
            return again
        value = again


def million(bench):
    found = {}
    for kind in (Peeper, Redis, Erlang):
        server = bench.start(kind)
        before_rss, before_pss = settled(server.rss_bytes), server.pss_bytes()
        started = bench.load(server, "start", keys=MILLION, pipeline=16)
        found[kind.name] = {"per_second": started["per_second"],
                            "rss": (settled(server.rss_bytes) - before_rss) / MILLION,
                            "pss": (server.pss_bytes() - before_pss) / MILLION}
        bench.stop(server)
    ours = found["Peeper"]
    for peer in ("Redis", "Erlang"):
        theirs = found[peer]
        first = peer == "Redis"
        yield Figure("1,000,000 idle counters, started", "per s", ours["per_second"], peer, theirs["per_second"],
                     ("ours", ">=", 300000) if first else None)
        yield Figure("1,000,000 idle counters, growth of RSS", "bytes each", ours["rss"], peer, theirs["rss"],
                     ("ours", "<=", 400) if first else None)
        yield Figure("1,000,000 idle counters, growth of PSS", "bytes each", ours["pss"], peer, theirs["pss"])


def supervisor_spec(number):
    children = [{"id": "k%d" % i, "start": {"behaviour": "counter", "name": "s%d.k%d" % (number, i), "argument": 0}}
                for i in range(CHILDREN)]
    return {"strategy": "one_for_one", "children": children}


def supervise(bench, server, *words):
    """One verb of the command line; the seconds it took, those of the program's own start included."""
    began = time.monotonic()
    subprocess.run([os.path.join(bench.build, "bin", "peeper"), "supervisor", *words] if words[0] == "start" else
                   [os.path.join(bench.build, "bin", "peeper"), *words], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, PEEPER_ADDR="127.0.0.1:%d" % server.port))
    return time.monotonic() - began


def supervised(bench):
    supervisors = 10 if bench.options.short else 100
    server = bench.start(Peeper)
    before = settled(server.rss_bytes)
    start_seconds = stop_seconds = 0.0
    for number in range(supervisors):
        path = os.path.join(bench.build, "bench-spec.json")
        with open(path, "w") as spec:
            json.dump(supervisor_spec(number), spec)
        start_seconds += supervise(bench, server, "start", "sup%d" % number, "--spec", path, "--timeout-ms", "60000")
    count = supervisors * CHILDREN
    each = (settled(server.rss_bytes) - before) / count
    for number in range(supervisors):
        stop_seconds += supervise(bench, server, "stop", "sup%d" % number, "--timeout-ms", "60000")
    bench.stop(server)
    words = "{:,} children in supervisors of {:,}".format(count, CHILDREN)
    yield Figure(words + ", growth of RSS", "bytes each", each, reach=("ours", "<=", 450))
    yield Figure(words + ", started in order", "per s", count / start_seconds)
    yield Figure(words + ", stopped in order", "per s", count / stop_seconds)


def idle_once(bench, kind):
    server = bench.start(kind)
    if kind is Peeper:
        server.wait_for_standby()
    rss, pss = settled(server.rss_bytes), server.pss_bytes()
    found = {"ready": server.ready_seconds * 1000, "rss": megabytes(rss), "pss": megabytes(pss)}
    bench.stop(server)
    return found


def idle_cpu(bench, kind):
    """Per cent of one core, over 3 s."""
    server = bench.start(kind)
    if kind is Peeper:
        server.wait_for_standby()
    before, began = server.cpu_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    percent = 100 * (server.cpu_seconds() - before) / (time.monotonic() - began)
    bench.stop(server)
    return percent


def idle(bench):
    kinds = [Peeper, Redis, Erlang]
    found = bench.alternate(kinds, lambda kind: idle_once(bench, kind))
    busy = {kind.name: idle_cpu(bench, kind) for kind in kinds}
    for peer in ("Redis", "Erlang"):
        first = peer == "Redis"
        for key, words, unit, limit in (("rss", "RSS of all processes", "MiB", 10),
                                        ("pss", "PSS of all processes", "MiB", None),
                                        ("ready", "from exec to ready", "ms", 50)):
            yield Figure("idle server, " + words, unit, found["Peeper"][key], peer, found[peer][key],
                         ("ours", "<=", limit) if first and limit else None)
        yield Figure("idle server, CPU", "%", busy["Peeper"], peer, busy[peer],
                     ("ours", "<=", 0) if first else None)


ROWS = [
    Row("one_actor", one_actor, "50 connections, pipeline 16, one actor"),
    Row("many_actors", many_actors, "the same over 100,000 actors at random"),
    Row("no_pipeline", no_pipeline, "50 connections, pipeline 1"),
    Row("one_connection", one_connection, "1 connection, pipeline 1"),
    Row("lua", lua, "a counter in Lua beside Redis FCALL of a function that does INCR"),
    Row("raise", raise_and_call, "raise -> next call answered"),
    Row("segfault", segfault_and_call, "segfault -> next call answered, host with 1 MB and with 500 MB"),
    Row("kill_host", kill_host, "kill -9 of a host that caches 100,000 actors -> call answered"),
    Row("upgrade", upgrade, "upgrade of 100,000 actors: how long, and calls during it"),


    Row("large", large, "1 MB of state: as rows of which a call changes one, and as one value"),
    Row("million", million, "1,000,000 idle counters: rate of starts, bytes of each"),
    Row("supervised", supervised, "1,000,000 children of supervisors: bytes of each, starts and stops in order"),
    Row("idle", idle, "idle server: memory, CPU, time to ready"),
]
LOAD_ROWS = {"one_actor", "many_actors", "no_pipeline", "one_connection"}


def parse(arguments):
    parser = argparse.ArgumentParser(description="Measures peeperd beside Redis and Erlang, and how it takes crashes.",
                                     epilog="rows: " + "; ".join("%s: %s" % (row.name, row.about) for row in ROWS))
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="the build folder (%(default)s)")
    parser.add_argument("--only", action="append", metavar="ROW", choices=[row.name for row in ROWS],
                        help="measure this row; may be given more than once (default: all)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1.5, help="of load per server and round (%(default)s)")
    parser.add_argument("--raises", type=int, default=1000, help="raises per server and round (%(default)s)")
    parser.add_argument("--segfaults", type=int, default=200,
                        help="segfaults with 1 MB; half as many with 500 MB (%(default)s)")
    parser.add_argument("--upgrades", type=int, default=5, help="about so many (%(default)s)")
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of an idle and of a busy host each (%(default)s)")
    parser.add_argument("--short", action="store_true", help="a quick look: few rounds, no figure to be quoted")
    options = parser.parse_args(arguments)
    options.build = os.path.abspath(options.build)
    if options.short:
        options.rounds, options.seconds = 1, 0.5
        options.raises, options.segfaults, options.kills, options.upgrades = 200, 20, 3, 2
    if min(options.rounds, options.raises, options.segfaults, options.kills) < 1 or options.seconds <= 0:
        parser.error("counts and times begin above 0")
    return options


def check_programs(build):
    for program, package in (("redis-server", "redis-server"), ("erl", "erlang-base"), ("erlc", "erlang-base")):
        if not shutil.which(program):
            raise Failure("%s is missing; install Debian's package %s" % (program, package))
    for name in ("bin/peeperd", "bin/peeper-host", "bench/load"):
        if not os.access(os.path.join(build, name), os.X_OK):
            raise Failure("%s is missing; build first" % os.path.join(build, name))


def measure_row(bench, row):
    """The figures of one row. The servers of the load rows stay for the next one; all others end with their row."""
    print("bench: %s: %s" % (row.name, row.about), file=sys.stderr, flush=True)
    if row.name not in LOAD_ROWS:
        bench.end_all()
    figures = list(row.measure(bench))
    if row.name not in LOAD_ROWS:
        bench.end_all()
    return figures


def measure(options):
    """The figures of all rows that were asked for, and the names of those that failed."""
    bench = Bench(options)
    figures, failed = [], []
    try:
        for row in [row for row in ROWS if not options.only or row.name in options.only]:
            try:
                figures.extend(measure_row(bench, row))
            except (Failure, subprocess.SubprocessError, OSError) as failure:
                print("bench: %s FAILED: %s" % (row.name, failure), file=sys.stderr, flush=True)
                failed.append(row.name)
                bench.end_all()
    finally:
        bench.end_all()
    return figures, failed


def print_report(options, figures, seconds):
    text = "%s\n%s, %s\n%s\n" % (report.machine(), time.strftime("%Y-%m-%d %H:%M"), "medians of %d rounds" %
                                 options.rounds, report.table(figures))
    print(text)
    report.write(os.path.join(options.build, "bench.json"), figures)
    print("wrote %s in %.0f s" % (os.path.join(options.build, "bench.json"), seconds))


def main(arguments):
    options = parse(arguments)
    # A signal leaves through the same `finally` as a failure, so that no server is left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Crashes are what we measure here; their dumps would be measured with them.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    began = time.monotonic()
    try:
        check_programs(options.build)
        figures, failed = measure(options)
    except Failure as failure:
        print("bench: %s" % failure, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    print_report(options, figures, time.monotonic() - began)
    if failed:
        print("bench: failed rows: %s" % ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
