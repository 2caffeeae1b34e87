import pytest
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.consistency import compare_graph as check_graph
from memstore.consistency.check import check_memory
from memstore.consistency.report import EXAMPLES
from schema.errors import UnknownMemoryError
from schema.ids import rollout_id
from schema.reward import Preference, PropagatedReward, VerifiedReward


def of(memory: MemoryUnderTest, question: int, place: int = 0) -> str:
    return rollout_id(memory.name, "run-1", f"sum-{question}", 0, place)


@pytest.fixture
def full(memory: MemoryUnderTest) -> MemoryUnderTest:
    """Everything that a memory can hold."""
    memory.add(make_rollouts(12))
    memory.link()
    memory.add([make_rollout(20)], run="run-2")
    stores, name = memory.stores, memory.name
    register_model(stores, name, "m1", {"kind": "test"})
    rewards = [
        PropagatedReward(rollout_id=of(memory, 1), value=0.3, confidence=0.5, model="m1"),
        PropagatedReward(rollout_id=of(memory, 2), value=None, confidence=0.0, model="m1"),
    ]
    write_propagated(stores, name, rewards)
    said = [VerifiedReward(rollout_id=of(memory, 3), value=0.5, source="ann")]
    pair = Preference(better=of(memory, 3), worse=of(memory, 3, 1), annotator="ann")
    add_labels(stores, name, said, [pair])
    return memory


def test_a_sound_memory(full: MemoryUnderTest) -> None:
    report = check_memory(full.stores, full.name)
    assert report.ok, report.lines()
    assert report.seq == 6
    assert report.lines() == [f"memory {full.name}: both stores agree up to batch 6"]


def test_small_pages_see_the_same(full: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_graph, "PAGE", 5)
    assert check_memory(full.stores, full.name).ok
    full.change("MATCH (q:Query {memory: $memory}) WITH q ORDER BY q.id DESC LIMIT 7 SET q.seq = 9")
    assert check_memory(full.stores, full.name).counts == {"queries": 7}


