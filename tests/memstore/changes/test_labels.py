import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import read_propagated, register_model, write_propagated
from memstore.consistency.check import check_memory
from memstore.db.stores import get_memory
from memstore.reads.full_graph import read_graph
from schema.errors import InputError, UnknownMemoryError
from schema.ids import rollout_id
from schema.reward import LabelReport, Preference, PropagatedReward, VerifiedReward

ANSWER = "MATCH (a:Answer {memory: $memory, id: $id}) RETURN "


def of(memory: MemoryUnderTest, question: int, place: int = 0) -> str:
    return rollout_id(memory.name, "run-1", f"sum-{question}", 0, place)


def say(
    memory: MemoryUnderTest, who: str, value: float, question: int = 1, place: int = 0
) -> LabelReport:
    reward = VerifiedReward(rollout_id=of(memory, question, place), value=value, source=who)
    return add_labels(memory.stores, memory.name, [reward])


def prefer(memory: MemoryUnderTest, who: str, better: int, worse: int) -> LabelReport:
    item = Preference(better=of(memory, 1, better), worse=of(memory, 1, worse), annotator=who)
    return add_labels(memory.stores, memory.name, [], [item])


@pytest.fixture
def unlabelled(memory: MemoryUnderTest) -> MemoryUnderTest:
    memory.add(make_rollouts(3), labelled=frozenset())
    return memory


def test_a_reward_that_comes_later_is_visible_with_its_source(
    unlabelled: MemoryUnderTest,
) -> None:
    assert say(unlabelled, "ann", 0.75) == LabelReport(rewards=1)
    rows = unlabelled.ask(
        ANSWER + "a.verified_reward AS value, a.verified_source AS source, "
        "a.verified_sources AS sources, a.verified_spread AS spread",
        id=of(unlabelled, 1),
    )
    assert rows == [{"value": 0.75, "source": "ann", "sources": 1, "spread": 0.0}]
    graph = read_graph(unlabelled.stores, unlabelled.name)
    assert graph.labelled_R.sum() == 1
    assert graph.verified_R[graph.rollout_id_R.index(of(unlabelled, 1))] == 0.75


def test_current_preferences_reach_the_graph(unlabelled: MemoryUnderTest) -> None:
    def known() -> list[tuple[str, str]]:
        graph = read_graph(unlabelled.stores, unlabelled.name)
        ids = graph.rollout_id_R
        return [(ids[better], ids[worse]) for better, worse in graph.preferred_2P.T]

    assert known() == []
    prefer(unlabelled, "ann", 0, 1)
    prefer(unlabelled, "bob", 2, 3)
    first, turned, other = (
        (of(unlabelled, 1, better), of(unlabelled, 1, worse))
        for better, worse in ((0, 1), (1, 0), (2, 3))
    )
    assert known() == sorted([first, other])
    prefer(unlabelled, "ann", 1, 0)
    prefer(unlabelled, "bob", 0, 1)
    assert known() == sorted([first, turned, other])


def test_the_same_again_adds_nothing(unlabelled: MemoryUnderTest) -> None:
    say(unlabelled, "ann", 0.75)
    prefer(unlabelled, "ann", 0, 1)
    seq = get_memory(unlabelled.stores, unlabelled.name).seq
    assert say(unlabelled, "ann", 0.75) == LabelReport()
    assert prefer(unlabelled, "ann", 0, 1) == LabelReport()
    assert get_memory(unlabelled.stores, unlabelled.name).seq == seq


def test_current_is_the_mean_of_what_each_said_last(unlabelled: MemoryUnderTest) -> None:
    say(unlabelled, "ann", 0.0)
    say(unlabelled, "bob", 0.5)
    say(unlabelled, "ann", 1.0)
    rows = unlabelled.ask(
        ANSWER + "a.verified_reward AS value, a.verified_sources AS sources, "
        "a.verified_spread AS spread, a.verified_source AS last",
        id=of(unlabelled, 1),
    )
    assert rows == [{"value": 0.75, "sources": 2, "spread": 0.5, "last": "ann"}]
    assert check_memory(unlabelled.stores, unlabelled.name).ok


