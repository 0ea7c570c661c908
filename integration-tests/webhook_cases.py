"""Webhooks, against receivers that are fast, slow, broken, absent, redirecting, or not who they should be."""
from __future__ import annotations

import contextlib
import itertools
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import peeper_wire as wire
from case_registry import Settings, case
from latency import latencies
from peeper_wire import Client
from server_process import Server, check, check_equal, eventually
from webhook_receiver import (SECRET, Handler, Hooks, Post, Receiver, check_signed, endless, garbage, good,
                              make_certificate, reply, reset)

ROOT = Path(__file__).resolve().parent.parent
ACTORS = 8  # of a kind, where the times of two kinds are compared


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="peeper-webhooks-") as path:
        yield Path(path)


def count(server: Server, what: str, index: int = 0) -> int:
    found = [value for name, value in server.metrics().items()
             if name.startswith(f'peeper_webhook_{what}') and f'webhook="{index}"' in name]
    check_equal(len(found), 1, f"samples of {what}")
    return int(found[0])


def changes(client: Client, name: str, number: int) -> None:
    for _ in range(number):
        client.call(name, "inc")


def log_of(server: Server) -> str:
    return server.log_path.read_text()


# --- What is posted -------------------------------------------------------------------------------


@case("webhooks: changes and ends are posted as signed CloudEvents, over connections that are kept")
def posts(settings: Settings) -> None:
    with folder() as path, Receiver() as receiver:
        options = Hooks(path).add(receiver.url, prefix="h", with_old=True, source="https://here/").options
        with Server(settings.build, options) as server, server.client() as client:
            client.start("hits", "counter", 41)
            client.start("other", "counter", 1)
            client.call("hits", "inc")
            server.cli("stop", "hits")
            eventually(lambda: len(receiver.posts) == 3, "three events")
            started, changed, ended = receiver.events()
            check_equal([event["type"] for event in receiver.events()],
                        ["peeper.state.changed", "peeper.state.changed", "peeper.actor.terminated"], "types")
            check_equal(changed["data"], {"name": "hits", "unit": 1, "version": 2, "value": 42, "old": 41}, "data")
            check_equal(ended["data"]["reason"], "normal", "reason")
            check("old" not in started["data"], "the first state has none before it")
            for post in receiver.posts:
                check_signed(post)
                check_equal(post.fields["Content-Type"], "application/cloudevents+json", "content type")
                check_equal([post.event[name] for name in ("specversion", "source", "subject")],
                            ["1.0", "https://here/", "hits"], "attributes")
                check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", post.event["time"]), "time")
            check_equal([event["id"].split("@")[0] for event in receiver.events()], ["1:1", "1:2", "1:2:end"], "ids")
            check_equal(len({post.connection for post in receiver.posts}), 1, "connections of one lane")
            check_equal(count(server, "posted"), 3, "posted")
            row = server.get_json("/v1/listeners")[1]["webhooks"][0]
            check_equal([row["watched"], row["prefix"], row["posted"]], ["h", True, 3], "GET /v1/listeners")


@case("webhooks: only the events that a webhook wants, of the actor that it names")
def filtered(settings: Settings) -> None:
    with folder() as path, Receiver() as ends, Receiver() as named:
        hooks = Hooks(path).add(ends.url, events=["peeper.actor.terminated"]).add(named.url, name="b")
        with Server(settings.build, hooks.options) as server, server.client() as client:
            for name in ("a", "b"):
                client.start(name, "counter", 0)
                client.call(name, "inc")
                server.cli("stop", name)
            eventually(lambda: len(ends.posts) == 2 and len(named.posts) == 3, "what each wants")
            check_equal([event["subject"] for event in ends.events()], ["a", "b"], "of whom")
            check_equal({event["subject"] for event in named.events()}, {"b"}, "of whom")
            check("old" not in named.events()[1]["data"], "no old state unless it is wanted")


