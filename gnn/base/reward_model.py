"""What every reward model offers: fit on a memory's graph, predict on the same or a later one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
from torch import Tensor

from schema.errors import TrainingError
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.score import Reach

#: Inputs that a forgotten rollout has no more.
_OF_EMBEDDINGS: Final = frozenset(
    ("thinking_embedding", "answer_embedding", "thinking_similarity_in_group")
)
#: What a model is made of: named tensors, and a configuration that JSON can hold.
ModelState = tuple[dict[str, Tensor], dict[str, Any]]


class ProgressReport(Protocol):
    """Told how far a long computation is."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` steps of `what` are finished."""
        ...


def no_progress(what: str, done: int, total: int) -> None:
    """The ProgressReport of those who do not want to know."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a model says of labelled rollouts that it did not learn from, and what is true."""

    probability_L: Floats
    reward_L: Floats


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """What happened while a model was fitted."""

    #: Labelled rollouts and queries it saw, and how many of the queries only chose the stop.
    n_rollouts: int
    n_queries: int
    #: Preferences it saw; 0 for a model that takes none.
    n_preferences: int = 0
    n_validation_queries: int = 0
    #: Passes over the labels, and the one whose weights were kept (counted from 1).
    epochs: int = 1
    best_epoch: int = 1
    seconds: float
    #: Measured on the validation queries; empty where there are none.
    metrics: Mapping[str, float | None] = field(default_factory=dict[str, float | None])
    #: Held-out predictions, for thresholds; None for a model that keeps none.
    held: Held | None = None


class RewardModel(Protocol):
    """A model of the probability that a rollout is right.

    It learns from `graph.verified_R` alone (NaN: unlabelled) and must be able to predict on a
    graph that grew since: new queries, new rollouts, edges from new to old.
    """

    name: ClassVar[str]
    #: What a prediction depends on beyond the rollout's own query and that query's rollouts.
    reach: ClassVar[Reach]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the inputs it was fitted with; a checkpoint for others is refused."""
        ...

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Learn from the labelled rollouts of `graph`.

        Raises:
            TrainingError: if the labels do not suffice.
        """
        ...

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability in [0, 1] that each rollout is right, shape [R], in the order of `graph`.

        NaN only where a rollout has no query: an edge that was taken out by hand.

        Args:
            graph: of the memory, or the part of it that `reach` describes around `queries`.
            queries: rows of queries whose rollouts alone are asked for; None: all. What is said
                of other rollouts then, NaN or a number, means nothing.

        Raises:
            TrainingError: if the model was not fitted, or the graph lacks its inputs.
        """
        ...

    def state(self) -> ModelState:
        """Everything that `from_state` needs."""
        ...

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        ...


def refuse_forgotten(model: RewardModel, graph: MemoryGraph) -> None:
    """Check that a graph has the embeddings that a model reads.

    Raises:
        TrainingError: if it reads those of rollouts, and some of them are forgotten.
    """
    n_forgotten = int(graph.forgotten_R.sum())
    if n_forgotten and _OF_EMBEDDINGS & set(model.features):
        raise TrainingError(
            f"{n_forgotten} rollouts of memory {graph.memory!r} are forgotten (`memreward "
            f"compact`), and the model {model.name!r} reads embeddings that went with them: "
            f"train the default model, `memreward train --memory {graph.memory}`"
        )


def labelled_rollouts(graph: MemoryGraph) -> Bools:
    """Rollouts with a label and a query, shape [R].

    Raises:
        TrainingError: if there is none.
    """
    usable_R = graph.labelled_R & (graph.query_of_rollout_R >= 0)
    if not usable_R.any():
        raise TrainingError(
            f"memory {graph.memory!r} has no verified rewards at sequence number {graph.seq}: "
            "ingest rollouts with rewards (`memreward ingest ... --labels 0.2`) and train again"
        )
    return usable_R


def n_labelled_queries(graph: MemoryGraph, labelled_R: Bools) -> int:
    """Number of distinct queries of the rollouts `labelled_R`."""
    return len(np.unique(graph.query_of_rollout_R[labelled_R]))


def not_fitted(name: str) -> TrainingError:
    """The error of a model that is asked before it has learnt."""
    return TrainingError(f"the model {name!r} has not been fitted: call fit() or load a checkpoint")
