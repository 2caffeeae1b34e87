"""Verdicts that are taken over are told from those that were asked for, and never outweigh one."""

from dataclasses import replace

import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from gnn.sources.statements import Statements, taken_over
from memstore.changes.labels import add_labels
from memstore.changes.rollout_writer import RolloutWriter
from memstore.consistency.check import check_memory
from memstore.db.stores import get_memory
from memstore.encoders.default import Encoder
from memstore.outbox.same_conclusion import ReuseAudit
from memstore.reads.full_graph import read_graph
from memstore.reads.history import read_history
from memstore.reads.stats import memory_stats
from memstore.reads.verifier_calls import known_verdicts
from schema.errors import InputError
from schema.ids import rollout_id
from schema.reward import SAME_CONCLUSION, VerifiedReward
from schema.rollout import Rollout

VERDICTS = (
    "MATCH (s:Source)-[e:VERIFIED]->(a:Answer {memory: $memory}) "
    "RETURN a.place AS place, s.id AS source, e.reward AS value, e.same_as AS same_as "
    "ORDER BY place, source"
)


def add(memory: MemoryUnderTest, rollouts: list[Rollout], run: str = "run-1") -> None:
    RolloutWriter(memory.stores, memory.name, run, Encoder(), reuse=True).add(rollouts)


def say(place: int, reward: float | None = None, question: int = 1, **changes: object) -> Rollout:
    """Rollouts whose places are both even, or both odd, conclude the same."""
    return make_rollout(question, place, reward=reward, **changes)


def of(memory: MemoryUnderTest, place: int, question: int = 1) -> str:
    return rollout_id(memory.name, "run-1", f"sum-{question}", 0, place)


def calls(memory: MemoryUnderTest) -> tuple[int, int, int, int]:
    found = memory_stats(memory.stores, memory.name)["calls"]
    return found["made"], found["saved"], found["audited"], found["agreed"]


def test_a_verdict_counts_for_all_that_conclude_the_same(memory: MemoryUnderTest) -> None:
    add(memory, [say(1, 1.0), say(3), say(2)])
    add(memory, [say(5), say(4)])
    file, taken = "file", {"source": SAME_CONCLUSION, "value": 1.0, "same_as": of(memory, 1)}
    assert memory.ask(VERDICTS) == [
        {"place": 1, "source": file, "value": 1.0, "same_as": None},
        {"place": 3, **taken},
        {"place": 5, **taken},
    ]
    graph = read_graph(memory.stores, memory.name)
    verified = {graph.rollout_id_R[row] for row in taken_over(graph).nonzero()[0]}
    assert verified == {of(memory, 3), of(memory, 5)}
    assert len(Statements.of(graph).rollout_W) == 1
    said = read_history(memory.stores, memory.name, of(memory, 5)).statements
    assert [(item.who, item.same_as) for item in said] == [(SAME_CONCLUSION, of(memory, 1))]
    assert calls(memory) == (1, 2, 0, 0)
    assert check_memory(memory.stores, memory.name).ok


def test_a_batch_that_is_sent_again_counts_once(memory: MemoryUnderTest) -> None:
    for _ in range(2):
        add(memory, [say(1, 1.0), say(3)])
    assert calls(memory) == (1, 1, 0, 0)
    assert get_memory(memory.stores, memory.name).seq == 1


def test_without_reuse_nothing_is_taken_over(memory: MemoryUnderTest) -> None:
    memory.add([say(1, 1.0), say(3)])
    assert calls(memory) == (1, 0, 0, 0)


def test_what_was_stored_before_is_settled_too(memory: MemoryUnderTest) -> None:
    add(memory, [say(3), say(5)])
    assert calls(memory) == (0, 0, 0, 0)
    add(memory, [say(1, 0.0)])
    assert calls(memory) == (1, 2, 0, 0)


def test_the_audit_compares_and_changes_no_reward(memory: MemoryUnderTest) -> None:
    add(memory, [say(1, 1.0)])
    add(memory, [say(3, 1.0), say(5, 0.0)])
    assert calls(memory) == (3, 0, 2, 1)
    found = read_history(memory.stores, memory.name, of(memory, 5))
    assert found.verified == 0.0
    assert len(found.statements) == 2
    graph = read_graph(memory.stores, memory.name)
    assert not taken_over(graph).any()
    assert sorted(graph.verified_R) == [0.0, 1.0, 1.0]
    assert len(Statements.of(graph).rollout_W) == 3
    assert check_memory(memory.stores, memory.name).ok


