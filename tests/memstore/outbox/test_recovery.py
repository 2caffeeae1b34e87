"""What repair finishes, what stops publication, and what a writer without its lock cannot do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.propagated_rewards import register_model
from memstore.changes.relink import link, needs_link
from memstore.db.graph_store import GraphTransaction
from memstore.db.retry import retried
from memstore.db.stores import get_memory
from memstore.db.vector_store import SqlSession
from memstore.outbox.deletion import delete_memory, finish_delete
from memstore.outbox.fence import Fence
from memstore.outbox.locks import MemoryLock, hold, lock_existing
from memstore.outbox.publication import MAX_TRIES, publish
from memstore.outbox.recovery import Repaired, catch_up, catch_up_all, repair
from schema.errors import QuarantineError, StoreError, UnknownMemoryError, UnreachableError

QUERIES = "MATCH (q:Query {memory: $memory}) RETURN count(q) AS n"
BREAK = "MATCH (q:Query {memory: $memory}) DETACH DELETE q"


def run_sql(memory: MemoryUnderTest, statement: str) -> None:
    with memory.stores.vectors.transaction("outbox.sql") as session:
        session._connection.execute(statement.encode(), {"memory": memory.name})


def quarantined(memory: MemoryUnderTest) -> None:
    """A memory whose second batch builds on a query that somebody removed from Neo4j."""
    memory.add([make_rollout(1)])
    memory.change(BREAK)
    memory.accept([make_rollout(1, 1), make_rollout(2)])
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(StoreError, match="`create_rollouts`"):
            publish(memory.stores, memory.name)
    with pytest.raises(QuarantineError, match=r"batch 2 .*`memreward repair --memory"):
        publish(memory.stores, memory.name)


def mend(memory: MemoryUnderTest) -> None:
    from schema.ids import query_id

    memory.change(
        "CREATE (:Query {memory: $memory, id: $id, seq: 1})",
        id=query_id(memory.name, make_rollout(1).query),
    )


def test_nothing_to_repair(memory: MemoryUnderTest) -> None:
    assert catch_up(memory.stores, memory.name) == Repaired()
    with pytest.raises(UnknownMemoryError, match=memory.name):
        repair(memory.stores, memory.name)
    memory.add(make_rollouts(2))
    assert repair(memory.stores, memory.name) == Repaired()


def test_what_is_accepted_is_published(memory: MemoryUnderTest) -> None:
    memory.accept(make_rollouts(2))
    memory.accept(make_rollouts(2, first=2))
    assert repair(memory.stores, memory.name) == Repaired(published=2)
    assert memory.ask(QUERIES) == [{"n": 4}]


def test_a_failing_batch_stops_publication_loudly(memory: MemoryUnderTest) -> None:
    quarantined(memory)
    memory.accept([make_rollout(3)])
    for write in (
        lambda: memory.add([make_rollout(4)]),
        lambda: publish(memory.stores, memory.name),
        lambda: link(memory.stores, memory.name),
        lambda: register_model(memory.stores, memory.name, "model", {}),
        lambda: repair(memory.stores, memory.name),
    ):
        with pytest.raises(QuarantineError, match="nothing after it is published"):
            write()
    assert memory.ask(QUERIES) == [{"n": 0}]
    assert get_memory(memory.stores, memory.name).seq == 3, "nothing more was accepted"


def test_a_quarantined_batch_is_settled_once_the_cause_is_gone(memory: MemoryUnderTest) -> None:
    quarantined(memory)
    mend(memory)
    assert repair(memory.stores, memory.name) == Repaired(published=1, settled=2)
    assert memory.ask(QUERIES) == [{"n": 2}]
    assert needs_link(memory.stores, memory.name)


def test_queries_of_a_quarantined_batch_are_nobodys_neighbours(memory: MemoryUnderTest) -> None:
    quarantined(memory)
    memory.accept([make_rollout(3)])
    mend(memory)
    repair(memory.stores, memory.name)
    pairs = "MATCH (q:Query {memory: $memory})-[:SIMILAR_TO]->(n) RETURN q.seq AS q, n.seq AS n"
    rows = [(row["q"], row["n"]) for row in memory.ask(pairs)]
    assert (3, 2) not in rows
    assert (3, 1) in rows
    memory.link()
    rows = [(row["q"], row["n"]) for row in memory.ask(pairs)]
    assert len(rows) == 6, "after the next link they are"


def test_one_memory_in_quarantine_does_not_stop_the_others(memory: MemoryUnderTest) -> None:
    other = MemoryUnderTest(memory.stores, memory.name + "-other")
    try:
        quarantined(memory)
        other.accept(make_rollouts(2))
        (error,) = catch_up_all(memory.stores)
        assert memory.name in str(error)
        assert get_memory(other.stores, other.name).published_seq == 1
    finally:
        delete_memory(other.stores, other.name)


def test_an_unfinished_generation_is_removed(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(4, 1))
    run_sql(
        memory,
        "INSERT INTO memreward.similar_to SELECT memory, generation + 1, query_id, neighbour_id, "
        "rank, score, 0 FROM memreward.similar_to WHERE memory = %(memory)s",
    )
    with memory.stores.vectors.session("similarity.sql") as session:
        hold(session, memory.name, MemoryLock.LINKER)
        assert repair(memory.stores, memory.name) == Repaired(), "somebody is building it"
    assert repair(memory.stores, memory.name) == Repaired(cleared=True)


def test_the_look_at_a_memory_counts_no_edges(memory: MemoryUnderTest) -> None:
    """However many edges there are, their first and last generation are found by the key."""
    memory.add(make_rollouts(60))
    read = "SELECT pg_stat_get_xact_tuples_returned('memreward.similar_to'::regclass)"
    by_key = "SELECT pg_stat_get_xact_tuples_returned('memreward.similar_to_pkey'::regclass)"
    for name in ("state", "older_generation"):
        with memory.stores.vectors.transaction("outbox.sql") as session:
            session._connection.execute("ANALYZE memreward.similar_to")
            before = [session._connection.execute(q).fetchone() for q in (read, by_key)]
            session.row(name, memory=memory.name)
            after = [session._connection.execute(q).fetchone() for q in (read, by_key)]
        assert before[0] == after[0]
        assert before[1] is not None and after[1] is not None
        assert after[1][0] - before[1][0] <= 2


def test_an_outdated_generation_is_removed_from_both(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(4, 1))
    memory.link()
    edges = "MATCH ({memory: $memory})-[s:SIMILAR_TO]->() RETURN DISTINCT s.generation AS g"
    memory.change(
        "MATCH (q:Query {memory: $memory}), (n:Query {memory: $memory}) WHERE q.id < n.id "
        "CREATE (q)-[:SIMILAR_TO {memory: $memory, generation: 0}]->(n)"
    )
    assert len(memory.ask(edges)) == 2
    run_sql(
        memory,
        "INSERT INTO memreward.similar_to SELECT memory, 0, query_id, neighbour_id, rank, score, "
        "seq FROM memreward.similar_to WHERE memory = %(memory)s",
    )
    assert repair(memory.stores, memory.name) == Repaired(cleared=True)
    assert memory.ask(edges) == [{"g": 1}]


def test_a_delete_that_was_cut_off_is_finished_and_the_name_free(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(3))
    first = get_memory(memory.stores, memory.name)
    run_sql(memory, "UPDATE memreward.memory SET deleted_at = now() WHERE name = %(memory)s")
    with pytest.raises(UnknownMemoryError, match="is being deleted"):
        get_memory(memory.stores, memory.name)
    assert memory.add([make_rollout(9)]).new == 1, "a write finishes the delete first"
    assert memory.ask(QUERIES) == [{"n": 1}]
    assert get_memory(memory.stores, memory.name).incarnation != first.incarnation
    with (
        pytest.raises(UnknownMemoryError, match="was deleted"),
        memory.stores.vectors.transaction("outbox.sql") as session,
    ):
        lock_existing(session, first)
    assert not finish_delete(memory.stores, memory.name)


@contextmanager
def publisher(memory: MemoryUnderTest) -> Iterator[tuple[Fence, SqlSession]]:
    """Somebody who holds the publisher's lock of the memory as it is now."""
    incarnation = get_memory(memory.stores, memory.name).incarnation
    with memory.stores.vectors.session("outbox.sql") as session:
        hold(session, memory.name, MemoryLock.PUBLISHER)
        yield (
            Fence(
                graph=memory.stores.graph,
                session=session,
                memory=memory.name,
                incarnation=incarnation,
            ),
            session,
        )