@case("webhooks: events of an actor come in order, those of others beside them, each once")
def order(settings: Settings) -> None:
    names, each, flying, most = [f"a{i}" for i in range(8)], 25, 0, 0
    lock = threading.Lock()
    held: set[str] = set()

    def watch_lanes(handler: Handler, post: Post) -> None:
        nonlocal flying, most
        name = post.event["subject"]
        with lock:
            check(name not in held, "two posts of one actor at once")
            held.add(name)
            flying += 1
            most = max(most, flying)
        time.sleep(0.004)  # house-rules: sleep: a receiver that takes its time
        with lock:
            held.remove(name)
            flying -= 1
        reply(handler, 204)

    with folder() as path, Receiver(watch_lanes) as receiver:
        with Server(settings.build, Hooks(path).add(receiver.url).options) as server, server.client() as client:
            for name in names:
                client.start(name, "counter", 0)
            for _ in range(each):
                for name in names:
                    client.call(name, "inc")
            eventually(lambda: len(receiver.posts) == len(names) * (each + 1), "all of them", 30)
            for name in names:
                check_equal(receiver.values(name), list(range(each + 1)), f"states of {name}")
            check_equal(len(set(receiver.ids())), len(receiver.posts), "ids")
            check(most > 1, "actors do not wait for each other")
            check_equal(count(server, "retried"), 0, "retries")


# --- Receivers that fail --------------------------------------------------------------------------


@case("webhooks: a broken receiver gets each event again, in order, with its id, until it takes it")
def broken(settings: Settings) -> None:
    faults = itertools.cycle([lambda handler, _: reply(handler, 500), reset, garbage,
                              lambda handler, _: reply(handler, 503), good])

    with folder() as path, Receiver(lambda handler, post: next(faults)(handler, post)) as receiver:
        with Server(settings.build, Hooks(path).add(receiver.url).options) as server, server.client() as client:
            client.start("a", "counter", 0)
            changes(client, "a", 2)
            eventually(lambda: count(server, "posted") == 3, "all are taken in the end", 30)
            told = receiver.ids()
            check_equal(len(told), 15, "attempts")
            check_equal([key for key, _ in itertools.groupby(told)], list(dict.fromkeys(told)), "none before its turn")
            # Where a kept connection turns out to be dead, libcurl takes another one by itself.
            check(9 <= count(server, "retried") <= 12, "retried")
            check_equal(count(server, "dropped"), 0, "dropped")
            for post in receiver.posts:
                check_signed(post)
            check("webhook.failing" in log_of(server) and "webhook.recovered" in log_of(server), "the log tells")


@case("webhooks: what a receiver refuses is dropped at once, and a redirect is not followed")
def refused(settings: Settings) -> None:
    with folder() as path, Receiver() as elsewhere, Receiver() as receiver:
        codes = iter([400, 404, 410, 422])
        receiver.answer = lambda handler, _: reply(handler, next(codes))
        with Server(settings.build, Hooks(path).add(receiver.url).options) as server, server.client() as client:
            client.start("a", "counter", 0)
            changes(client, "a", 3)
            eventually(lambda: count(server, "dropped") == 4, "all four are dropped")
            for code in (301, 302, 307, 308):
                receiver.answer = lambda handler, _: reply(handler, code, Location=elsewhere.url)
                before = count(server, "dropped")
                client.call("a", "inc")
                eventually(lambda: count(server, "dropped") == before + 1, f"{code} is a failure")
            receiver.answer = good
            client.call("a", "inc")
            eventually(lambda: count(server, "posted") == 1, "what comes after is posted")
            check_equal(elsewhere.posts, [], "nobody was sent elsewhere")
            check_equal(count(server, "retried"), 0, "retries")
            check("webhook.dropped" in log_of(server) and "code=308" in log_of(server), "the log tells")


