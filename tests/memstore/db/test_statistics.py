from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db import Addresses, keep_statistics
from memstore.db.vector_store import connect

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
