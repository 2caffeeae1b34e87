import numpy as np
import pytest
from psycopg_pool import ConnectionPool
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.addresses import Addresses
from memstore.db.stores import find_memory
from memstore.db.vector_store import SqlSession, VectorStore, connect
from memstore.outbox.locks import lock_for_transaction
from schema.errors import StoreError

END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = 'test-connections'
"""


@pytest.fixture
def vectors(servers: Addresses):
    opened = VectorStore(f"{servers.postgres_dsn}?application_name=test-connections")
    yield opened
    opened.close()


def test_a_connection_that_died_is_replaced_and_not_handed_out(
    vectors: VectorStore, memory: MemoryUnderTest, servers: Addresses
) -> None:
    memory.accept(make_rollouts(1))
    for use in (vectors.reading, vectors.transaction):
        with use("outbox.sql") as session:
            assert find_memory(session, memory.name) is not None
        with connect(servers.postgres_dsn) as postgres:
            assert postgres.execute(END_OTHERS).fetchall()
        with use("outbox.sql") as session:
            assert find_memory(session, memory.name) is not None


def test_a_connection_that_lives_costs_no_round_trip(
    vectors: VectorStore, memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(connection: object) -> None:
        raise AssertionError("it was asked whether it lives")

    monkeypatch.setattr(ConnectionPool, "check_connection", asked)
    for _ in range(3):
        with vectors.reading("outbox.sql") as session:
            assert find_memory(session, memory.name) is None


def test_after_reading_a_connection_serves_transactions(
    vectors: VectorStore, memory: MemoryUnderTest
) -> None:
    memory.accept(make_rollouts(1))
    with pytest.raises(StoreError), vectors.reading("outbox.sql") as session:
        session.row("next_seq", memory=object())  # It is refused before it is sent.
    with vectors.reading("outbox.sql") as session:
        state = find_memory(session, memory.name)
    with pytest.raises(InterruptedError), vectors.transaction("outbox.sql") as session:
        lock_for_transaction(session, memory.name)
        session.row("next_seq", memory=memory.name)
        raise InterruptedError
    with vectors.reading("outbox.sql") as session:
        assert find_memory(session, memory.name) == state


def test_a_session_gets_a_connection_that_was_used_before_without_its_locks_and_settings(
    vectors: VectorStore, memory: MemoryUnderTest
) -> None:
    with vectors.session("plans.sql") as session:
        first = session.row("for_given_values"), _process(session)
        session.of("locks.sql").run("lock_publisher", memory=memory.name)
        with vectors.session("locks.sql") as other:
            assert _process(other) != first[1]
    with vectors.session("locks.sql") as session:
        session.run("lock_publisher", memory=memory.name)  # Nobody has it.
        with vectors.session("locks.sql") as other:
            assert {_process(session), _process(other)} >= {first[1]}
            assert _plan_cache_mode(session) == _plan_cache_mode(other) == "auto"


def test_a_session_that_failed_and_one_that_died_are_not_used_again(
    vectors: VectorStore, servers: Addresses
) -> None:
    failed: list[int] = []
    with pytest.raises(InterruptedError), vectors.session("outbox.sql") as session:
        failed.append(_process(session))
        raise InterruptedError
    with vectors.session("outbox.sql") as session:
        assert _process(session) not in failed
    with connect(servers.postgres_dsn) as postgres:
        assert postgres.execute(END_OTHERS).fetchall()
    with vectors.session("outbox.sql") as session:
        assert session.rows("every_memory") is not None


def test_an_array_of_two_dimensions_is_an_array_of_vectors(vectors: VectorStore) -> None:
    values_ND = np.random.default_rng(0).normal(size=(5, 384)).astype(np.float32)
    with vectors.session("outbox.sql") as session:
        connection = session._connection
        for given_ND in (values_ND, values_ND[:0]):
            rows = connection.execute("SELECT unnest(%s::vector[])", (given_ND,), binary=True)
            assert np.array_equal([row[0] for row in rows], list(given_ND))


def _process(session: SqlSession) -> int:
    return session._connection.info.backend_pid


def _plan_cache_mode(session: SqlSession) -> str:
    connection = session._connection
    row = connection.execute("SHOW plan_cache_mode").fetchone()
    return "" if row is None else row[0]