@case("webhooks: 429 is tried again when its Retry-After says, and 408 and 425 like it")
def retry_after(settings: Settings) -> None:
    answers = [lambda handler, _: reply(handler, 429, Retry_After="1"), lambda handler, _: reply(handler, 408),
               lambda handler, _: reply(handler, 425)]
    with folder() as path, Receiver() as receiver:
        receiver.answer = lambda handler, post: (answers.pop(0) if answers else good)(handler, post)
        with Server(settings.build, Hooks(path).add(receiver.url).options) as server, server.client() as client:
            client.start("a", "counter", 0)
            eventually(lambda: count(server, "posted") == 1, "it is taken")
            check_equal(len(set(receiver.ids())), 1, "ids")
            waits = [b.at - a.at for a, b in zip(receiver.posts, receiver.posts[1:])]
            check(waits[0] >= 0.95, f"it waited as it was asked to: {waits}")


@case("webhooks: retries end by their number, and the next event has its turn")
def gives_up(settings: Settings) -> None:
    with folder() as path, Receiver(lambda handler, _: reply(handler, 500)) as receiver:
        options = Hooks(path).add(receiver.url, retries=2).options
        with Server(settings.build, options) as server, server.client() as client:
            client.start("a", "counter", 0)
            client.call("a", "inc")
            eventually(lambda: count(server, "dropped") == 2, "both are given up")
            check_equal([len(list(group)) for _, group in itertools.groupby(receiver.ids())], [3, 3], "attempts")


@case("webhooks: an absent receiver that comes up later gets all that waits, in order")
def absent(settings: Settings) -> None:
    with Receiver() as probe:
        port = probe.port
    with folder() as path:
        options = Hooks(path).add(f"http://127.0.0.1:{port}/hook").options
        with Server(settings.build, options) as server, server.client() as client:
            client.start("a", "counter", 0)
            changes(client, "a", 20)
            eventually(lambda: count(server, "retried") >= 2, "it is tried again")
            check_equal(count(server, "queued"), 21, "all wait")
            with Receiver(port=port) as receiver:
                eventually(lambda: len(receiver.posts) == 21, "it gets them", 30)
                check_equal(receiver.values("a"), list(range(21)), "states")
                eventually(lambda: count(server, "queued") == 0, "nothing waits")
            check_equal(count(server, "dropped"), 0, "dropped")


@case("webhooks: an answer without end is cut and taken for what its code says")
def endless_answer(settings: Settings) -> None:
    with folder() as path, Receiver(endless) as receiver:
        with Server(settings.build, Hooks(path).add(receiver.url).options) as server, server.client() as client:
            client.start("a", "counter", 0)
            client.call("a", "inc")
            eventually(lambda: count(server, "posted") == 2, "both are posted")
            check_equal(len(receiver.posts), 2, "posts")


# --- TLS ------------------------------------------------------------------------------------------


@case("webhooks: TLS is verified: a known certificate is trusted, a wrong one never")
def tls(settings: Settings) -> None:
    with folder() as path:
        right = make_certificate(path, "right")
        other = make_certificate(path, "other")
        named = make_certificate(path, "named", "DNS:elsewhere.example")
        with Receiver(certificate=right) as good_one, Receiver(certificate=right) as unknown, \
                Receiver(certificate=named) as misnamed, Receiver(certificate=right) as unlisted:
            hooks = Hooks(path).add(good_one.url, ca_file=str(right)).add(unknown.url, ca_file=str(other), retries=1)
            hooks.add(misnamed.url, ca_file=str(named), retries=1).add(unlisted.url, retries=1)
            with Server(settings.build, hooks.options) as server, server.client() as client:
                client.start("a", "counter", 0)
                eventually(lambda: count(server, "posted", 0) == 1, "the right one is posted to")
                check_signed(good_one.posts[0])
                for index in (1, 2, 3):
                    eventually(lambda: count(server, "dropped", index) == 1, "the others are given up")
                    check_equal(count(server, "retried", index), 1, "retried")
                check_equal(unknown.posts + misnamed.posts + unlisted.posts, [], "nothing was sent to them")
                check("SSL" in log_of(server), "the log tells why")


# --- Slow receivers -------------------------------------------------------------------------------