IN_NEO4J = [
    ("MATCH (q:Query {memory: $memory}) WITH q LIMIT 1 DETACH DELETE q", "queries"),
    ("MATCH (q:Query {memory: $memory}) WITH q LIMIT 1 SET q.dataset = 'x'", "queries"),
    ("CREATE (:Query {memory: $memory, id: 'zz', seq: 1})", "queries"),
    ("MATCH (q:Query {memory: $memory}) WITH q LIMIT 1 SET q.text = 'x'", "queries"),
    (
        "MATCH (t:Thinking {memory: $memory}) WITH t LIMIT 1 SET t.text = 'x'",
        "thinkings, GENERATED, LEADS_TO",
    ),
    (
        "MATCH (a:Answer {memory: $memory}) WITH a LIMIT 1 SET a.text = 'x'",
        "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE",
    ),
    ("CREATE (:Thinking {memory: $memory, id: '00', seq: 1})", "thinkings, GENERATED, LEADS_TO"),
    (
        "MATCH (:Query {memory: $memory})-[e:GENERATED]->() WITH e LIMIT 1 DELETE e",
        "thinkings, GENERATED, LEADS_TO",
    ),
    (
        "MATCH (t:Thinking {memory: $memory})-[e:LEADS_TO]->() WITH e LIMIT 1 DELETE e",
        "thinkings, GENERATED, LEADS_TO",
    ),
    (
        "MATCH (a:Answer {memory: $memory})<-[e:PRODUCED]-() WITH e LIMIT 1 DELETE e",
        "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE",
    ),
    (
        "MATCH (a:Answer {memory: $memory})-[e:CONCLUDES]->() WITH e LIMIT 1 DELETE e",
        "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE",
    ),
    (
        "MATCH (a:Answer {memory: $memory}) WITH a LIMIT 1 MATCH (a)<-[:LEADS_TO]-(t) "
        "MERGE (q:Query {memory: 'elsewhere', id: 'x'}) MERGE (q)-[:GENERATED]->(t)",
        "thinkings, GENERATED, LEADS_TO",
    ),
    ("CREATE (:Conclusion {memory: $memory, id: 'zz', seq: 1})", "conclusions"),
    (
        "MATCH (:Query {memory: $memory})-[e:SIMILAR_TO]->() WITH e LIMIT 1 DELETE e",
        "SIMILAR_TO",
    ),
    (
        "MATCH (:Query {memory: $memory})-[e:SIMILAR_TO]->() WITH e LIMIT 1 SET e.score = 0.123",
        "SIMILAR_TO",
    ),
    (
        "MATCH (:Query {memory: $memory})-[e:SIMILAR_TO]->() WITH e LIMIT 1 SET e.generation = 0",
        "SIMILAR_TO",
    ),
    (
        "MATCH (a:Query {memory: $memory}), (b:Query {memory: $memory}) WHERE a <> b "
        "AND NOT (a)-[:SIMILAR_TO]->(b) WITH a, b LIMIT 1 CREATE (a)-[:SIMILAR_TO]->(b)",
        "SIMILAR_TO",
    ),
    (
        "MATCH (a:Answer {memory: $memory}) WHERE a.verified_reward = 1.0 WITH a LIMIT 1 "
        "SET a.verified_reward = 0.9",
        "verified rewards",
    ),
    (
        "MATCH (a:Answer {memory: $memory}) WHERE a.verified_reward = 1.0 WITH a LIMIT 1 "
        "SET a.verified_reward = 0.0/0.0",
        "verified rewards",
    ),
    (
        "MATCH (a:Answer {memory: $memory}) WHERE a.propagated_reward = 0.3 "
        "REMOVE a.propagated_reward",
        "propagated rewards",
    ),
    (
        "MATCH (a:Answer {memory: $memory}) WHERE a.propagated_model = 'm1' WITH a LIMIT 1 "
        "SET a.propagated_model = 'm2'",
        "propagated rewards",
    ),
    ("MATCH (:Answer {memory: $memory})-[e:PREFERRED_TO]->() DELETE e", "PREFERRED_TO"),
    ("MATCH (r:Run {memory: $memory, id: 'run-2'}) SET r.policy = 'x'", "runs"),
    ("MATCH (p:Policy {memory: $memory}) SET p.seq = 9", "policies"),
    ("MERGE (:Policy {memory: $memory, id: 'nobody', seq: 1})", "policies"),
    (
        "MATCH (:Policy {memory: $memory})-[e:GAVE]->() WITH e LIMIT 1 DELETE e",
        "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE",
    ),
    (
        "MATCH (:Policy {memory: $memory})-[e:GAVE]->() WITH e LIMIT 1 SET e.step = 77",
        "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE",
    ),
    ("MATCH (s:Source {memory: $memory}) SET s.seq = 9", "sources"),
    ("MATCH (:Source {memory: $memory})-[e:VERIFIED]->() WITH e LIMIT 1 DELETE e", "VERIFIED"),
    (
        "MATCH (:Source {memory: $memory})-[e:VERIFIED]->() WITH e LIMIT 1 SET e.reward = 0.123",
        "VERIFIED",
    ),
    (
        "MATCH (:Source {memory: $memory})-[e:VERIFIED]->() WITH e LIMIT 1 SET e.reward = 0.0/0.0",
        "VERIFIED",
    ),
    ("MATCH (m:Model {memory: $memory}) DELETE m", "models"),
    ("MATCH (m:Memory {memory: $memory}) SET m.generation = 7", "memory"),
]


@pytest.mark.parametrize(("damage", "kind"), IN_NEO4J)
def test_what_somebody_changed_in_neo4j_is_found(
    damage: str, kind: str, full: MemoryUnderTest
) -> None:
    full.change(damage)
    report = check_memory(full.stores, full.name)
    assert kind in report.counts, report.lines()
    assert not report.ok
    full.change("MATCH (q:Query {memory: 'elsewhere'}) DETACH DELETE q")


def test_another_memory_of_that_name_in_neo4j_is_found(full: MemoryUnderTest) -> None:
    swap = "MATCH (m:Memory {memory: $memory}) SET m.kept = m.incarnation, m.incarnation = 'x'"
    full.change(swap)
    report = check_memory(full.stores, full.name)
    full.change("MATCH (m:Memory {memory: $memory}) SET m.incarnation = m.kept")
    assert "memory" in report.counts


