"""What the fitted default model says: from a graph to logits and calibrated probabilities."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor

from gnn.base import ModelState, not_fitted, one_thread
from gnn.confidence import Calibration
from gnn.data import HeteroData
from gnn.evidence import (
    NUMBER_NAMES,
    CommonWords,
    Opinions,
    Prior,
    Reliability,
    evidence_table,
)
from gnn.features import RolloutFeatures, rollout_features
from gnn.models.members import Drawn, Member, ModelInputs, Tables, make_batch, rollouts_of
from gnn.models.memreward.folds import Division
from gnn.models.memreward.state import (
    config_of,
    divisions_from,
    inputs_from,
    members_from,
    tensors_of,
)
from gnn.prior import prior_from, prior_tensors
from gnn.sources import SourceTrust
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.score import Reach

#: Queries whose rollouts are scored at once; bounds the memory, changes no result.
PREDICT_AT_ONCE: Final = 1024


class MemrewardPredictor:
    """The members' mean logit, calibrated by the kind of question.

    `MemrewardModel` fits what this holds; `state` and `from_state` write and read it.
    """

    name: ClassVar[str] = "memreward"
    reach: ClassVar[Reach] = Reach(hops=1, labelled_only=True, text_embeddings=False)

    def __init__(self) -> None:
        """See the class."""
        self._members: list[Member] = []
        self._divisions: dict[str, Division] = {}
        self._inputs = ModelInputs()
        self._reliability: Reliability | None = None
        self._trust = SourceTrust(sources={})
        self._common_words = CommonWords()
        self._prior = Prior.none(len(NUMBER_NAMES))
        self._seed = 0
        self._calibration = Calibration()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return self._inputs.names

    @property
    def members(self) -> Sequence[Member]:
        """The members: view after view, and in each view part after part."""
        return self._members

    @property
    def trust(self) -> SourceTrust:
        """How far it believes each source of verified rewards."""
        return self._trust

    @property
    def divisions(self) -> Mapping[str, Division]:
        """How each view's members divided the queries; member i of a view left out part i."""
        return self._divisions

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        tables = self.tables(graph)
        probability_R = np.full(len(graph.rollout_id_R), np.nan, dtype=np.float32)
        for data, logit_MR in self.member_logits(tables, queries):
            rows = rollouts_of(data)
            kind_R = self._kinds(tables)[rows]
            probability_R[rows] = self.calibrated(logit_MR.mean(0), kind_R)
        return probability_R

    def member_logits(
        self, tables: Tables, queries: Ints | None = None
    ) -> Iterator[tuple[HeteroData, Floats]]:
        """All rollouts that have a query, in batches, with the logits of each member, [M, R].

        With `queries` (rows of the graph), only the rollouts of these.
        """
        asked = tables.query_R if queries is None else queries
        queries = np.unique(asked[asked >= 0])
        for start in range(0, len(queries), PREDICT_AT_ONCE):
            data = make_batch(tables, queries[start : start + PREDICT_AT_ONCE])
            yield data, self.logits_of(data)

    def logits_of(self, data: HeteroData) -> Floats:
        """Logits of each member, [M, R]; their mean is what is calibrated."""
        data = data.to(self._members[0].device)
        with one_thread(), torch.inference_mode():
            return torch.stack([m.logits(data) for m in self._members]).cpu().numpy()

    def calibrated(self, logit_R: Floats, kind_R: Ints) -> Floats:
        """Probabilities of mean logits of rollouts whose queries are of these kinds, [R]."""
        return self._calibration(logit_R, kind_R)

    def tables(self, graph: MemoryGraph) -> Tables:
        """Inputs of `graph`, standardised as the model learned them; all its rewards are in sight.

        They are worth what is believed of their sources.

        Raises:
            TrainingError: if the model was not fitted.
        """
        if not self._members or self._reliability is None:
            raise not_fitted(self.name)
        graph = self._trust.believed(graph)
        drawn = self._evidence(graph, self._reliability)
        return self._inputs.tables(graph, self._found(graph), drawn)

    def evidence(self, graph: MemoryGraph, *, policies: bool = True) -> Floats:
        """Standardised evidence of all rollouts of `graph`, [R, E].

        Args:
            graph: all its rewards are in sight, and believed as they are.
            policies: False: as if no policy had been seen before.

        Raises:
            TrainingError: if the model was not fitted.
        """
        if self._reliability is None:
            raise not_fitted(self.name)
        known = self._reliability if policies else self._reliability.of_nobody()
        return self._inputs.scalers["evidence"](self._evidence(graph, known).evidence_RE)

    def _evidence(self, graph: MemoryGraph, reliability: Reliability) -> Drawn:
        opinions = Opinions.of(graph, self._common_words)
        voters = reliability.of_voters(graph, opinions)
        evidence_RE = evidence_table(opinions, voters, graph.verified_R, self._prior)
        return self._weighed(Drawn(evidence_RE=evidence_RE, shown_R=graph.labelled_R))

    def _found(self, graph: MemoryGraph) -> RolloutFeatures:
        """Features of the rollouts; a variant may withhold some."""
        return rollout_features(graph)

    def _weighed(self, drawn: Drawn) -> Drawn:
        """The evidence; a variant may withhold some."""
        return drawn

    def _kinds(self, tables: Tables) -> Ints:
        """Kinds of rollouts that have a calibration of their own, [R]."""
        return tables.kind_R

    def state(self) -> ModelState:
        """Weights of all members, scalers, and calibration."""
        if not self._members or self._reliability is None:
            raise not_fitted(self.name)
        config = config_of(self._members, self._inputs, self._divisions)
        return tensors_of(self._members, self._inputs) | prior_tensors(self._prior), {
            **config,
            "reliability": self._reliability.to_json(),
            "sources": self._trust.to_json(),
            "common_words": self._common_words.to_json(),
            "seed": self._seed,
            "calibration": self._calibration.to_json(),
        }

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._calibration = Calibration.from_json(config["calibration"])
        model._reliability = Reliability.from_json(config["reliability"])
        model._trust = SourceTrust.from_json(config["sources"])
        model._prior = prior_from(tensors)
        model._common_words = CommonWords.from_json(config["common_words"])
        model._seed = config["seed"]
        model._divisions = divisions_from(config)
        model._inputs = inputs_from(tensors, config)
        model._members = members_from(tensors, config)
        return model
