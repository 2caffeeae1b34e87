"""What a fitted model says of rollouts, how sure it is, and where it had better say nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import Tensor

from gnn.base import FitReport, RewardModel
from gnn.confidence.novelty import Novelty, group_table
from gnn.confidence.thresholds import Thresholds
from schema.errors import InputError
from schema.memory_graph import Bools, Floats, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """Values of rollouts, [R] each, in the order of the graph."""

    #: Probability that it is right; NaN only where a rollout has no query.
    value_R: Floats
    #: 1 - entropy of the value in bits, in [0, 1].
    confidence_R: Floats
    #: Nothing should be made of the value: the query is unlike anything labelled, or, where a
    #: precision was wanted, the value lies between the thresholds.
    no_opinion_R: Bools
    #: The first of the two reasons.
    unlike_R: Bools


@dataclass(frozen=True, kw_only=True)
class Caution:
    """When a model says nothing; fitted with it and kept in its checkpoint."""

    novelty: Novelty
    #: None for a model that keeps no held-out predictions.
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


def form_opinions(
    model: RewardModel, caution: Caution, graph: MemoryGraph, *, precision: float | None = None
) -> Opinions:
    """What `model` says of every rollout of `graph`.

    An opinion depends on a rollout's group and its query's labelled neighbours only, as the
    model's value does, so that a few rollouts scored as they come get what the whole graph gives.

    Raises:
        InputError: if the model has no thresholds for a precision, or `precision` is none.
        TrainingError: see RewardModel.predict.
    """
    return opinions_of(model.predict(graph), caution, graph, precision=precision)


def opinions_of(
    value_R: Floats,
    caution: Caution,
    graph: MemoryGraph,
    *,
    precision: float | None = None,
    group_QF: Floats | None = None,
) -> Opinions:
    """The same, for values that were predicted before; `group_QF` is `group_table(graph)`."""
    group_QF = group_table(graph) if group_QF is None else group_QF
    unlike_Q = np.append(caution.novelty.unlike(graph, group_QF), False)
    unlike_R = unlike_Q[graph.query_of_rollout_R]
    no_opinion_R = unlike_R | np.isnan(value_R)
    if precision is not None:
        if caution.thresholds is None:
            raise InputError(
                "this model keeps no held-out predictions, so that it has no thresholds for a "
                "precision: train `memreward` or `published`"
            )
        right_R, wrong_R = caution.thresholds.sure(value_R, precision)
        no_opinion_R = no_opinion_R | ~(right_R | wrong_R)
    return Opinions(
        value_R=value_R,
        confidence_R=certainty(value_R),
        no_opinion_R=no_opinion_R,
        unlike_R=unlike_R,
    )


def certainty(probability_N: Floats) -> Floats:
    """1 minus the entropy of each probability in bits, in [0, 1]; NaN stays NaN."""
    p = np.clip(probability_N, 1e-7, 1 - 1e-7).astype(np.float64)
    return (1 + p * np.log2(p) + (1 - p) * np.log2(1 - p)).clip(0, 1).astype(np.float32)
