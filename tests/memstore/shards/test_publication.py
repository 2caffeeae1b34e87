"""Shards in the same databases are published together, and each as if it were alone."""

from collections.abc import Iterator

import pytest
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.consistency.check import check_memory
from memstore.db.graph_store import GraphStore
from memstore.db.stores import Stores, get_memory
from memstore.outbox.deletion import delete_memory
from memstore.outbox.publication import MAX_TRIES
from memstore.shards.publication import publish_together
from schema.errors import QuarantineError, StoreError
from schema.ids import rollout_id
from schema.reward import VerifiedReward

NAMES = [f"together-{number}" for number in (1, 2, 3)]


@pytest.fixture
def memories(stores: Stores) -> Iterator[list[MemoryUnderTest]]:
    """Three with a batch each that Neo4j has not been told of."""
    made = [MemoryUnderTest(stores, name) for name in NAMES]
    for number, memory in enumerate(made, 1):
        memory.accept(make_rollouts(3 * number))
    yield made
    for name in NAMES:
        delete_memory(stores, name)


def published(memories: list[MemoryUnderTest]) -> list[int]:
    return [get_memory(memory.stores, memory.name).published_seq for memory in memories]


def assert_whole(memories: list[MemoryUnderTest]) -> None:
    for memory in memories:
        report = check_memory(memory.stores, memory.name)
        assert report.ok, report.lines()


def test_one_transaction_tells_of_all(
    memories: list[MemoryUnderTest], stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, write = list[str](), GraphStore.write

    def counted(self: GraphStore, file: str, work: object) -> object:
        writes.append(file)
        return write(self, file, work)  # pyright: ignore[reportArgumentType, reportUnknownVariableType]

    monkeypatch.setattr(GraphStore, "write", counted)
    publish_together(stores, NAMES)
    assert writes == ["outbox.cypher"]
    assert published(memories) == [1, 1, 1]
    assert_whole(memories)


def test_a_lag_of_one_and_labels_of_another_are_published_in_order(
    memories: list[MemoryUnderTest], stores: Stores
) -> None:
    publish_together(stores, NAMES[1:])
    id_ = rollout_id(NAMES[1], "run-1", "sum-1", 0, 0)
    add_labels(stores, NAMES[1], [VerifiedReward(rollout_id=id_, value=0.25, source="ann")])
    memories[1].accept(make_rollouts(20))
    memories[2].accept(make_rollouts(20))
    publish_together(stores, NAMES)
    assert published(memories) == [1, 3, 2]
    assert_whole(memories)


def test_one_that_is_refused_keeps_none_of_the_others(
    memories: list[MemoryUnderTest], stores: Stores
) -> None:
    publish_together(stores, NAMES)
    memories[1].change("MATCH (q:Query {memory: $memory}) DETACH DELETE q")
    for memory in memories:
        memory.accept(make_rollouts(4, places=9))
    for attempt in range(MAX_TRIES):
        error = QuarantineError if attempt == MAX_TRIES - 1 else StoreError
        with pytest.raises(error, match="`create_rollouts`"):
            publish_together(stores, NAMES)
        assert published(memories) == [2, 1, 2]
    assert_whole([memories[0], memories[2]])


def test_what_neo4j_holds_already_is_not_told_again(
    memories: list[MemoryUnderTest], stores: Stores
) -> None:
    """The commit of one was not heard of: Postgres does not know."""
    publish_together(stores, NAMES[:1])
    with stores.vectors.transaction("outbox.sql") as session:
        session._connection.execute(
            "UPDATE memreward.memory SET published_seq = 0 WHERE name = %s", [NAMES[0]]
        )
        session._connection.execute(
            "UPDATE memreward.batch SET payload = '{\"generation\": 0}' WHERE memory = %s",
            [NAMES[0]],
        )
    memories[0].change("MATCH (a:Answer {memory: $memory}) WITH a LIMIT 1 DETACH DELETE a")
    publish_together(stores, NAMES)
    assert published(memories) == [1, 1, 1]
    left = "MATCH (a:Answer {memory: $memory}) RETURN count(a) AS n"
    assert memories[0].ask(left) == [{"n": 11}]
    assert_whole(memories[1:])


def test_another_memory_of_a_name_in_neo4j_is_not_written_to(
    memories: list[MemoryUnderTest], stores: Stores
) -> None:
    publish_together(stores, NAMES)
    change = "MATCH (m:Memory {memory: $memory}) SET m.incarnation = $made"
    memories[0].change(change, made="another")
    for memory in memories:
        memory.accept(make_rollouts(20))
    with pytest.raises(StoreError, match="do not belong together"):
        publish_together(stores, NAMES)
    assert published(memories) == [1, 2, 2]
    assert_whole(memories[1:])
    memories[0].change(change, made=get_memory(stores, NAMES[0]).incarnation)