@contextlib.contextmanager
def slow_receiver(seconds: float) -> Iterator[Receiver]:
    over = threading.Event()

    def wait(handler: Handler, _: Post) -> None:
        over.wait(seconds)
        reply(handler, 204)

    with Receiver(wait) as receiver:
        try:
            yield receiver
        finally:
            over.set()


@case("webhooks: a slow receiver fills its queue, then its stream, then gets a gap; others notice nothing")
def slow(settings: Settings) -> None:
    big = "x" * 20_000
    with folder() as path, Receiver() as fast, Receiver() as receiver:
        go = threading.Event()
        receiver.answer = lambda handler, post: (go.wait(60), reply(handler, 204))
        hooks = Hooks(path).add(receiver.url, queue_max=10, timeout_ms=60000).add(fast.url)
        options = [*hooks.options, "--stream-bytes-max", "65536"]
        with Server(settings.build, options) as server, server.client() as client:
            client.start("a", "probe", {"state": 0})
            for number in range(100):
                client.call("a", [["set", [number, big]], ["reply", number]])
            # It may have had a gap, too: three such states fill a stream.
            eventually(lambda: fast.values("a")[-1:] == [[99, big]], "the fast one has the newest")
            check(count(server, "queued") <= 10, "the queue is bounded")
            check_equal(len(receiver.posts), 1, "one of the actor is on its way")
            go.set()
            eventually(lambda: receiver.events()[-1]["type"] == "peeper.state.changed"
                       and receiver.values("a")[-1] == [99, big], "it comes to the newest state", 30)
            kinds = [event["type"] for event in receiver.events()]
            check_equal(kinds.count("peeper.gap"), count(server, "gaps"), "gaps")
            check(kinds.count("peeper.gap") >= 1, "there was a gap")
            told = sum(event["data"]["last_version"] - event["data"]["first_version"] + 1
                       for event in receiver.events() if event["type"] == "peeper.gap")
            check_equal(told + kinds.count("peeper.state.changed"), 101, "told, or told as missing")
            versions = [event["data"].get("version", event["data"].get("last_version")) for event in receiver.events()]
            check_equal(versions, sorted(versions), "in order")


def percentile(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.99)]


