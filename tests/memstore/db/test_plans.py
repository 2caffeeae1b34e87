"""Plans for an average memory: how long they last."""

import psycopg
import pytest
from support.store_fixtures import MemoryUnderTest

from memstore.db import SqlSession, VectorStore, plans_for_any_memory
from memstore.db.addresses import Addresses
from schema.errors import StoreError


def mode(session: SqlSession) -> str:
    row = session._connection.execute("SHOW plan_cache_mode").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("way", ["transaction", "reading", "session"])
def test_they_last_as_long_as_the_block(memory: MemoryUnderTest, way: str) -> None:
    with getattr(memory.stores.vectors, way)("outbox.sql") as session:
        with plans_for_any_memory(session):
            assert mode(session) == "force_generic_plan"
        assert mode(session) == "auto"


@pytest.mark.parametrize("way", ["transaction", "reading", "session"])
def test_a_connection_on_which_a_statement_failed_is_as_before(
    servers: Addresses, way: str
) -> None:
    vectors, failed = VectorStore(servers.postgres_dsn), list[SqlSession]()
    vectors._pool.wait()  # Else the first call may have it make a second connection.
    with pytest.raises((StoreError, psycopg.Error)), getattr(vectors, way)("outbox.sql") as session:
        failed.append(session)
        with plans_for_any_memory(session):
            session._connection.execute("SELECT 1 / 0")
    if way != "session":  # Whose connection is closed.
        with vectors.transaction("outbox.sql") as session:
            assert session._connection is failed[0]._connection
            assert mode(session) == "auto"
    vectors.close()


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("same_conclusion.sql", "verdicts"),
        ("same_conclusion.sql", "taken_over"),
        ("same_conclusion.sql", "audits"),
        ("look.sql", "run_audits"),
    ],
)
def test_current_rewards_of_one_rollout_after_another_may_be_found_by_key(
    memory: MemoryUnderTest, file: str, statement: str
) -> None:
    lists = {key: ["a"] for key in ("queries", "conclusions", "ids")}
    with memory.stores.vectors.transaction(file) as session:
        plan = session.plan(statement, memory=memory.name, seq=1, **lists)
    # Which index is taken depends on what Postgres has counted; with "or all" none can be.
    assert "rollout_id = ANY (ARRAY[" in plan and "IS NULL) OR" not in plan, plan
