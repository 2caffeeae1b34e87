"""Scores by rollout id become one score a rollout, in the order in which they were given."""

from collections.abc import Mapping, Sequence

from schema.keyed_rollout import PreparedRollout
from schema.score import Score, ScoreSource


def scores_in_order(items: Sequence[PreparedRollout], scores: Mapping[str, Score]) -> list[Score]:
    """What each rollout gets: its own reward, what was said of it, or no opinion."""
    asked = {item.id for item in items if item.rollout.reward is None} & scores.keys()
    return [scores[item.id] if item.id in asked else _unpredicted(item) for item in items]


def _unpredicted(item: PreparedRollout) -> Score:
    """The score of a rollout that no model was asked about: its own reward, or no opinion."""
    reward = item.rollout.reward
    return Score(
        rollout_id=item.id,
        value=reward,
        confidence=float(reward is not None),
        source=ScoreSource.NONE if reward is None else ScoreSource.VERIFIED,
    )
