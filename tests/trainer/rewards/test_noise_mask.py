import pytest

from schema.score import ScoreSource
from trainer.rewards.journal import Assigned
from trainer.rewards.noise_mask import without_noise


def given(source: ScoreSource, *values: float | None) -> list[Assigned]:
    return [Assigned(value=value, source=source) for value in values]


def test_flat_opinions_go_and_verified_rewards_of_the_same_query_stay() -> None:
    batch = given(ScoreSource.PROPAGATED, 0.49, 0.5, 0.51) + given(ScoreSource.VERIFIED, 1.0, 0.0)
    assert without_noise(batch, ["q"] * 5) == [None, None, None, 1.0, 0.0]


@pytest.mark.parametrize(("spread", "kept"), [(0.1, True), (0.2, False)])
def test_the_spread_is_the_sample_standard_deviation(spread: float, kept: bool) -> None:
    batch = given(ScoreSource.PROPAGATED, 0.4, 0.6)  # .1414
    expected = [0.4, 0.6] if kept else [None, None]
    assert without_noise(batch, ["q", "q"], spread) == expected


def test_no_opinion_counts_for_nothing() -> None:
    batch = given(ScoreSource.PROPAGATED, 0.1, 0.9) + given(ScoreSource.NONE, None)
    assert without_noise(batch, ["q"] * 3) == [0.1, 0.9, None]