def test_a_kind_whose_audit_disagrees_falls_back_to_calls(memory: MemoryUnderTest) -> None:
    add(memory, [say(1, 1.0), say(1, 1.0, question=3, domain="code")])
    add(memory, [say(3, 0.0), say(3, 1.0, question=3, domain="code")])
    add(memory, [say(5), say(5, question=3, domain="code")])
    audits = known_verdicts([(memory.stores.vectors, memory.name)], {}).audits
    assert audits == {
        "math": ReuseAudit(audited=1, agreed=0),
        "code": ReuseAudit(audited=1, agreed=1),
    }
    assert read_history(memory.stores, memory.name, of(memory, 5)).verified is None
    assert read_history(memory.stores, memory.name, of(memory, 5, 3)).verified == 1.0


@pytest.mark.parametrize(("agreed", "trusted"), [(199, True), (198, False)])
def test_one_of_200_may_differ(agreed: int, trusted: bool) -> None:
    assert ReuseAudit(audited=200, agreed=agreed).trusted is trusted


def test_it_follows_the_verdict_that_it_was_taken_from(memory: MemoryUnderTest) -> None:
    add(memory, [say(1, 1.0), say(3)])
    judged = VerifiedReward(rollout_id=of(memory, 1), value=0.0, source="ann")
    add_labels(memory.stores, memory.name, [judged])
    assert read_history(memory.stores, memory.name, of(memory, 3)).verified == 0.5
    add(memory, [say(1, 0.0)])  # the file changes its mind
    assert read_history(memory.stores, memory.name, of(memory, 3)).verified == 0.0
    assert calls(memory) == (2, 1, 0, 0)
    assert check_memory(memory.stores, memory.name).ok


def test_a_verdict_on_the_rollout_itself_goes_before(memory: MemoryUnderTest) -> None:
    add(memory, [say(1, 1.0), say(3)])
    judged = VerifiedReward(rollout_id=of(memory, 3), value=0.0, source="ann")
    add_labels(memory.stores, memory.name, [judged])
    found = memory.ask(
        "MATCH (a:Answer {memory: $memory, place: 3}) RETURN a.verified_reward AS value, "
        "a.verified_source AS source, a.verified_sources AS sources, a.verified_spread AS spread"
    )
    assert found == [{"value": 0.0, "source": "ann", "sources": 1, "spread": 0.0}]
    assert check_memory(memory.stores, memory.name).ok


def test_a_person_judges_a_conclusion(memory: MemoryUnderTest) -> None:
    memory.add([say(1), say(3), say(2)])
    judged = VerifiedReward(rollout_id=of(memory, 3), value=0.75, source="ann", for_conclusion=True)
    report = add_labels(memory.stores, memory.name, [judged])
    assert (report.rewards, report.taken_over) == (1, 1)
    again = add_labels(memory.stores, memory.name, [judged])
    assert (again.rewards, again.taken_over) == (0, 0)
    assert read_history(memory.stores, memory.name, of(memory, 1)).verified == 0.75
    assert read_history(memory.stores, memory.name, of(memory, 2)).verified is None
    memory.add([say(5)])
    assert add_labels(memory.stores, memory.name, [judged]).taken_over == 1


def test_nobody_may_have_its_name(memory: MemoryUnderTest) -> None:
    memory.add([say(1)])
    judged = VerifiedReward(rollout_id=of(memory, 1), value=1.0, source=SAME_CONCLUSION)
    with pytest.raises(InputError, match="take another name"):
        add_labels(memory.stores, memory.name, [judged])


def test_a_run_that_goes_takes_its_own_verdicts_along(memory: MemoryUnderTest) -> None:
    from memstore.changes.run_deletion import delete_run

    add(memory, [say(1, 1.0)])
    add(memory, [replace(say(1), policy="other")], run="run-2")
    delete_run(memory.stores, memory.name, "run-1")
    assert calls(memory) == (0, 1, 0, 0)
    assert check_memory(memory.stores, memory.name).ok
