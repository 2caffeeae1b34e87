import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.consistency.check import check_memory
from memstore.db.retry import new_token
from memstore.db.stores import get_memory
from memstore.db.vector_store import as_json
from memstore.outbox.publication import publish
from schema.batch import BatchKind
from schema.errors import StoreError
from schema.ids import rollout_id
from schema.reward import VerifiedReward

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
    with pytest.raises(StoreError, match="`create_rollouts`"):
        publish(memory.stores, memory.name)
    assert memory.ask("MATCH (m:Memory {memory: $memory}) RETURN m.seq AS seq") == [{"seq": 1}]


@pytest.mark.parametrize("label", ["Conclusion", "Policy"])
def test_a_rollout_whose_conclusion_or_policy_is_missing_rolls_the_batch_back(
    memory: MemoryUnderTest, label: str
) -> None:
    memory.add([make_rollout(1, 0)])
    memory.change(f"MATCH (n:{label} {{memory: $memory}}) DETACH DELETE n")
    memory.accept([make_rollout(1, 2)])
    with pytest.raises(StoreError, match="0 of 1 rows of `create_rollouts`"):
        publish(memory.stores, memory.name)
    assert memory.ask("MATCH (a:Answer {memory: $memory}) RETURN count(a) AS n") == [{"n": 1}]


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


VERIFIED = (
    "MATCH (s:Source {memory: $memory})-[e:VERIFIED]->(a:Answer) RETURN s.id AS source, "
    "s.seq AS known, a.id AS answer, e.reward AS reward, e.seq AS seq ORDER BY source, answer"
)


def said(memory: MemoryUnderTest, place: int, value: float, source: str) -> None:
    id_ = rollout_id(memory.name, "run-1", "sum-1", 0, place)
    reward = VerifiedReward(rollout_id=id_, value=value, source=source)
    add_labels(memory.stores, memory.name, [reward])


def test_a_source_has_one_edge_to_an_answer_with_its_last_word(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, 0), make_rollout(1, 1, reward=None)])
    said(memory, 0, 0.5, "ann")
    said(memory, 1, 0.25, "bob")
    said(memory, 0, 0.75, "ann")
    words = [
        (row["source"], row["known"], row["reward"], row["seq"]) for row in memory.ask(VERIFIED)
    ]
    reward = make_rollout(1, 0).reward
    assert words == [("ann", 2, 0.75, 2), ("bob", 3, 0.25, 3), ("file", 1, reward, 1)]
    report = check_memory(memory.stores, memory.name)
    assert report.ok, report.lines()


def test_sources_from_before_there_were_nodes_are_told_by_a_batch(memory: MemoryUnderTest) -> None:
    """As `0007_source.sql` adds one to each memory that is labelled."""
    memory.add([make_rollout(1, 0), make_rollout(1, 1)])
    said(memory, 0, 0.5, "ann")
    said(memory, 0, 0.75, "ann")
    before = memory.ask(VERIFIED)
    assert len(before) == 3
    memory.change("MATCH (s:Source {memory: $memory}) DETACH DELETE s")
    with memory.stores.vectors.transaction("outbox.sql") as session:
        row = session.row("next_seq", memory=memory.name)
        assert row == (4,)
        payload = as_json({})
        kind = BatchKind.SOURCES.value
        session.run(
            "add_batch", memory=memory.name, seq=4, kind=kind, payload=payload, token=new_token()
        )
    assert publish(memory.stores, memory.name) == 4
    assert memory.ask(VERIFIED) == before
    report = check_memory(memory.stores, memory.name)
    assert report.ok, report.lines()
