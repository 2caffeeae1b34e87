import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.db.stores import get_memory
from memstore.outbox.publication import publish
from schema.errors import StoreError

MOVE = "MATCH (m:Memory {memory: $memory}) SET m.seq = $seq"


def test_a_batch_whose_commit_was_not_heard_of_is_not_applied_again(
    memory: MemoryUnderTest,
) -> None:
    """Neo4j has the batch, Postgres does not know: the sequence number settles it."""
    memory.accept(make_rollouts(3))
    publish(memory.stores, memory.name)
    with memory.stores.vectors.transaction("outbox.sql") as session:
        session._connection.execute(
            "UPDATE memreward.memory SET published_seq = 0 WHERE name = %s", [memory.name]
        )
        session._connection.execute(
            "UPDATE memreward.batch SET payload = '{\"generation\": 0}' WHERE memory = %s",
            [memory.name],
        )
    memory.change("MATCH (a:Answer {memory: $memory}) WITH a LIMIT 1 DETACH DELETE a")
    assert publish(memory.stores, memory.name) == 1
    assert get_memory(memory.stores, memory.name).published_seq == 1
    assert memory.ask("MATCH (a:Answer {memory: $memory}) RETURN count(a) AS n") == [{"n": 11}]


def test_a_gap_is_refused_and_nothing_is_written(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1)])
    memory.change(MOVE, seq=0)
    memory.accept(make_rollouts(3))
    with pytest.raises(StoreError, match="up to batch 0, batch 2 comes next"):
        publish(memory.stores, memory.name)
    assert memory.ask("MATCH (q:Query {memory: $memory}) RETURN count(q) AS n") == [{"n": 1}]
    memory.change(MOVE, seq=1)
    assert publish(memory.stores, memory.name) == 2


def test_a_missing_endpoint_rolls_the_batch_back(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2, 1))
    memory.change("MATCH (q:Query {memory: $memory}) DETACH DELETE q")
    memory.accept(make_rollouts(2))
    with pytest.raises(StoreError, match="`rollouts`"):
        publish(memory.stores, memory.name)
    assert memory.ask("MATCH (m:Memory {memory: $memory}) RETURN m.seq AS seq") == [{"seq": 1}]


def test_payloads_are_dropped_once_published(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2))
    with memory.stores.vectors.transaction("outbox.sql") as session:
        rows = session._connection.execute(
            "SELECT payload IS NULL, published_at IS NOT NULL FROM memreward.batch "
            "WHERE memory = %s",
            [memory.name],
        ).fetchall()
    assert rows == [(True, True)]


def test_a_policy_is_tied_to_what_it_gave(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, 0), make_rollout(1, 1, policy="big", checkpoint="9", step=3)])
    memory.add([make_rollout(2, 0, policy="big"), make_rollout(2, 1, policy=None)])
    found = memory.ask(
        "MATCH (p:Policy {memory: $memory})-[e:GAVE]->(a:Answer) RETURN p.id AS policy, "
        "p.seq AS known, a.policy AS told, e.step AS step, e.checkpoint AS checkpoint, e.seq AS seq"
    )
    given = {tuple(row.values()) for row in found}
    assert given == {
        ("tiny", 1, "tiny", 0, None, 1),
        ("big", 1, "big", 3, "9", 1),
        ("big", 1, "big", 0, None, 2),
    }
