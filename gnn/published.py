"""The published MemReward model as a RewardModel: the row that every other model must beat."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from gnn.early_stopping import EarlyStopping
from gnn.hetero import edge_indices
from gnn.metrics import measure
from gnn.model_base import (
    FitReport,
    ModelState,
    ProgressReport,
    labelled_rollouts,
    no_progress,
    not_fitted,
)
from gnn.published_net import EDGE_TYPES, N_LAYERS, PublishedNet
from gnn.receptive_field import ReceptiveField, receptive_field
from gnn.split import train_validation
from schema.errors import TrainingError
from schema.graph import ANSWER, QUERY, SIMILAR, THINKING, EdgeType
from schema.memory_graph import Floats, Ints, MemoryGraph

#: Rollouts whose rewards are predicted at once; bounds the memory, changes no result.
PREDICT_AT_ONCE: Final = 16_384


@dataclass(frozen=True, kw_only=True)
class PublishedConfig:
    """Training as published; `patience` counts epochs of the validation loss."""

    learning_rate: float = 1e-3
    max_epochs: int = 150
    patience: int = 20


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Some rollouts of a graph, ready for the network."""

    rollouts: Ints
    inputs: dict[str, Tensor]
    field: ReceptiveField
    triples: dict[str, Tensor]


class PublishedModel:
    """Linear to 512, two GATv2 layers, dot product; binary cross entropy by Adam at 1e-3.

    Source: MemReward (arXiv 2603.19310). Its graph has queries, thinkings and answers, their
    edges in both directions, and similarity between queries with a loop at each query; no
    conclusions. All labelled queries make one batch. Deviations: a message over similarity goes
    from the neighbour to the query that chose it; training stops by the loss on a validation
    part of the *labelled* queries, and the best weights are kept; only the labelled rollouts'
    receptive field is computed, which changes no number. The published program's hand-made
    features of mathematical answers and its added ranking loss are left out.
    """

    name: ClassVar[str] = "published"

    def __init__(self, config: PublishedConfig | None = None) -> None:
        """See the class."""
        self.config = config or PublishedConfig()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._net: PublishedNet | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return ("query_embedding", "thinking_embedding", "answer_embedding")

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Train on the labelled rollouts of `graph`; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        train_Q, validation_Q = train_validation(graph, labelled_R, seed=seed)
        query_R = graph.query_of_rollout_R
        edges = _edges(graph)
        train, validation = (
            self._part(graph, edges, np.flatnonzero(labelled_R & np.isin(query_R, queries)))
            for queries in (train_Q, validation_Q)
        )
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._net = PublishedNet(graph.query_embedding_QD.shape[1]).to(self.device)
            stopping = self._train(graph, train, validation, progress)
        predicted_R = self._predict_part(validation)
        held = validation.rollouts
        return FitReport(
            n_rollouts=int(labelled_R.sum()),
            n_queries=len(train_Q) + len(validation_Q),
            n_validation_queries=len(validation_Q),
            epochs=stopping.epoch,
            best_epoch=stopping.best_epoch,
            seconds=time.monotonic() - started,
            metrics={
                "loss": stopping.best_loss,
                **measure(predicted_R, graph.verified_R[held], query_R[held]).measures(),
            },
        )

    def _train(
        self, graph: MemoryGraph, train: _Part, validation: _Part, progress: ProgressReport
    ) -> EarlyStopping:
        """Full-batch training with early stopping; leaves the best weights in the network."""
        net = self._fitted_net()
        target, held_target = (
            torch.from_numpy(graph.verified_R[part.rollouts]).to(self.device)
            for part in (train, validation)
        )
        optimiser = torch.optim.Adam(net.parameters(), lr=self.config.learning_rate)
        stopping = EarlyStopping(patience=self.config.patience)
        while stopping.epoch < self.config.max_epochs and not stopping.should_stop:
            net.train()
            optimiser.zero_grad()
            logits = net(train.inputs, train.field, train.triples)
            binary_cross_entropy_with_logits(logits, target).backward()
            optimiser.step()
            net.eval()
            with torch.no_grad():
                logits = net(validation.inputs, validation.field, validation.triples)
                stopping.update(float(binary_cross_entropy_with_logits(logits, held_target)), net)
            progress(f"train {self.name}", stopping.epoch, self.config.max_epochs)
        if not stopping.best_epoch:
            raise TrainingError(
                f"the model {self.name!r} diverged on memory {graph.memory!r}: its loss was never "
                "a number; train with another seed"
            )
        stopping.restore(net)
        return stopping

    def predict(self, graph: MemoryGraph) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        net = self._fitted_net()
        expected, given = net.dimension, graph.query_embedding_QD.shape[1]
        if expected != given:
            raise TrainingError(
                f"the model {self.name!r} was trained on embeddings of {expected} dimensions and "
                f"memory {graph.memory!r} has {given}: train a model on this memory"
            )
        edges = _edges(graph)
        query_R = graph.query_of_rollout_R
        rollouts = np.flatnonzero(query_R >= 0)
        rollouts = rollouts[np.argsort(query_R[rollouts], kind="stable")]
        probability_R = np.full(len(query_R), np.nan, dtype=np.float32)
        for start in range(0, len(rollouts), PREDICT_AT_ONCE):
            chunk = rollouts[start : start + PREDICT_AT_ONCE]
            probability_R[chunk] = self._predict_part(self._part(graph, edges, chunk))
        return probability_R

    def _predict_part(self, part: _Part) -> Floats:
        net = self._fitted_net().eval()
        with torch.inference_mode():
            return net(part.inputs, part.field, part.triples).sigmoid().cpu().numpy()

    def _part(self, graph: MemoryGraph, edges: Mapping[EdgeType, Ints], rollouts: Ints) -> _Part:
        """The given rollouts, which all have a query, with all that their logits depend on."""
        thinking_R = np.full(len(graph.rollout_id_R), -1)
        thinking_R[graph.leads_to_2E[1]] = graph.leads_to_2E[0]
        rows = {
            QUERY: graph.query_of_rollout_R[rollouts],
            THINKING: thinking_R[rollouts],
            ANSWER: rollouts,
        }
        field = receptive_field(edges, rows, n_layers=N_LAYERS)
        embeddings = {
            QUERY: graph.query_embedding_QD,
            THINKING: graph.thinking_embedding_RD,
            ANSWER: graph.answer_embedding_RD,
        }
        return _Part(
            rollouts=rollouts,
            inputs={
                t: torch.from_numpy(embeddings[t][nodes]).to(self.device)
                for t, nodes in field.inputs.items()
            },
            field=field.to(self.device),
            triples={t: field.position(t, rows[t]).to(self.device) for t in rows},
        )

    def state(self) -> ModelState:
        """Its weights, and the width of the embeddings."""
        net = self._fitted_net()
        tensors = {key: tensor.detach().cpu() for key, tensor in net.state_dict().items()}
        return tensors, {"dimension": net.dimension}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._net = PublishedNet(config["dimension"]).to(model.device)
        model._net.load_state_dict(dict(tensors))
        return model

    def _fitted_net(self) -> PublishedNet:
        if self._net is None:
            raise not_fitted(self.name)
        return self._net


def _edges(graph: MemoryGraph) -> dict[EdgeType, Ints]:
    """The edges that the model uses, with a loop at each query: a query is similar to itself."""
    indices = edge_indices(graph)
    loops_2Q = np.tile(np.arange(len(graph.query_id_Q)), (2, 1))
    return {
        edge_type: np.hstack([indices[edge_type], loops_2Q])
        if edge_type == SIMILAR
        else indices[edge_type]
        for edge_type in EDGE_TYPES
    }