IN_POSTGRES = [
    (
        "DELETE FROM memreward.similar_to WHERE memory = %s AND rank = 1",
        "SIMILAR_TO",
    ),
    ("UPDATE memreward.verified_reward SET value = .7 WHERE memory = %s", "verified rewards"),
    ("DELETE FROM memreward.propagated_reward WHERE memory = %s", "propagated rewards"),
    ("DELETE FROM memreward.preference WHERE memory = %s", "PREFERRED_TO"),
    ("DELETE FROM memreward.batch WHERE memory = %s AND seq = 2", "batches"),
    (
        "UPDATE memreward.batch SET published_at = NULL WHERE memory = %s AND seq = 2",
        "batches",
    ),
    (
        "UPDATE memreward.batch SET quarantined_at = now(), reason = 'x' "
        "WHERE memory = %s AND seq = 6",
        "quarantined",
    ),
    ("UPDATE memreward.query SET text = 'x' WHERE memory = %s AND dataset = 'sums'", "texts"),
    ("UPDATE memreward.rollout SET answer = 'x' WHERE memory = %s", "texts"),
    ("UPDATE memreward.conclusion SET key = 'x' WHERE memory = %s", "conclusions"),
    ("DELETE FROM memreward.policy WHERE memory = %s", "policies"),
    ("DELETE FROM memreward.source WHERE memory = %s", "sources"),
    (
        "UPDATE memreward.query SET embedding = '[1,2,3]' WHERE memory = %s AND dataset = 'sums'",
        "query embeddings",
    ),
    (
        "UPDATE memreward.rollout SET thinking_embedding = answer_embedding * "
        "array_fill(0, ARRAY[384])::vector WHERE memory = %s AND place = 1",
        "thinking embeddings",
    ),
    (
        "UPDATE memreward.rollout SET answer_embedding = '[1]' WHERE memory = %s AND place = 1",
        "answer embeddings",
    ),
    (
        "UPDATE memreward.policy_embedding SET embedding = '[1,2]' WHERE memory = %s "
        "AND rollout_id = (SELECT min(rollout_id) FROM memreward.policy_embedding "
        "WHERE memory = memory)",
        "policy embeddings",
    ),
    (
        "UPDATE memreward.rollout SET run = 'run-2' WHERE memory = %s AND place = 1",
        "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE",
    ),
]


@pytest.mark.parametrize(("damage", "kind"), IN_POSTGRES)
def test_what_somebody_changed_in_postgres_is_found(
    damage: str, kind: str, full: MemoryUnderTest
) -> None:
    if "policy_embedding" in damage:
        damage = damage.replace("WHERE memory = memory)", f"WHERE memory = '{full.name}')")
    with full.stores.vectors.transaction("reads.sql") as session:
        session._connection.execute(damage.encode(), [full.name])
    report = check_memory(full.stores, full.name)
    assert kind in report.counts, report.lines()


def test_many_faults_are_counted_and_some_listed(full: MemoryUnderTest) -> None:
    full.change("MATCH (a:Answer {memory: $memory}) DETACH DELETE a")
    report = check_memory(full.stores, full.name)
    kind = "answers, LEADS_TO, PRODUCED, CONCLUDES, GAVE"
    assert report.counts[kind] == 49
    assert len(report.examples[kind]) == EXAMPLES
    assert f"    and {49 - EXAMPLES} more" in report.lines()


def test_what_waits_to_be_published_is_no_fault(full: MemoryUnderTest) -> None:
    full.accept([make_rollout(50)])
    report = check_memory(full.stores, full.name)
    assert report.ok, report.lines()
    assert any("memreward repair" in note for note in report.notes)


def test_no_such_memory(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        check_memory(memory.stores, memory.name)


def test_embeddings_within_bounds_are_fine(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, query_embedding=unit_vector(3) * 1000)])
    assert check_memory(memory.stores, memory.name).ok
