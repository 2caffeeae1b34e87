"""The published MemReward model as a RewardModel: the row that every other model must beat."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from gnn.base import (
    EarlyStopping,
    FitReport,
    Held,
    ModelState,
    ProgressReport,
    best_device,
    labelled_rollouts,
    measure,
    no_progress,
    not_fitted,
    train_validation,
)
from gnn.data import edge_indices
from gnn.models.published.neighbourhood import ReceptiveField, receptive_field
from gnn.models.published.network import EDGE_TYPES, N_LAYERS, PublishedNet
from gnn.models.published.numbers import NUMBER_FEATURES, number_features
from schema.errors import TrainingError
from schema.graph import ANSWER, QUERY, SIMILAR, THINKING, EdgeType
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.score import Reach

#: Rollouts whose rewards are predicted at once; bounds the memory, changes no result.
PREDICT_AT_ONCE: Final = 16_384


@dataclass(frozen=True, kw_only=True)
class PublishedConfig:
    """How wide it is and how it is trained.

    `hidden` and `scored` are the widths of the node states and of the dot product; `patience`
    counts epochs without a better validation loss.
    """

    hidden: int = 512
    scored: int = 256
    learning_rate: float = 1e-3
    queries_at_once: int = 64
    max_epochs: int = 40
    patience: int = 5


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Some rollouts of a graph, ready for the network."""

    rollouts: Ints
    inputs: dict[str, Tensor]
    features_RF: Tensor
    field: ReceptiveField
    triples: dict[str, Tensor]
    #: Verified rewards, NaN where unknown.
    reward_R: Tensor

    def logits(self, net: PublishedNet) -> Tensor:
        """What `net` says about the rollouts, [R]."""
        return net(self.inputs, self.features_RF, self.field, self.triples)

    def loss(self, net: PublishedNet) -> Tensor:
        """Binary cross entropy of what `net` says about the rollouts, all of them labelled."""
        return binary_cross_entropy_with_logits(self.logits(net), self.reward_R)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A graph, and what is computed from it once."""

    graph: MemoryGraph
    device: torch.device
    edges: dict[EdgeType, Ints]
    query_R: Ints
    thinking_R: Ints
    features_RF: Floats

    @classmethod
    def of(cls, graph: MemoryGraph, device: torch.device) -> Self:
        """The source of parts of `graph`, which are put on `device`."""
        thinking_R = np.full(len(graph.rollout_id_R), -1)
        thinking_R[graph.leads_to_2E[1]] = graph.leads_to_2E[0]
        return cls(
            graph=graph,
            device=device,
            edges=_edges(graph),
            query_R=graph.query_of_rollout_R,
            thinking_R=thinking_R,
            features_RF=number_features(graph),
        )

    def part(self, rollouts: Ints) -> _Part:
        """The given rollouts, which all have a query, with all that their logits depend on."""
        rows = {
            QUERY: self.query_R[rollouts],
            THINKING: self.thinking_R[rollouts],
            ANSWER: rollouts,
        }
        field = receptive_field(self.edges, rows, n_layers=N_LAYERS)
        embeddings = {
            QUERY: self.graph.query_embedding_QD,
            THINKING: self.graph.thinking_embedding_RD,
            ANSWER: self.graph.answer_embedding_RD,
        }
        return _Part(
            rollouts=rollouts,
            inputs={
                t: torch.from_numpy(embeddings[t][nodes]).to(self.device)
                for t, nodes in field.inputs.items()
            },
            features_RF=torch.from_numpy(self.features_RF[rollouts]).to(self.device),
            field=field.to(self.device),
            triples={t: field.position(t, rows[t]).to(self.device) for t in rows},
            reward_R=torch.from_numpy(self.graph.verified_R[rollouts]).to(self.device),
        )


class PublishedModel:
    """Linear to 512, two GATv2 layers, dot product; binary cross entropy by Adam at 1e-3.

    Source: MemReward (arXiv 2603.19310) and the program published with it. Its graph has queries,
    thinkings and answers, their edges in both directions, and similarity between queries with a
    loop at each query; no conclusions. Deviations: a message over similarity goes from the
    neighbour to the query that chose it; training stops by the loss on a validation part of the
    *labelled* queries, and the best weights are kept; a step sees 64 labelled queries, where the
    program's sees all: as many steps for a quarter of the work. Only the receptive field of the
    rollouts in question is computed, which changes no number. The program's added ranking loss
    is left out.
    """

    name: ClassVar[str] = "published"
    reach: ClassVar[Reach] = Reach(hops=N_LAYERS)

    def __init__(self, config: PublishedConfig | None = None) -> None:
        """See the class."""
        self.config = config or PublishedConfig()
        #: See PREDICT_AT_ONCE.
        self.predict_at_once = PREDICT_AT_ONCE
        self.device = best_device()
        self._net: PublishedNet | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return ("query_embedding", "thinking_embedding", "answer_embedding", *NUMBER_FEATURES)

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Train on the labelled rollouts of `graph`; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        train_Q, validation_Q = train_validation(graph, labelled_R, seed=seed)
        query_R = graph.query_of_rollout_R
        source = _Source.of(graph, self.device)
        validation = source.part(np.flatnonzero(labelled_R & np.isin(query_R, validation_Q)))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._net = self._new_net(graph.query_embedding_QD.shape[1])
            batches = partial(_batches, source, labelled_R, train_Q, self.config.queries_at_once)
            stopping = self._train(batches, validation, progress)
        predicted_R, held = self._predict_part(validation), validation.rollouts
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
            held=Held(probability_L=predicted_R, reward_L=graph.verified_R[held]),
        )

    def _train(
        self, batches: Callable[[], Iterator[_Part]], validation: _Part, progress: ProgressReport
    ) -> EarlyStopping:
        """Train with early stopping; leaves the best weights in the network."""
        net = self._fitted_net()
        optimiser = torch.optim.Adam(net.parameters(), lr=self.config.learning_rate)
        stopping = EarlyStopping(patience=self.config.patience)
        while stopping.epoch < self.config.max_epochs and not stopping.should_stop:
            net.train()
            for batch in batches():
                optimiser.zero_grad()
                batch.loss(net).backward()
                optimiser.step()
            net.eval()
            with torch.no_grad():
                stopping.update(float(validation.loss(net)), net)
            progress(f"train {self.name}", stopping.epoch, self.config.max_epochs)
        if not stopping.best_epoch:
            raise TrainingError(
                f"the model {self.name!r} diverged: its loss was never a number; train with "
                "another seed"
            )
        stopping.restore(net)
        return stopping

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        net = self._fitted_net()
        expected, given = net.dimension, graph.query_embedding_QD.shape[1]
        if expected != given:
            raise TrainingError(
                f"the model {self.name!r} was trained on embeddings of {expected} dimensions and "
                f"memory {graph.memory!r} has {given}: train a model on this memory"
            )
        source = _Source.of(graph, self.device)
        query_R = graph.query_of_rollout_R
        rollouts = np.flatnonzero(query_R >= 0 if queries is None else np.isin(query_R, queries))
        rollouts = rollouts[np.argsort(query_R[rollouts], kind="stable")]
        probability_R = np.full(len(query_R), np.nan, dtype=np.float32)
        for start in range(0, len(rollouts), self.predict_at_once):
            chunk = rollouts[start : start + self.predict_at_once]
            probability_R[chunk] = self._predict_part(source.part(chunk))
        return probability_R

    def _predict_part(self, part: _Part) -> Floats:
        net = self._fitted_net().eval()
        with torch.inference_mode():
            return part.logits(net).sigmoid().cpu().numpy()

    def state(self) -> ModelState:
        """Its weights, and the width of the embeddings."""
        net = self._fitted_net()
        tensors = {key: tensor.detach().cpu() for key, tensor in net.state_dict().items()}
        return tensors, {"dimension": net.dimension, **asdict(self.config)}

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        training = {key: value for key, value in config.items() if key != "dimension"}
        model = cls(PublishedConfig(**training))
        model._net = model._new_net(config["dimension"])
        model._net.load_state_dict(dict(tensors))
        return model

    def _new_net(self, dimension: int) -> PublishedNet:
        widths = {"hidden": self.config.hidden, "scored": self.config.scored}
        return PublishedNet(dimension, len(NUMBER_FEATURES), **widths).to(self.device)

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


def _batches(source: _Source, labelled_R: Bools, queries: Ints, size: int) -> Iterator[_Part]:
    """The labelled rollouts of `queries` in random order, `size` queries at once."""
    shuffled = queries[torch.randperm(len(queries)).numpy()]
    for start in range(0, len(shuffled), size):
        chosen_R = np.isin(source.query_R, shuffled[start : start + size])
        yield source.part(np.flatnonzero(labelled_R & chosen_R))