def end_session(memory: MemoryUnderTest, session: SqlSession) -> None:
    """The server ends a writer's session; the writer does not know yet."""
    pid = session._connection.info.backend_pid
    with memory.stores.vectors.transaction("outbox.sql") as other:
        other._connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_publisher_without_its_session_writes_nothing(memory: MemoryUnderTest) -> None:
    memory.accept(make_rollouts(2))
    with pytest.raises(UnreachableError), publisher(memory) as (fence, session):
        end_session(memory, session)
        publish(memory.stores, memory.name)  # Somebody else goes on meanwhile.
        bounds = {"label": "Query", "memory": memory.name, "limit": 9}
        fence.write(lambda tx, _: tx.rows("delete_nodes", **bounds))
    assert memory.ask(QUERIES) == [{"n": 2}]


def test_a_publisher_of_a_deleted_memory_writes_nothing(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2))
    with publisher(memory) as (fence, _):
        run_sql(memory, "UPDATE memreward.memory SET deleted_at = now() WHERE name = %(memory)s")
        with pytest.raises(UnknownMemoryError, match="was deleted while"):
            fence.write(lambda tx, _: None)
    repair(memory.stores, memory.name)
    assert memory.ask("MATCH (n {memory: $memory}) RETURN n") == []


def test_who_waits_at_the_fence_sees_what_the_one_before_did(memory: MemoryUnderTest) -> None:
    """Two publishers of one batch, as after a lost lock: the later one must not apply it again."""
    memory.add([make_rollout(1)])
    reached: list[int] = []
    inside, waiting = threading.Event(), threading.Event()

    def second() -> None:
        inside.wait(300)
        waiting.set()
        with publisher_without_lock(memory) as fence:
            reached.append(fence.write(lambda tx, seq: seq))

    thread = threading.Thread(target=second)
    thread.start()

    def first(tx: GraphTransaction, seq: int) -> int:
        inside.set()
        waiting.wait(300)
        thread.join(0.5)  # It cannot end before this transaction does.
        assert thread.is_alive()
        tx.rows("advance", memory=memory.name, seq=seq + 1)
        return seq

    with publisher_without_lock(memory) as fence:
        assert fence.write(first) == 1
    thread.join(300)
    assert reached == [2]
    memory.change("MATCH (m:Memory {memory: $memory}) SET m.seq = 1")


