"""A process that loses the lock of a memory in shards, in the middle of what it does under it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from support.divided import (
    FourShards,
    OneMemory,
    calls,
    current,
    delete_all,
    neighbours_in,
    once_before,
    what_is_said,
)
from support.rollout_factory import make_rollout, unit_vector

from memstore.db.stores import Stores
from memstore.db.vector_store import SqlSession
from memstore.outbox.accept import Accepted
from memstore.settings import Settings
from memstore.shards import edges, lock, writer
from memstore.shards.edges import link_shards
from memstore.similarity.vector_cache import QueryVectors
from schema.errors import InputError, LockLostError
from schema.ids import query_id
from schema.rollout import Rollout

_numbers = count()


@pytest.fixture
def name(stores: Stores, others: list[Stores]) -> Iterator[str]:
    name = f"lock-lost-{next(_numbers)}"
    yield name
    delete_all(name, stores, *others)


@pytest.fixture
def settings(server_settings: Settings, tmp_path: Path) -> Settings:
    return server_settings.model_copy(update={"home": tmp_path})


@pytest.fixture
def four(
    stores: Stores, others: list[Stores], settings: Settings, name: str
) -> Iterator[FourShards]:
    memory = FourShards(stores, settings, name, others[0])
    yield memory
    memory.scorer.close()


def lose_lock(memory: FourShards) -> None:
    """Postgres ends the session that holds the lock, as when it is restarted."""
    with memory.shards.first.stores.vectors.transaction("shards.sql") as session:
        text = (
            b"SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks AS l"
            b" JOIN pg_database AS d ON d.oid = l.database AND d.datname = current_database()"
            b" WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            b" AND (l.classid::bigint << 32 | l.objid::bigint)"
            b" = hashtextextended('memreward shards ' || %s, 0)"
        )
        ended = session._connection.execute(text, (memory.name,)).fetchall()
    assert ended == [(True,)]


def generations(memory: FourShards) -> set[int]:
    """Of all edges that are written, those that do not count included."""
    found = set[int]()
    for part in memory.shards.parts:
        with part.stores.vectors.transaction("shards.sql") as session:
            text = b"SELECT DISTINCT generation FROM memreward.across WHERE memory = %s"
            found |= {row[0] for row in session._connection.execute(text, (part.name,))}
    return found


def published(memory: FourShards) -> int:
    """Number of the rollouts in Neo4j."""
    text = "MATCH (a:Answer) WHERE a.memory STARTS WITH $start RETURN count(a) AS n"
    found = memory.stores.graph.query(text, {"start": f"{memory.name}@"}, 60.0).rows[0]["n"]
    assert isinstance(found, int)
    return found


def answer(memory: FourShards, question: int, **changes: object) -> Rollout:
    """To a question that is nearest to all others of these."""
    changes = {"reward": None, "query_embedding": unit_vector(900), **changes}
    return make_rollout(question, 0, **changes)


def in_two_shards(memory: FourShards) -> tuple[int, int]:
    """Questions whose shards are two, in the same pair."""
    places = memory.shards.together()[0].places
    of = {
        memory.shards.part_of(query_id(memory.name, answer(memory, n).query)): n
        for n in range(100, 140)
    }
    return of[places[0]], of[places[1]]


@contextmanager
def at_its_end(
    memory: FourShards, other: Callable[[], object], ready: threading.Event | None = None
) -> Iterator[None]:
    """Within a call's transaction that accepts, its lock is lost and another calls `other`.

    The transaction ends once the other waits for it, or is `ready` for that, or is done.
    """
    ready = ready or threading.Event()
    doing = threading.Thread(target=other)

    def strike() -> None:
        lose_lock(memory)
        doing.start()
        while doing.is_alive() and not ready.is_set() and not waits(memory):
            time.sleep(0.01)

    with once_before("add_runs", strike) as struck:
        yield
    doing.join()
    assert struck


def waits(memory: FourShards) -> bool:
    """Whether a session waits for a lock in the first shard's Postgres."""
    text = (
        b"SELECT count(*) FROM pg_stat_activity"
        b" WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with memory.shards.first.stores.vectors.transaction("shards.sql") as session:
        row = session._connection.execute(text).fetchone()
    return row is not None and row[0] > 0


def test_edges_lead_to_no_query_of_a_call_whose_lock_was_lost_and_that_is_not_read_yet(
    four: FourShards, others: list[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is accepted while another, which has the lock, looks for the nearest of its own."""
    four.scorer.score(calls()[0])
    first, second = in_two_shards(four)
    other = FourShards(four.stores, four.settings, four.name, others[0])
    other.scorer.score(calls()[0][:1], store=False)  # It has the snapshot.
    accepted, whole, searches = threading.Event(), writer.accept_to_several, edges.nearest_in_all

    def accept(*given: Any, **options: Any) -> list[Accepted]:
        try:
            return whole(*given, **options)
        finally:
            accepted.set()

    def search(*given: Any) -> Any:
        searching.set()
        assert accepted.wait(60)
        return searches(*given)

    monkeypatch.setattr(lock, "MOST_LOSSES", 0)
    # So it is in shards that are large, or were not searched in this process.
    monkeypatch.setattr(QueryVectors, "is_worth_it", lambda *_: False)
    searching = threading.Event()
    with at_its_end(four, lambda: other.scorer.score([answer(other, second)]), searching):
        monkeypatch.setattr(writer, "accept_to_several", accept)
        monkeypatch.setattr(edges, "nearest_in_all", search)
        with pytest.raises(LockLostError):
            four.scorer.score([answer(four, first)])
    four.scorer.score([answer(four, first)])
    other.scorer.score(calls()[0][:1], store=False)
    found = current(other)
    other.close()
    ids = [query_id(four.name, answer(four, n).query) for n in (first, second)]
    assert {ids[0], ids[1]} <= found.keys()
    assert found == neighbours_in(four.rebuilt())


@pytest.mark.parametrize("statement", ["lock", "lock_edges"])
def test_a_text_that_another_stored_elsewhere_meanwhile_is_refused(
    four: FourShards, others: list[Stores], statement: str
) -> None:
    """In another shard, before this call has the lock, or once it has lost it again."""
    first, second = in_two_shards(four)
    other = FourShards(four.stores, four.settings, four.name, others[0])
    four.scorer.score(calls()[0])
    same = {"source_query_id": "same"}

    def another_stores() -> None:
        if statement == "lock_edges":
            lose_lock(four)
        other.scorer.score([answer(other, second, **same)])

    with (
        once_before(statement, another_stores) as struck,
        pytest.raises(InputError, match="with another text"),
    ):
        four.scorer.score([answer(four, first, **same)])
    other.close()
    assert struck


def test_a_text_that_was_stored_elsewhere_as_the_lock_was_lost_is_refused(
    four: FourShards, others: list[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = in_two_shards(four)
    other = FourShards(four.stores, four.settings, four.name, others[0])
    four.scorer.score(calls()[0])
    refused, same = list[str](), {"source_query_id": "same"}

    def another_stores() -> None:
        try:
            other.scorer.score([answer(other, second, **same)])
        except InputError as error:
            refused.append(str(error))

    with at_its_end(four, another_stores):
        four.scorer.score([answer(four, first, **same)])
    other.close()
    assert len(refused) == 1


@pytest.mark.parametrize("statement", ["lock_edges", "clear", "move"])
def test_a_call_whose_lock_is_lost_goes_on_by_itself(
    four: FourShards, stores: Stores, settings: Settings, name: str, statement: str
) -> None:
    one = OneMemory(stores, settings, name)
    expected = what_is_said(one).neighbours
    one.close()
    delete_all(name, stores)
    for call, neighbours in zip(calls(), expected, strict=True):
        with once_before(statement, lambda: lose_lock(four)):
            four.scorer.score(call)
        assert current(four) == neighbours
    four.scorer.flush()
    assert published(four) == 90


def test_what_was_accepted_before_an_error_is_published_by_the_same_call_again(
    four: FourShards, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, once_before("clear", lambda: lose_lock(four)):
        patch.setattr(lock, "MOST_LOSSES", 0)
        with pytest.raises(LockLostError, match="same call again stores the rest"):
            four.scorer.score(calls()[0])
    four.scorer.score(calls()[0])
    four.scorer.flush()
    assert published(four) == len(calls()[0])


def test_who_lost_the_lock_writes_no_edges_into_those_of_another(
    four: FourShards, others: list[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in calls()[:3]:
        four.scorer.score(call)
    other = FourShards(others[0], four.settings, four.name, four.stores)

    def another_links() -> None:
        lose_lock(four)
        link_shards(other.shards, 5)

    monkeypatch.setattr(lock, "MOST_LOSSES", 0)
    with once_before("lock_edges", another_links), pytest.raises(LockLostError):
        link_shards(four.shards, 3)
    most = max(map(len, neighbours_in(four.rebuilt()).values()))
    other.close()
    assert most == 5


def test_who_lost_the_lock_drops_no_edges_of_another(
    four: FourShards, others: list[Stores], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes to drop edges that do not count any more while another link writes some to be."""
    for call in calls()[:3]:
        four.scorer.score(call)
    other = FourShards(others[0], four.settings, four.name, four.stores)
    written, dropped, moves = threading.Event(), threading.Event(), list[str]()
    linking = threading.Thread(target=link_shards, args=(other.shards, 5))
    whole = SqlSession.run

    def run(session: SqlSession, name: str, /, **parameters: object) -> int:
        if name == "lock_edges" and len(moves) == 1 and linking.ident is None:
            lose_lock(four)
            linking.start()
            assert written.wait(60)
        if name == "move":
            moves.append(name)
            if len(moves) == 2:  # That of the other link.
                written.set()
                assert dropped.wait(60)
        return whole(session, name, **parameters)

    monkeypatch.setattr(lock, "MOST_LOSSES", 0)
    monkeypatch.setattr(SqlSession, "run", run)
    try:
        with pytest.raises(LockLostError):
            link_shards(four.shards, 3)
    finally:
        dropped.set()
        linking.join()
    found = neighbours_in(four.rebuilt())
    other.close()
    assert max(map(len, found.values())) == 5
    assert len(generations(four)) == 1
