from dataclasses import asdict

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.changes.run_deletion import delete_run, memory_contents, run_contents
from memstore.consistency.check import check_memory
from memstore.db.stores import get_memory
from memstore.outbox import change as change_module
from memstore.outbox import publication as publish_module
from memstore.outbox.recovery import catch_up
from memstore.reads.full_graph import read_graph
from memstore.reads.stats import memory_stats, run_stats
from schema.batch import BatchKind
from schema.errors import InputError, StoreError, UnknownMemoryError
from schema.ids import query_id, rollout_id
from schema.reward import Preference, PropagatedReward, VerifiedReward


class Crash(Exception):
    """The process dies here."""


def of(memory: MemoryUnderTest, run: str, question: int, place: int = 0) -> str:
    return rollout_id(memory.name, run, f"sum-{question}", 0, place)


@pytest.fixture
def shared(memory: MemoryUnderTest) -> MemoryUnderTest:
    """Queries 0 to 5 of run a, 3 to 8 of run b; both are labelled, propagated, preferred."""
    memory.add(make_rollouts(6, 2), run="a")
    memory.add(make_rollouts(6, 2, first=3), run="b")
    memory.link()
    stores, name = memory.stores, memory.name
    register_model(stores, name, "m1", {})
    for run in ("a", "b"):
        value = PropagatedReward(
            rollout_id=of(memory, run, 4), value=0.5, confidence=0.1, model="m1"
        )
        write_propagated(stores, name, [value])
    add_labels(
        stores,
        name,
        [VerifiedReward(rollout_id=of(memory, "a", 4), value=0.5, source="ann")],
        [
            Preference(better=of(memory, "a", 4), worse=of(memory, "b", 4), annotator="ann"),
            Preference(better=of(memory, "b", 4), worse=of(memory, "b", 4, 1), annotator="ann"),
        ],
    )
    return memory


def assert_a_is_gone(memory: MemoryUnderTest) -> None:
    graph = read_graph(memory.stores, memory.name)
    expected = {query_id(memory.name, make_rollout(question).query) for question in range(3, 9)}
    assert set(graph.query_id_Q) == expected
    assert len(graph.rollout_id_R) == 12
    assert [row["run"] for row in run_stats(memory.stores, memory.name)] == ["b"]
    counts = memory_stats(memory.stores, memory.name)["counts"]
    assert (counts["queries"], counts["rollouts"], counts["conclusions"]) == (6, 12, 12)
    assert (counts["verified"], counts["propagated"], counts["models"]) == (12, 1, 1)
    edges = memory.ask("MATCH (:Answer {memory: $memory})-[p:PREFERRED_TO]->() RETURN p.annotator")
    assert len(edges) == 1
    assert (graph.query_of_rollout_R >= 0).all()
    report = check_memory(memory.stores, memory.name)
    assert report.ok, report.lines()


def test_what_other_runs_use_stays(shared: MemoryUnderTest) -> None:
    contents = run_contents(shared.stores, shared.name, "a")
    found = asdict(contents)
    assert found.pop("similar_to") > 0
    assert found == {
        "runs": 1,
        "rollouts": 12,
        "queries": 3,
        "conclusions": 6,
        "verified": 13,
        "propagated": 1,
        "preferences": 1,
        "models": 0,
    }
    before = memory_contents(shared.stores, shared.name)
    assert run_contents(shared.stores, shared.name, "a") == contents  # counting changes nothing
    delete_run(shared.stores, shared.name, "a")
    after = memory_contents(shared.stores, shared.name)
    for name, count in asdict(contents).items():
        assert getattr(before, name) - getattr(after, name) == count, name
    assert_a_is_gone(shared)


def test_a_run_may_come_back(shared: MemoryUnderTest) -> None:
    delete_run(shared.stores, shared.name, "a")
    assert shared.add(make_rollouts(6, 2), run="a").new == 12
    assert shared.link() == 9 * 7
    assert check_memory(shared.stores, shared.name).ok


def test_the_only_run(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(3, 2))
    memory.link()
    delete_run(memory.stores, memory.name, "run-1")
    assert sum(asdict(memory_contents(memory.stores, memory.name)).values()) == 0
    assert check_memory(memory.stores, memory.name).ok
    assert memory.add(make_rollouts(2, 1)).new == 2


def test_cut_off_before_neo4j(shared: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(change_module, "publish_once", crash)
        with pytest.raises(Crash):
            delete_run(shared.stores, shared.name, "a")
    assert len(run_stats(shared.stores, shared.name)) == 2
    seq = get_memory(shared.stores, shared.name).seq
    with pytest.raises(StoreError, match="was interrupted"):
        shared.accept([make_rollout(4, 7)])  # would tie new rollouts to rows that go
    delete_run(shared.stores, shared.name, "a")  # again: carries the first one to its end
    assert_a_is_gone(shared)
    assert get_memory(shared.stores, shared.name).seq == seq


def test_cut_off_between_neo4j_and_postgres(
    shared: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setitem(publish_module._REPLACE_ROWS, BatchKind.DELETE, crash)
        with pytest.raises(Crash):
            delete_run(shared.stores, shared.name, "a")
    state = get_memory(shared.stores, shared.name)
    assert state.published_seq == state.seq - 1
    assert memory_contents(shared.stores, shared.name).rollouts == 24  # still in Postgres
    catch_up(shared.stores, shared.name)
    assert_a_is_gone(shared)


def test_nodes_that_somebody_removed_are_no_hindrance(shared: MemoryUnderTest) -> None:
    shared.change(
        "MATCH (a:Answer {memory: $memory})<-[:PRODUCED]-({id: 'a'}) WITH a LIMIT 3 DETACH DELETE a"
    )
    delete_run(shared.stores, shared.name, "a")
    assert_a_is_gone(shared)


def test_what_is_not_there(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        delete_run(memory.stores, memory.name, "a")
    with pytest.raises(UnknownMemoryError):
        memory_contents(memory.stores, memory.name)
    memory.add([make_rollout(1)])
    for call in (delete_run, run_contents):
        with pytest.raises(InputError, match="no run 'a'"):
            call(memory.stores, memory.name, "a")
    assert get_memory(memory.stores, memory.name).seq == 1


def test_policies_of_which_no_answer_is_left_go(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, 0), make_rollout(1, 1, policy="big")], run="a")
    memory.add([make_rollout(1, 0), make_rollout(1, 1, policy=None)], run="b")
    delete_run(memory.stores, memory.name, "a")
    graph = read_graph(memory.stores, memory.name)
    assert graph.policy_name_U == ["tiny"]
    assert sorted(graph.policy_of_rollout_R) == [-1, 0]
    report = check_memory(memory.stores, memory.name)
    assert report.ok, report.lines()


def test_sources_that_verified_nothing_that_is_left_go(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, 0)], run="a")
    memory.add([make_rollout(1, 0, reward=None)], run="b")
    words = [("a", "ann"), ("a", "bob"), ("b", "bob")]
    add_labels(
        memory.stores,
        memory.name,
        [
            VerifiedReward(rollout_id=of(memory, run, 1), value=0.5, source=who)
            for run, who in words
        ],
    )
    delete_run(memory.stores, memory.name, "a")
    graph = read_graph(memory.stores, memory.name)
    assert graph.source_name_S == ["bob"]
    assert list(graph.source_of_rollout_R) == [0]
    report = check_memory(memory.stores, memory.name)
    assert report.ok, report.lines()