@contextmanager
def publisher_without_lock(memory: MemoryUnderTest) -> Iterator[Fence]:
    incarnation = get_memory(memory.stores, memory.name).incarnation
    with memory.stores.vectors.session("outbox.sql") as session:
        yield Fence(
            graph=memory.stores.graph,
            session=session,
            memory=memory.name,
            incarnation=incarnation,
        )


def test_a_linker_without_its_session_adds_nothing(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts again; the generation holds every edge once."""
    memory.add(make_rollouts(6, 1))
    plain: Callable[..., object] = SqlSession.run
    ended: list[str] = []

    def run(self: SqlSession, name: str, /, **parameters: object) -> object:
        if name == "stamp_generation" and not ended:
            ended.append(name)
            end_session(memory, self)
        return plain(self, name, **parameters)

    monkeypatch.setattr(SqlSession, "run", run)
    assert memory.link() == 6 * 5
    assert ended
    rows = memory.ask("MATCH ({memory: $memory})-[s:SIMILAR_TO]->() RETURN s.generation AS g")
    assert [row["g"] for row in rows] == [1] * 30


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstore.db.retry.PATIENCE_S", 0.2)
    calls: list[int] = []

    def work() -> None:
        calls.append(1)
        raise UnreachableError("gone")

    with pytest.raises(UnreachableError):
        retried(work)
    assert len(calls) > 1