def compare_p99(settings: Settings, client: Client, kinds: list[str]) -> None:
    """Several actors of each kind by turns: two servers, and two workers, differ by more than what is looked for. The
    machine has other work as well, so many short rounds, of which the tenth best counts in a hundred."""
    rounds, each = (24, 250) if settings.quick else (60, 250)
    seen: dict[str, list[float]] = {kind: [] for kind in kinds}
    for attempt in itertools.count(1):
        for index in range(rounds):
            for kind in kinds[:: 1 if index % 2 else -1]:
                seen[kind].append(percentile(latencies(client, f"{kind}-{index % ACTORS}", each)))
        slow_s, without_s = (sorted(seen[kind])[len(seen[kind]) // 10] for kind in kinds)
        text = f"p99 is {slow_s * 1e6:.0f} us with a slow webhook, {without_s * 1e6:.0f} us without one"
        print(f"     {text}")
        # To be watched costs a tenth of so short a call; that the receiver is slow shall add nothing to it.
        if slow_s < without_s * 1.25 or settings.build.sanitized:
            return
        check(attempt < 8, text)


@case("webhooks: an actor's p99 hardly moves with a receiver that takes 10 s")
def unmoved(settings: Settings) -> None:
    kinds = ["heard", "alone"]
    with folder() as path, slow_receiver(10) as receiver:
        options = Hooks(path).add(receiver.url, prefix="heard-", timeout_ms=1000).options
        with Server(settings.build, options) as server, server.client() as client:
            for index in range(ACTORS):
                for kind in kinds[:: 1 if index % 2 else -1]:
                    client.start(f"{kind}-{index}", "counter", 0)
            compare_p99(settings, client, kinds)
            eventually(lambda: count(server, "retried") > 0, "the slow one is tried again", 15)
            begun = time.monotonic()
    check(time.monotonic() - begun < 20, "the end of the server does not wait for it")


# --- The end of the server ------------------------------------------------------------------------


@case("webhooks: the end of the server posts what waits, for two seconds at most")
def ends(settings: Settings) -> None:
    with folder() as path, Receiver() as receiver:
        with Server(settings.build, Hooks(path).add(receiver.url).options) as server, server.client() as client:
            client.start("a", "counter", 0)
            changes(client, "a", 300)
            eventually(lambda: count(server, "posted") + count(server, "queued") >= 301, "all wait, or are posted")
        check_equal(receiver.values("a"), list(range(301)), "all of it")
    with folder() as path, slow_receiver(10) as receiver:
        with Server(settings.build, Hooks(path).add(receiver.url, timeout_ms=60000).options) as server:
            with server.client() as client:
                client.start("a", "counter", 0)
                eventually(lambda: len(receiver.posts) == 1, "it is on its way")
            begun = time.monotonic()
            check_equal(server.terminate(), 0, "status")
            taken = time.monotonic() - begun
            check(1.5 < taken < 4, f"the end took {taken:.1f} s")
            check("webhook.let_go" in log_of(server), "the log tells")
            server.start()


@case("webhooks: states that a tree starts with, and its end, are posted")
def tree(settings: Settings) -> None:
    with folder() as path, Receiver() as receiver:
        file = path / "tree.yaml"
        file.write_text("name: top\nchildren:\n- id: hits\n  start: {name: hits, behaviour: counter, argument: 7}\n")
        options = [*Hooks(path).add(receiver.url, prefix="hits").options, "--tree", str(file)]
        with Server(settings.build, options):
            eventually(lambda: len(receiver.posts) == 1, "its first state")
        check_equal([event["type"] for event in receiver.events()],
                    ["peeper.state.changed", "peeper.actor.terminated"], "types")
        check_equal(receiver.events()[1]["data"]["reason"], "shutdown", "reason")


# --- The file -------------------------------------------------------------------------------------


@case("webhooks: a file with an error is told with its line, status 2; --check says whether it is good")
def files(settings: Settings) -> None:
    with folder() as path:
        hooks = Hooks(path).add("https://example.com/")

        def run(*more: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([str(settings.build.peeperd), *hooks.options, *more], text=True,
                                  capture_output=True, timeout=20)

        done = run("--check")
        check_equal([done.returncode, done.stdout], [0, f"{path}/webhooks.yaml: ok\n"], "a good file")
        hooks.hooks[0]["retries"] = -1
        for more in (["--check"], ["--behaviours", str(settings.build.behaviours)]):
            done = run(*more)
            check_equal([done.returncode, done.stderr],
                        [2, f"peeperd: {path}/webhooks.yaml:6: [0].retries: is not a number from 0 to 100\n"],
                        "a bad file")


# --- The documentation ----------------------------------------------------------------------------


@case("docs: the receiver of webhooks.md runs, and takes what is signed and nothing else")
def documented(settings: Settings) -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text()
    listing = re.search(r"^```python receiver\.py\n(.*?)^```$", page, re.M | re.S)
    check(listing, "docs/webhooks.md has the receiver")
    assert listing is not None
    with Receiver() as probe:
        port = probe.port
    with folder() as path:
        hooks = Hooks(path).add(f"http://127.0.0.1:{port}/").add(f"http://127.0.0.1:{port}/")
        forged = path / "forged"
        forged.write_text("another secret of some length")
        hooks.hooks[1]["secret_file"] = str(forged)
        (path / "receiver.py").write_text(listing[1])
        process = subprocess.Popen([sys.executable, "-u", "receiver.py", str(port)], cwd=path,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            with Server(settings.build, hooks.options) as server, server.client() as client:
                client.start("hits", "counter", 41)
                eventually(lambda: count(server, "posted", 0) == 1, "it takes what is signed")
                eventually(lambda: count(server, "dropped", 1) == 1, "it refuses what is not")
            assert process.stdout is not None
            check_equal(process.stdout.readline(), "peeper.state.changed hits\n", "what it prints")
        finally:
            process.kill()
            process.wait()
