"""Scores: what a memory says of rollouts at the moment a trainer asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from schema.rollout import Rollout

#: Labelled queries from which a memory learns a model of its own; before, a prior scores.
FEWEST_LABELLED: Final = 10


class ScoreSource(StrEnum):
    """Where a score comes from."""

    VERIFIED = "verified"
    #: The verified reward of another rollout of the query that concludes the same.
    SAME_CONCLUSION = "same_conclusion"
    PROPAGATED = "propagated"
    #: No opinion.
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """A reward for one rollout; `value` None means that the memory has no opinion."""

    rollout_id: str
    value: float | None
    #: In [0, 1]; 1 for a verified reward, also for that of another rollout.
    confidence: float
    source: ScoreSource
    #: Version of the checkpoint that propagated it; None for a verified reward.
    model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far a model looks beyond a rollout's own query and that query's rollouts."""

    #: Steps along SIMILAR_TO.
    hops: int
    #: Whether it looks only at neighbours of which something is verified.
    labelled_only: bool = False
    #: Whether it reads the embeddings of thinkings and answers, which are most of a snapshot.
    text_embeddings: bool = True


class Scorer(Protocol):
    """What a trainer is handed: the memory and its GNN, in this process or behind a service."""

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """Score new rollouts, in their order.

        A rollout that carries a reward is verified: it is stored with it, and its score is that
        reward. All others are scored by the GNN, from what is labelled elsewhere.

        Args:
            rollouts: at best whole groups, since agreement within a group counts.
            store: False scores without writing anything: for evaluation.

        Raises:
            MemrewardError: if they cannot be scored; nothing is guessed instead.
        """
        ...

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        ...
