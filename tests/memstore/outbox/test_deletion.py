import pytest
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.run_deletion import delete_run
from memstore.db.query_files import named_queries
from memstore.outbox import delete_rows
from memstore.outbox.deletion import delete_memory
from memstore.reads.stats import list_memories, memory_stats


def test_only_the_named_memory_goes(memory: MemoryUnderTest) -> None:
    other = MemoryUnderTest(memory.stores, memory.name + "-other")
    memory.add(make_rollouts(4))
    other.add(make_rollouts(4))
    other.link()
    delete_memory(memory.stores, other.name)
    assert other.name not in list_memories(memory.stores)
    assert other.ask("MATCH (n {memory: $memory}) RETURN n") == []
    assert memory_stats(memory.stores, memory.name)["counts"]["rollouts"] == 16
    delete_memory(memory.stores, other.name)  # again: nothing happens


def test_a_large_delete_leaves_no_dead_rows(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vacuums() -> int:
        with memory.stores.vectors.transaction("delete.sql") as session:
            found = session._connection.execute(  # pyright: ignore
                "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'rollout'"
            ).fetchone()
        assert found is not None
        return found[0]

    before = vacuums()
    memory.add(make_rollouts(4), run="small")
    delete_run(memory.stores, memory.name, "small")
    assert vacuums() == before
    monkeypatch.setattr(delete_rows, "MANY_ROLLOUTS", 16)
    memory.add(make_rollouts(4), run="large")
    delete_run(memory.stores, memory.name, "large")
    assert vacuums() == before + 1
    memory.add(make_rollouts(4))
    delete_memory(memory.stores, memory.name)
    assert vacuums() == before + 2


def test_every_statement_names_the_memory() -> None:
    """The tenant key is in every query that touches data."""
    free = {"memories", "vacuum"}
    free |= {
        "index_built",
        "indexes_built",
        "indexes",
        "extension",
        "try_lock_builder",
        "drop_index",
        "analyse",
    }
    free |= {"tune", "untune"}
    files = ("outbox", "changes", "delete", "locks", "archive", "reads", "similarity", "snapshot")
    for file in files:
        for name, text in named_queries(f"{file}.sql").items():
            assert name in free or "memory" in text.partition("\n")[2], f"{file}.sql: {name}"
    for file in ("outbox", "reads", "edges", "consistency"):
        for name, text in named_queries(f"{file}.cypher").items():
            named = any(key in text for key in ("$memory", "memory: batch.memory", ": one.memory"))
            assert name == "nothing" or named, f"{file}.cypher: {name}"
