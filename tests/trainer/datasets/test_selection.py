"""Which reward decides about a rollout, and which thresholds are refused."""

import pytest
from support.query_groups import group, stored

from schema.errors import InputError
from trainer.datasets.selection import Judgement, Kind, Selection, judgement


def told(found: Judgement) -> list[tuple[str, float, str, str | None]]:
    return [(one.rollout.id, one.reward, one.source.value, one.model) for one in found.judged]


def test_a_verified_reward_decides_where_there_is_one() -> None:
    both = stored("a", verified=0.0, propagated=0.9)
    found = judgement(group(both, stored("b", propagated=0.7)), verified_only=False)
    assert told(found) == [("a", 0.0, "verified", None), ("b", 0.7, "propagated", "m1")]


def test_no_opinion_and_no_reward_are_counted_apart() -> None:
    rollouts = (stored("a"), stored("b"), stored("c", asked=False), stored("d", verified=1.0))
    found = judgement(group(*rollouts), verified_only=False)
    assert (found.abstained, found.unscored, len(found.judged)) == (2, 1, 1)


def test_propagated_rewards_can_be_left_out() -> None:
    rollouts = (stored("a", verified=1.0), stored("b", propagated=0.9))
    found = judgement(group(*rollouts), verified_only=True)
    assert told(found) == [("a", 1.0, "verified", None)]
    assert found.unscored == 1


def test_a_propagated_reward_that_a_verified_one_contradicts_is_left_out() -> None:
    found = judgement(
        group(
            stored("a", verified=0.0, conclusion="x"),
            stored("b", propagated=0.9, conclusion="x"),
            stored("c", propagated=0.1, conclusion="x"),
            stored("d", propagated=0.9, conclusion="y"),
            stored("e", propagated=0.9),
        ),
        verified_only=False,
    )
    assert [name for name, *_ in told(found)] == ["a", "c", "d", "e"]
    assert found.contradicted == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"right_from": 0.2}, "wrong up to 0.2"),
        ({"right_from": 1.5}, "right from 1.5"),
        ({"wrong_to": -0.1}, "wrong up to -0.1"),
        ({"margin": 0.0}, "margin of 0"),
        ({"most": 0}, "0 rows a query"),
    ],
)
def test_thresholds_that_choose_nothing_or_all_are_refused(
    options: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Selection(kind=Kind.SFT, **options)  # pyright: ignore[reportArgumentType]
