from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db import Addresses, keep_statistics
from memstore.db.vector_store import SqlSession, connect
from memstore.outbox import delete_memory
from schema import tables
from schema.keyed_rollout import prepare

#: What is left of the counts where everything was deleted and autovacuum came by.
FORGET = """
SELECT pg_restore_relation_stats(
    'schemaname', 'memreward', 'relname', 'rollout', 'relpages', 0, 'reltuples', 0::real
)
"""
COUNTED = "SELECT reltuples FROM pg_class WHERE oid = 'memreward.rollout'::regclass"


def test_a_table_that_grew_from_nothing_is_counted_with_the_batch(
    memory: MemoryUnderTest, servers: Addresses
) -> None:
    memory.accept(make_rollouts(60))  # 240 rollouts: more than a few pages
    with connect(servers.postgres_dsn) as postgres:
        postgres.execute(FORGET)
        memory.accept(make_rollouts(1, first=60))
        counted = postgres.execute(COUNTED).fetchone()
    assert counted is not None and counted[0] >= 244
    assert "rollout" not in keep_statistics(memory.stores.vectors)


#: Rows of the transaction that were read by way of an index that is no key.
READ = "SELECT pg_stat_get_xact_tuples_returned('memreward.rollout_of_batch'::regclass)"


def test_foreign_keys_of_a_memory_that_is_not_counted_are_looked_up_by_key(
    memory: MemoryUnderTest, servers: Addresses
) -> None:
    """What was counted knows one memory, and for Postgres the other has hardly a row."""
    counted = MemoryUnderTest(memory.stores, f"{memory.name}-counted")
    counted.accept(make_rollouts(60))
    with connect(servers.postgres_dsn) as postgres:
        postgres.execute("ANALYZE memreward.rollout")
        memory.accept(make_rollouts(60))
        ids = [prepare(memory.name, "run-1", rollout).id for rollout in make_rollouts(60)]
        rewards = [{"rollout_id": id_, "value": 1.0} for id_ in ids]
        with postgres.transaction(force_rollback=True):
            SqlSession(postgres, "statistics.sql").copy(
                tables.VERIFIED_REWARD, rewards, memory=memory.name, seq=1, source="test"
            )
            read = postgres.execute(READ).fetchone()
    delete_memory(memory.stores, counted.name)
    assert len(rewards) == 240 and read == (0,)
