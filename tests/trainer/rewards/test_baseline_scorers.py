import pytest

from schema.rollout import Rollout
from schema.score import Scorer, ScoreSource
from trainer.rewards.baseline_scorers import Arm, baseline


def rollout(query: str, answer: str, place: int, reward: float | None = None) -> Rollout:
    return Rollout(
        query=query,
        answer=answer,
        source_query_id=query,
        place=place,
        domain="math",
        reward=reward,
    )


GROUPS = [
    rollout("a", "The answer is 4.", 0),
    rollout("b", "7", 0),
    rollout("a", "5", 1),
    rollout("a", "$4.0$", 2),
    rollout("b", "8", 1, reward=0.25),
    rollout("b", "8", 2),
]


def values(arm: Arm, seed: int = 0) -> list[float | None]:
    scorer: Scorer = baseline(arm, seed)
    scores = scorer.score(GROUPS)
    assert len({score.rollout_id for score in scores}) == len(GROUPS)
    assert scores[4].source is ScoreSource.VERIFIED
    return [score.value for score in scores]


@pytest.mark.parametrize("arm", [Arm.PARTIAL, Arm.ORACLE])
def test_without_a_memory_only_what_is_verified_is_known(arm: Arm) -> None:
    assert values(arm) == [None, None, None, None, 0.25, None]


def test_the_majority_is_that_of_the_conclusions_of_the_query() -> None:
    assert values(Arm.MAJORITY) == [1.0, 0.0, 0.0, 1.0, 0.25, 1.0]


def test_a_coin_is_tossed_for_each_place_by_seed() -> None:
    tosses = [values(Arm.RANDOM, seed) for seed in range(20)]
    assert tosses[0] == values(Arm.RANDOM, 0)
    open_places = [value for toss in tosses for place, value in enumerate(toss) if place != 4]
    assert set(open_places) == {0.0, 1.0}
    assert 30 < open_places.count(1.0) < 70
    assert all(toss[4] == 0.25 for toss in tosses)
