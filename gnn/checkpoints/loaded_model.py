"""What a loaded checkpoint says of rollouts, as scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gnn.base import RewardModel
from gnn.checkpoints.checkpoint import load_caution, load_checkpoint
from gnn.confidence import Caution, Opinions
from schema.keyed_rollout import PreparedRollout
from schema.score import Score, ScoreSource


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A checkpoint, loaded."""

    version: str
    model: RewardModel
    caution: Caution | None

    @classmethod
    def load(cls, folder: Path, encoder: str) -> Self:
        """The checkpoint in `folder`, whose name is its version.

        Raises:
            CheckpointError: if it is missing, damaged, or of another encoder.
        """
        model, _ = load_checkpoint(folder, encoder=encoder)
        return cls(version=folder.name, model=model, caution=load_caution(folder))

    def scores(self, ids: Sequence[str], said: Opinions) -> dict[str, Score]:
        """What the model says, by rollout id."""
        columns = zip(
            ids,
            said.value_R.tolist(),
            said.confidence_R.tolist(),
            said.no_opinion_R.tolist(),
            strict=True,
        )
        return {
            id_: Score(
                rollout_id=id_,
                value=None if silent else value,
                confidence=0.0 if silent else confidence,
                source=ScoreSource.NONE if silent else ScoreSource.PROPAGATED,
                model=self.version,
            )
            for id_, value, confidence, silent in columns
        }


def unasked(item: PreparedRollout) -> Score:
    """The score of a rollout that no model was asked about: its own reward, or no opinion."""
    reward = item.rollout.reward
    return Score(
        rollout_id=item.id,
        value=reward,
        confidence=float(reward is not None),
        source=ScoreSource.NONE if reward is None else ScoreSource.VERIFIED,
    )
