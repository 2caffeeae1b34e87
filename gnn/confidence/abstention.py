"""Predictions with abstention: what a fitted model says of rollouts, and where it says nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import Tensor

from gnn.base import FitReport, RewardModel, refuse_forgotten
from gnn.confidence.novelty import Novelty, group_table
from gnn.confidence.thresholds import Thresholds
from schema.errors import CheckpointError, InputError
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.reward import PropagatedReward
from schema.score import Score, ScoreSource


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Values of a graph's rollouts, [R] each; where the model abstains, they must not be used."""

    rollout_id_R: Sequence[str]
    #: Probability that it is right; NaN only where a rollout has no query.
    value_R: Floats
    #: 1 - entropy of the value in bits, in [0, 1].
    confidence_R: Floats
    #: The query is out of distribution, or, where a precision was wanted, the value lies between
    #: the thresholds, or there is no value.
    abstained_R: Bools
    #: The first of these reasons.
    out_of_distribution_R: Bools

    def to_scores(self, version: str) -> dict[str, Score]:
        """Scores by rollout id; `version` is the checkpoint's."""
        return {
            id_: Score(
                rollout_id=id_,
                value=value,
                confidence=confidence,
                source=ScoreSource.NONE if value is None else ScoreSource.PROPAGATED,
                model=version,
            )
            for id_, value, confidence in self._rows()
        }

    def to_rewards(self, version: str, among_R: Bools) -> list[PropagatedReward]:
        """Propagated rewards of the rollouts `among_R`; `version` is the checkpoint's."""
        return [
            PropagatedReward(rollout_id=id_, value=value, confidence=confidence, model=version)
            for (id_, value, confidence), among in zip(self._rows(), among_R.tolist(), strict=True)
            if among
        ]

    def _rows(self) -> list[tuple[str, float | None, float]]:
        """Id, value and confidence of each rollout: None and 0 where the model abstains."""
        columns = zip(
            self.rollout_id_R,
            self.value_R.tolist(),
            self.confidence_R.tolist(),
            self.abstained_R.tolist(),
            strict=True,
        )
        return [
            (id_, None, 0.0) if abstained else (id_, value, confidence)
            for id_, value, confidence, abstained in columns
        ]


@dataclass(frozen=True, kw_only=True)
class AbstentionPolicy:
    """When a model abstains; fitted with it and kept in its checkpoint."""

    novelty: Novelty
    #: None for a model that keeps no out-of-fold predictions.
    thresholds: Thresholds | None

    @classmethod
    def fit(cls, graph: MemoryGraph, report: FitReport, group_QF: Floats | None = None) -> Self:
        """Fit to the labels that a model was fitted to.

        Args:
            graph: the graph it was fitted on.
            report: what its `fit` returned.
            group_QF: `group_table(graph)`, if it is at hand.
        """
        group_QF = group_table(graph) if group_QF is None else group_QF
        return cls(
            novelty=Novelty.fit(graph, group_QF),
            thresholds=Thresholds.fit(report.held) if report.held is not None else None,
        )

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors, and what JSON can hold."""
        tensors, novelty = self.novelty.state()
        thresholds = None if self.thresholds is None else self.thresholds.to_json()
        return tensors, {"novelty": novelty, "thresholds": thresholds}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """What `state` described."""
        found = config["thresholds"]
        return cls(
            novelty=Novelty.from_state(tensors, config["novelty"]),
            thresholds=None if found is None else Thresholds.from_json(found),
        )


def predict(
    model: RewardModel,
    policy: AbstentionPolicy | None,
    graph: MemoryGraph,
    *,
    queries: Ints | None = None,
    precision: float | None = None,
) -> Predictions:
    """What `model` predicts of the rollouts of `graph`, and where it abstains.

    A prediction depends on a rollout's group and its query's labelled neighbours only, as the
    model's value does: a few rollouts that are scored alone get what a full pass gives.

    Args:
        model: fitted.
        policy: when it abstains; None: never, where it has a value.
        graph: of the memory, or the part of it that the model's reach describes around `queries`.
        queries: rows of queries whose rollouts alone are asked for; None: all. What is said of
            other rollouts then means nothing.
        precision: abstain where a value is neither right nor wrong with this precision.

    Raises:
        CheckpointError: if a precision is wanted and there is no policy.
        InputError: if the policy has no thresholds, or `precision` is out of its range.
        TrainingError: see RewardModel.predict; if the model reads embeddings that are forgotten.
    """
    refuse_forgotten(model, graph)
    value_R = model.predict(graph, queries=queries)
    ood_R = np.zeros(len(value_R), dtype=np.bool_)
    if policy is not None:
        ood_Q = policy.novelty.out_of_distribution(graph, group_table(graph))
        ood_R = np.append(ood_Q, False)[graph.query_of_rollout_R]
    abstained_R = ood_R | np.isnan(value_R)
    if precision is not None:
        abstained_R |= _unsure(value_R, policy, precision)
    return Predictions(
        rollout_id_R=graph.rollout_id_R,
        value_R=value_R,
        confidence_R=certainty(value_R),
        abstained_R=abstained_R,
        out_of_distribution_R=ood_R,
    )


def _unsure(value_R: Floats, policy: AbstentionPolicy | None, precision: float) -> Bools:
    """Rollouts that are called neither right nor wrong at a wanted precision."""
    if policy is None:
        raise CheckpointError(
            "this checkpoint was written without thresholds for a precision: run `memreward train`"
        )
    if policy.thresholds is None:
        raise InputError(
            "this model keeps no out-of-fold predictions, so it has no thresholds for a "
            "precision: train `memreward` or `published`"
        )
    right_R, wrong_R = policy.thresholds.sure(value_R, precision)
    return ~(right_R | wrong_R)


def certainty(probability_N: Floats) -> Floats:
    """1 minus the entropy of each probability in bits, in [0, 1]; NaN stays NaN."""
    p = np.clip(probability_N, 1e-7, 1 - 1e-7).astype(np.float64)
    return (1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)).clip(0, 1).astype(np.float32)
