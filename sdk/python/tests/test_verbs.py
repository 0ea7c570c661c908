"""The other verbs, through the blocking client, and each status that a server can be made to answer."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import peeper
from conftest import BUILD, Server

CHILD = {"id": "a", "start": {"behaviour": "counter", "argument": 1}}


def test_the_life_of_an_actor(client: peeper.SyncClient, name: str) -> None:
    started = client.start(name, "counter", 41)
    assert client.whereis(name) == started.id and client.call(name, "inc") == 42
    client.suspend(name)
    assert client.inspect(name).status == "suspended"
    client.cast(name, "inc")
    client.replace_state(name, 100)
    client.resume(name)
    assert client.call(name, "state") == 101
    monitor = client.monitor(name)
    client.kill(name)
    assert monitor.result(10).reason == "killed" and client.call(name, "state") == 101
    client.stop(name)
    assert client.whereis(name) is None
    with pytest.raises(peeper.NoProc):
        client.call(name, "state")


def test_states_and_generations(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "counter", 1, generations=4)
    for _ in range(3):
        client.call(name, "inc")
    assert [one.version for one in client.generations(name).generations] == [4, 3, 2, 1]
    state = client.get_state(name)
    assert (state.value, state.version) == (4, 4) and client.get_state(name, version=2).value == 2
    assert state.unit == client.inspect(name).unit
    old = client.inspect(name, version=2)
    assert old.state is not None and (old.state.value, old.newest_version) == (2, 4)
    client.restore_state(name, 1)
    assert client.get_state(name).value == 1
    with pytest.raises(peeper.NotFound):
        client.get_state(name, version=99)


def test_rows_of_tables(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "shelf")
    client.call(name, ["fill", 2500, 8])
    client.call(name, ["put", "text", [1, None]])
    table = next(one for one in client.tables(name) if one.name == "shelf")
    assert table.rows == 2501
    rows = {row.key: row.value for row in client.rows(name, "shelf", page=700)}
    assert set(rows) == {*range(2500), "text"} and rows["text"] == [1, None] and rows[3] == bytes(8)
    first = client.read_table(name, "shelf", limit=2)
    second = client.read_table(name, "shelf", after=first.next, limit=2)
    assert first.more and len({row.key for row in first.rows + second.rows}) == 4
    assert list(client.dictionary(name)) == []
    with pytest.raises(peeper.NotFound):
        client.read_table(name, "nothing")


def test_crashes(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "counter")
    with pytest.raises(peeper.Crashed, match="boom"):
        client.call(name, "raise")
    report = client.crashes(name).reports[0]
    assert (report.name, report.kind, report.reason, report.turn) == (name, "raise", "boom", "call")
    assert client.show_crash(report.crash).payload == "raise"
    with pytest.raises(peeper.Crashed):
        client.redrive(report.crash)
    assert client.show_crash(report.crash).redriven == 1
    client.discard_crash(report.crash)
    with pytest.raises(peeper.NotFound):
        client.show_crash(report.crash)
    assert client.inspect(name).last_crash is not None


def test_supervisors(client: peeper.SyncClient, name: str) -> None:
    supervisor = client.start_supervisor(name, {"children": [CHILD]})
    assert supervisor.name == name
    client.start_child(name, {**CHILD, "id": "b"})
    children = client.which_children(name).children
    assert [(one.id, one.status) for one in children] == [("b", "running"), ("a", "running")]
    assert client.count_children(name) == peeper.ChildCounts(2, 2, 0, 2)
    assert client.get_child_spec(name, "a")["id"] == "a"
    with pytest.raises(peeper.Running):
        client.restart_child(name, "a")
    client.terminate_child(name, "a")
    with pytest.raises(peeper.AlreadyPresent):
        client.start_child(name, CHILD)
    assert client.restart_child(name, "a").id is not None
    client.terminate_child(name, "a")
    client.delete_child(name, "a")
    with pytest.raises(peeper.NotFound):
        client.delete_child(name, "a")
    client.change_supervisor(name, {"children": [{**CHILD, "id": "c"}]})
    client.check_specs([CHILD])
    with pytest.raises(peeper.BadSpec, match="restart"):
        client.check_specs([{**CHILD, "restart": "sometimes"}])
    client.stop(name)


def test_simple_supervisors(client: peeper.SyncClient, name: str) -> None:
    client.start_supervisor(name, {"strategy": "simple_one_for_one", "children": [CHILD]})
    child = client.start_child(name, {"argument": 9})
    assert child.id is not None and client.call(child.id, "state") == 9
    with pytest.raises(peeper.SimpleOneForOne):
        client.terminate_child(name, "a")
    client.terminate_child(name, child.id)
    assert client.count_children(name).active == 0


def test_transfers(client: peeper.SyncClient, name: str) -> None:
    source, target, actor = f"{name}.source", f"{name}.target", f"{name}.actor"
    client.start_supervisor(source, {"children": [{"id": "a", "start": {"behaviour": "counter", "name": actor}}]})
    there = client.start_supervisor(target, {})
    client.call(actor, ["set", 5])
    prepared = client.prepare_transfer(actor, target, source=source)
    client.commit_transfer(prepared.handle)
    assert client.inspect(actor).supervisor == target and client.call(actor, "state") == 5
    with pytest.raises(peeper.Conflict):
        client.commit_transfer(prepared.handle)
    client.transfer(actor, source)
    assert client.call(actor, "state") == 5  # it runs again
    assert there.id is not None
    assert client.transfer(actor, there.id).name == actor
    with pytest.raises(peeper.InvalidArgument, match="to"):
        client.transfer(actor, None)  # type: ignore[arg-type]


def test_behaviours_are_deployed_and_upgraded(servers: Callable[..., Server], tmp_path: Path, name: str) -> None:
    (tmp_path / "counter.lua").write_bytes((BUILD / "behaviours" / "counter.lua").read_bytes())
    events: list[peeper.Event] = []
    with peeper.connect(servers(behaviours=tmp_path).address, on_event=events.append) as client:
        assert [(one.name, one.kind) for one in client.behaviours()] == [("lua_counter", "lua")]
        client.start(name, "lua_counter", 1)
        code = (tmp_path / "counter.lua").read_bytes()
        report = client.deploy("counter.lua", code + b"\n")
        assert (report.behaviour, report.changed, report.refused) == ("lua_counter", 1, 0)
        assert client.upgrade("lua_counter", dry_run=True).dry_run
        with pytest.raises(peeper.Forbidden):
            client.deploy("other.so", (BUILD / "behaviours" / "counter.so").read_bytes())
        with pytest.raises(peeper.Refused):
            client.deploy("broken.lua", b"this is no Lua")
        with pytest.raises(peeper.UnknownBehaviour):
            client.upgrade("nothing")


# --- Each status ---


def test_what_actors_answer(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "counter", mailbox_max=1)
    with pytest.raises(peeper.AlreadyStarted) as caught:
        client.start(name, "counter")
    assert caught.value.reason == client.whereis(name)
    with pytest.raises(peeper.UnknownBehaviour):
        client.start(f"{name}.x", "nothing")
    with pytest.raises(peeper.Refused) as refused:
        client.start(f"{name}.x", "counter", "text")
    assert refused.value.reason == "the argument must be an integer or null"
    with pytest.raises(peeper.Invalid):
        client.start("x" * 256, "counter")
    client.suspend(name)
    client.cast(name, "inc")
    with pytest.raises(peeper.MailboxFull) as full:
        client.cast(name, "inc")
    assert full.value.retryable
    client.resume(name)
    while client.inspect(name).mailbox != 0:
        pass
    with pytest.raises(peeper.Timeout):
        client.call(name, ["sleep", 300], deadline=0.05)


def test_a_call_of_one_who_ends_meanwhile_is_down(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "counter")
    client.suspend(name)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.call, name, "state")
        while client.inspect(name).mailbox == 0:
            pass
        client.stop(name)
        with pytest.raises(peeper.ActorDown) as caught:
            waiting.result()
    assert caught.value.reason == "normal"


def test_a_server_that_is_full(servers: Callable[..., Server], name: str) -> None:
    with peeper.connect(servers("--actors-max", "1").address) as client:
        client.start(name, "counter")
        with pytest.raises(peeper.Overloaded):
            client.start(f"{name}.x", "counter")


# --- The blocking client itself ---


def test_many_threads_share_one_client(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "counter")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.call(name, "inc"), range(800)))
    assert sorted(answers) == list(range(1, 801))


def test_pages_and_watches_are_iterators(client: peeper.SyncClient, name: str) -> None:
    names = [f"{name}.{i}" for i in range(12)]
    with client.watch(name, prefix=True) as watch:
        for one in names:
            client.start(one, "counter")
        assert [watch.get(10).name for _ in names] == names  # type: ignore[union-attr]
        with pytest.raises(TimeoutError):
            watch.get(0.01)
        client.unwatch(watch)
        assert list(watch) == []
    actors = client.list_all(name, page=5)
    assert isinstance(actors, Iterator) and sorted(actor.name for actor in actors) == sorted(names)


def test_a_closed_client_says_so(server: Server) -> None:
    client = peeper.connect(server.address)
    client.close()
    client.close()
    with pytest.raises(peeper.Closed):
        client.ping()
    assert not [thread for thread in threading.enumerate() if thread.name == "peeper"]


def test_closing_ends_what_other_threads_wait_for(server: Server, name: str) -> None:
    client = peeper.connect(server.address)
    client.start(name, "counter")
    client.suspend(name)
    watch = client.watch(name)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.call, name, "state")
        events = pool.submit(list, watch)
        while client.inspect(name).mailbox == 0:
            pass
        client.close()
        with pytest.raises(peeper.Closed):
            waiting.result(10)
        assert events.result(10) == []
    watch.close()
    assert watch.get(1) is None


def test_every_request_is_answered_while_the_client_is_closed(server: Server, name: str) -> None:
    for _ in range(20):
        client = peeper.connect(server.address)

        def ask_on() -> int:
            answered = 0
            try:
                while True:
                    client.ping()
                    answered += 1
            except peeper.Closed:
                return answered

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask_on) for _ in range(4)]
            client.ping()
            client.close()
            assert all(one.result(10) >= 0 for one in asking)


def test_closing_without_a_connection(servers: Callable[..., Server], name: str) -> None:
    server = servers()
    client = peeper.connect(server.address)
    watch = client.watch(name)
    with ThreadPoolExecutor() as pool:
        events = pool.submit(list, watch)
        server.kill()
        client.close()
        assert all(isinstance(event, peeper.Gap) for event in events.result(10))


def test_a_failed_connect_leaves_no_thread(servers: Callable[..., Server]) -> None:
    address = servers("--token", "secret").address
    with pytest.raises(peeper.Unauthenticated):
        peeper.connect(address)
    assert not [thread for thread in threading.enumerate() if thread.name == "peeper"]


def test_a_request_in_on_event_is_told(server: Server, name: str) -> None:
    told: list[BaseException] = []

    def ask(event: peeper.Event) -> None:
        try:
            client.ping()
        except peeper.InvalidArgument as error:
            told.append(error)

    with peeper.connect(server.address, on_event=ask) as client:
        client.monitor(f"{name}.nobody").result(10)
        client.ping()
    assert len(told) == 1


def test_naked_encodings_travel_as_they_are(client: peeper.SyncClient, name: str) -> None:
    client.start(name, "cache")
    client.call(name, peeper.Encoded(peeper.values.encode(["put", "k", 5])))
    assert client.call(name, ["get", "k"]) == 5
