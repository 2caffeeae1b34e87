"""Choices within one query, counted by hand."""

import pytest
from support.query_groups import group, stored

from memstore.reads.query_groups import StoredRollout
from trainer.datasets.choices import all_pairs, best_answers, difficulty, labelled, pairs
from trainer.datasets.selection import JudgedRollout, Kind, Selection, judgement


def judged(*rollouts: StoredRollout) -> tuple[JudgedRollout, ...]:
    return judgement(group(*rollouts), verified_only=False).judged


def test_the_best_answer_is_a_verified_one_then_the_most_probable() -> None:
    rollouts = judged(
        stored("a", propagated=0.99, conclusion="x"),
        stored("b", propagated=0.95, conclusion="y"),
        stored("c", verified=0.85, conclusion="z"),
        stored("d", propagated=0.7, conclusion="w"),
    )
    most = Selection(kind=Kind.SFT, most=9)
    assert [one.rollout.id for one in best_answers(rollouts, most)] == ["c", "a", "b"]
    assert [one.rollout.id for one in best_answers(rollouts, Selection(kind=Kind.SFT))] == ["c"]


def test_answers_of_one_conclusion_are_taken_once() -> None:
    rollouts = judged(
        stored("a", propagated=0.9, conclusion="x"),
        stored("b", verified=1.0, conclusion="x"),
        stored("c", verified=1.0),
        stored("d", verified=1.0),
    )
    found = best_answers(rollouts, Selection(kind=Kind.SFT, most=9))
    assert [one.rollout.id for one in found] == ["b", "c", "d"]


def of_pairs(rollouts: tuple[JudgedRollout, ...], selection: Selection) -> list[tuple[str, str]]:
    found = pairs(rollouts, selection)
    return [(pair.chosen.rollout.id, pair.rejected.rollout.id) for pair in found]


def test_pairs_of_verified_rollouts_come_first_and_use_each_rollout_once() -> None:
    rollouts = judged(
        stored("p", propagated=0.99, conclusion="1"),
        stored("q", propagated=0.01, conclusion="2"),
        stored("u", verified=1.0, conclusion="3"),
        stored("v", verified=0.0, conclusion="4"),
        stored("w", verified=0.0, conclusion="5"),
    )
    # (u, v) is verified; of the rest, (p, w) has one verified side; q is left alone.
    assert of_pairs(rollouts, Selection(kind=Kind.DPO)) == [("u", "v"), ("p", "w")]
    assert of_pairs(rollouts, Selection(kind=Kind.DPO, most=1)) == [("u", "v")]


def test_pairs_differ_by_the_margin_and_in_what_they_conclude() -> None:
    rollouts = judged(
        stored("a", propagated=0.9, conclusion="x"),
        stored("b", propagated=0.5, conclusion="y"),
        stored("c", propagated=0.25, conclusion="x"),
    )
    assert of_pairs(rollouts, Selection(kind=Kind.DPO)) == []
    assert of_pairs(rollouts, Selection(kind=Kind.DPO, margin=0.3)) == [("a", "b")]


def test_a_large_group_gives_as_many_pairs_as_asked_for() -> None:
    rollouts = judged(*(stored(f"{n:04}", propagated=n / 2000) for n in range(2000)))
    found = of_pairs(rollouts, Selection(kind=Kind.REWARD, most=2))
    assert found == [("1999", "0000"), ("1998", "0001")]


def test_labels_are_right_wrong_or_none_and_verified_ones_come_first() -> None:
    rollouts = judged(
        stored("a", propagated=0.99),
        stored("b", propagated=0.5),
        stored("c", propagated=0.2),
        stored("d", verified=0.8),
        stored("e", verified=0.5),
    )
    found = labelled(rollouts, Selection(kind=Kind.KTO))
    names = [(one.rollout.id, one.right) for one in found]
    assert names == [("d", True), ("a", True), ("c", False)]


def some_preferred(preferred: str, most: int | None = None) -> tuple[list[str], list[str]]:
    """Pairs by preferences, and by rewards, of rollouts of which two are verified."""
    rollouts = group(
        stored("a", verified=0.0),
        stored("b", verified=1.0),
        *(stored(name, propagated=value) for name, value in (("c", 0.9), ("d", 0.1))),
        *(stored(name, asked=False) for name in "ef"),
        preferred=preferred,
    )
    found = judgement(rollouts, verified_only=False)
    chosen, by_reward = all_pairs(
        found.judged, found.preferred, Selection(kind=Kind.DPO, most=most)
    )
    return (
        [f"{one.better.id}>{one.worse.id}" for one in chosen],
        [f"{one.chosen.rollout.id}>{one.rejected.rollout.id}" for one in by_reward],
    )


@pytest.mark.parametrize(
    ("preferred", "by_preference", "by_reward"),
    [
        ("", [], ["b>a", "c>d"]),
        # A preference is taken even where verified rewards say otherwise.
        ("a>b:ann", ["a>b"], ["c>d"]),
        ("e>f:ann e>c:ann", ["e>c", "e>f"], ["b>a"]),
        # The majority decides; as many on each side decide nothing.
        ("e>f:ann f>e:bob f>e:eve", ["f>e"], ["b>a", "c>d"]),
        ("e>f:ann f>e:bob", [], ["b>a", "c>d"]),
        ("e>f:ann b>f:ann b>f:bob", ["b>f", "e>f"], ["c>a"]),
    ],
)
def test_preferences_come_before_rewards(
    preferred: str, by_preference: list[str], by_reward: list[str]
) -> None:
    assert some_preferred(preferred) == (by_preference, by_reward)


def test_all_preferences_are_taken_and_rewards_fill_up() -> None:
    five = "a>b:x a>c:x a>d:x a>e:x a>f:x"
    assert [len(found) for found in some_preferred(five)] == [5, 0]
    assert [len(found) for found in some_preferred(five, most=2)] == [2, 0]
    assert [len(found) for found in some_preferred("e>f:x", most=2)] == [1, 1]


def test_a_verified_reward_labels_before_a_preference_and_that_before_a_propagated_one() -> None:
    rollouts = group(
        stored("a", verified=0.0),
        stored("b", propagated=0.1),
        stored("c", propagated=0.9),
        stored("d", asked=False),
        stored("e", asked=False),
        # a is wrong all the same, b right, e wrong; d is better than one and worse than another.
        preferred="a>e:ann b>e:ann d>e:ann b>d:ann",
    )
    found = judgement(rollouts, verified_only=False)
    labels = labelled(found.judged, Selection(kind=Kind.KTO), found.preferred)
    names = [(one.rollout.id, one.right, one.judged is None) for one in labels]
    assert names == [("a", False, False), ("b", True, True), ("e", False, True), ("c", True, False)]


@pytest.mark.parametrize(
    ("rewards", "rate"),
    [((1, 1), None), ((0, 0.1), None), ((0.5,), None), ((1, 0), 0.5), ((1, 0.7), 0.85)],
)
def test_a_query_is_hard_if_it_is_neither_always_right_nor_always_wrong(
    rewards: tuple[float, ...], rate: float | None
) -> None:
    rollouts = judged(*(stored(str(n), verified=reward) for n, reward in enumerate(rewards)))
    found = difficulty(rollouts, Selection(kind=Kind.PROMPTS))
    assert (None if found is None else found.solve_rate) == rate
