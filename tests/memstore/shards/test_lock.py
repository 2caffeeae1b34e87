"""A process that loses the lock of a memory in shards, in the middle of what it does under it."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

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

from memstore.db.stores import Stores
from memstore.db.vector_store import SqlSession
from memstore.settings import Settings
from memstore.shards import lock
from memstore.shards.edges import link_shards
from schema.errors import LockLostError

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
