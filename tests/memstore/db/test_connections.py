import pytest
from psycopg_pool import ConnectionPool
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.addresses import Addresses
from memstore.db.stores import find_memory
from memstore.db.vector_store import VectorStore, connect
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