def test_a_file_and_a_person_are_two_sources(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, 1)])  # its file says 1
    say(memory, "ann", 0.0, place=1)
    assert memory.add([make_rollout(1, 1)]).labels == 0
    graph = read_graph(memory.stores, memory.name)
    assert graph.verified_R.tolist() == [0.5]
    memory.add([make_rollout(1, 1, reward=0.5)])  # the file changes its mind
    assert read_graph(memory.stores, memory.name).verified_R.tolist() == [0.25]
    assert check_memory(memory.stores, memory.name).ok


def test_propagated_rewards_are_never_touched(unlabelled: MemoryUnderTest) -> None:
    memory = unlabelled
    register_model(memory.stores, memory.name, "m1", {"kind": "test"})
    value = PropagatedReward(rollout_id=of(memory, 1), value=0.2, confidence=0.5, model="m1")
    write_propagated(memory.stores, memory.name, [value])
    say(memory, "ann", 1.0)
    assert read_propagated(memory.stores, memory.name) == {of(memory, 1): 0.2}


def test_a_preference_is_an_edge_and_a_change_of_mind_turns_it(
    unlabelled: MemoryUnderTest,
) -> None:
    memory = unlabelled
    assert prefer(memory, "ann", 0, 1) == LabelReport(preferences=1)
    prefer(memory, "bob", 1, 0)
    edges = (
        "MATCH (a:Answer {memory: $memory})-[p:PREFERRED_TO]->(b:Answer {memory: $memory}) "
        "RETURN a.place AS better, b.place AS worse, p.annotator AS who, p.at IS NOT NULL AS at "
        "ORDER BY who"
    )
    ann, bob = memory.ask(edges)
    assert ann == {"better": 0, "worse": 1, "who": "ann", "at": True}
    assert bob == {"better": 1, "worse": 0, "who": "bob", "at": True}
    prefer(memory, "ann", 1, 0)
    assert [row["better"] for row in memory.ask(edges)] == [1, 1]
    assert prefer(memory, "ann", 0, 1) == LabelReport(preferences=1)  # and back again
    assert [row["better"] for row in memory.ask(edges)] == [0, 1]
    assert check_memory(memory.stores, memory.name).ok


def test_nothing_is_added_if_one_label_is_wrong(unlabelled: MemoryUnderTest) -> None:
    memory = unlabelled
    good = VerifiedReward(rollout_id=of(memory, 1), value=1.0, source="ann")

    def add(*rewards: VerifiedReward, pairs: tuple[Preference, ...] = ()) -> None:
        add_labels(memory.stores, memory.name, [good, *rewards], pairs)

    with pytest.raises(InputError, match="no rollout nobody"):
        add(VerifiedReward(rollout_id="nobody", value=1.0, source="ann"))
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        add(VerifiedReward(rollout_id=of(memory, 2), value=1.5, source="ann"))
    with pytest.raises(InputError, match="two rewards"):
        add(VerifiedReward(rollout_id=of(memory, 1), value=0.0, source="ann"))
    with pytest.raises(InputError, match="annotator"):
        add(VerifiedReward(rollout_id=of(memory, 2), value=0.0, source=" "))
    with pytest.raises(InputError, match="different queries"):
        pair = Preference(better=of(memory, 1), worse=of(memory, 2), annotator="ann")
        add(pairs=(pair,))
    with pytest.raises(InputError, match="itself"):
        add(pairs=(Preference(better="x", worse="x", annotator="ann"),))
    with pytest.raises(InputError, match="keep one"):
        one = Preference(better="x", worse="y", annotator="ann")
        add(pairs=(one, Preference(better="y", worse="x", annotator="ann")))
    assert get_memory(memory.stores, memory.name).seq == 1
    with pytest.raises(UnknownMemoryError):
        add_labels(memory.stores, "nowhere", [good])
