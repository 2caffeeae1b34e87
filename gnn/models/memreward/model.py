"""The default reward model: a small ensemble of GNNs on the typed graph, over a linear base."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor

from gnn.base import (
    FitReport,
    Held,
    ModelState,
    ProgressReport,
    labelled_rollouts,
    measure,
    no_progress,
    not_fitted,
    one_thread,
)
from gnn.confidence import Calibration
from gnn.features import RolloutFeatures, rollout_features
from gnn.models.memreward.batch import Batch, Tables, make_batch
from gnn.models.memreward.folds import Division
from gnn.models.memreward.inputs import INPUTS, ModelInputs
from gnn.models.memreward.linear_base import VARIANTS, LinearBase
from gnn.models.memreward.member import Member, TrainConfig
from gnn.models.memreward.network import MemrewardNet, NetConfig
from gnn.models.memreward.preferences import usable_preferences
from gnn.models.memreward.scaler import Scaler
from gnn.models.memreward.training import Start, TrainedMember, below, train_member
from gnn.models.memreward.training_state import Course
from schema.errors import TrainingError
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.score import Reach

#: Queries whose rollouts are scored at once; bounds the memory, changes no result.
PREDICT_AT_ONCE: Final = 1024


@dataclass(frozen=True, kw_only=True)
class MemrewardConfig:
    """Sizes and training of the default model."""

    #: Parts of the labelled queries; each is left out by one member of every view.
    parts: int = 5
    #: Inputs of the members, for each view another division into parts (see VARIANTS). Where no
    #: labelled rollout has the policy's signals, the first view is all.
    views: tuple[str, ...] = ("text", "all")
    net: Mapping[str, Any] | None = None
    train: TrainConfig = field(default_factory=TrainConfig)


class MemrewardModel:
    """GATv2 over the typed graph, added to a logistic regression, averaged and calibrated.

    Members look at the rollouts in two views: texts alone, and with the policy's log-probabilities
    and hidden states where they are given. For each view the labelled queries are
    divided into parts; each member trains on the others and stops by its own part. Logits of the
    parts that members never learned from fit the calibration, so all labels serve both ends.
    """

    name: ClassVar[str] = "memreward"
    reach: ClassVar[Reach] = Reach(hops=1, labelled_only=True)

    def __init__(self, config: MemrewardConfig | None = None) -> None:
        """See the class."""
        self.config = config or MemrewardConfig()
        self._members: list[Member] = []
        self._optimisers: list[dict[str, Tensor]] = []
        self._divisions: dict[str, Division] = {}
        self._inputs = ModelInputs()
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
    def divisions(self) -> Mapping[str, Division]:
        """How each view's members divided the queries; member i of a view left out part i."""
        return self._divisions

    def fit(
        self,
        graph: MemoryGraph,
        *,
        seed: int,
        progress: ProgressReport = no_progress,
        course: Course | None = None,
    ) -> FitReport:
        """Train on the labelled rollouts and the preferences of `graph`; see RewardModel.

        A query with preferences and no verified reward is learned from and held out like a
        labelled one; it calibrates nothing, and tells its neighbours nothing. What is learned
        depends on such queries and their rollouts only. With `course`, an interrupted training
        goes on where it stood.
        """
        self._divisions = {}
        return self._learn(graph, seed, progress, course, None)

    def resume(
        self,
        graph: MemoryGraph,
        *,
        optimisers: Mapping[str, Tensor],
        seed: int,
        progress: ProgressReport = no_progress,
        course: Course | None = None,
    ) -> FitReport:
        """Learn on from what it is, by the labels that `graph` has now.

        Scalers stay, and so do the divisions: what a member left out, it leaves out again, and a
        new query has a part too. The linear bases, which have one best fit, are fitted anew; the
        networks go on. Inputs that the model was not fitted with stay unused.

        Args:
            graph: of the memory, or the part of it that was learned from or can be.
            optimisers: `training_state` of the fit that made this model.
            seed: of batches and dropout.
            progress: told of each member.
            course: see `fit`.

        Raises:
            TrainingError: if the model was not fitted, or the labels do not suffice.
        """
        if not self._members:
            raise not_fitted(self.name)
        starts = [
            Start(net=member.net.state_dict(), optimiser=below(optimisers, f"{number}."))
            for number, member in enumerate(self._members)
        ]
        return self._learn(graph, seed, progress, course, starts)

    def training_state(self) -> dict[str, Tensor]:
        """States of the members' optimisers after a fit, for `resume`."""
        return {
            f"{number}.{key}": tensor
            for number, tensors in enumerate(self._optimisers)
            for key, tensor in tensors.items()
        }

    def _learn(
        self,
        graph: MemoryGraph,
        seed: int,
        progress: ProgressReport,
        course: Course | None,
        starts: Sequence[Start] | None,
    ) -> FitReport:
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        preferred_2P = usable_preferences(graph)
        known_R = labelled_R.copy()
        known_R[preferred_2P] = True
        tables = self._fit_tables(graph, known_R, anew=starts is None)
        queries = np.unique(tables.query_R[known_R])
        n_labelled = len(np.unique(tables.query_R[labelled_R]))
        if n_labelled < 2 * self.config.parts:
            raise TrainingError(
                f"memory {graph.memory!r} has {n_labelled} labelled queries and the model "
                f"{self.name!r} needs at least {2 * self.config.parts} (preferences alone rank, "
                "but give no probabilities): label more"
            )
        with one_thread():
            trained, held_logit_R = self._fit_members(
                tables, queries, seed, progress, course, starts
            )
        stops = [found.stopping for found in trained]
        reward = graph.verified_R[labelled_R]
        held_logit, held_query = held_logit_R[labelled_R], tables.query_R[labelled_R]
        kind = tables.kind_R[labelled_R]
        self._calibration = Calibration.fit(held_logit, reward, held_query, kind)
        held_p = self._calibration(held_logit, kind)
        return FitReport(
            n_rollouts=int(labelled_R.sum()),
            n_queries=n_labelled,
            n_preferences=preferred_2P.shape[1],
            n_validation_queries=n_labelled,
            epochs=max(stop.epoch for stop in stops),
            best_epoch=max(stop.best_epoch for stop in stops),
            seconds=time.monotonic() - started,
            metrics=measure(held_p, reward, held_query).measures(),
            held=Held(probability_L=held_p, reward_L=reward),
        )

    def _fit_members(
        self,
        tables: Tables,
        queries: Ints,
        seed: int,
        progress: ProgressReport,
        course: Course | None,
        starts: Sequence[Start] | None,
    ) -> tuple[list[TrainedMember], Floats]:
        """Train all members.

        Returns:
            What came of each; for every labelled rollout the mean logit of the members that did
            not learn from its query, [R].
        """
        views = self._views(tables) if starts is None else tuple(self._divisions)
        texts = [tables.graph.query_text_Q[query] for query in queries]
        net_config = self._net_config(tables) if starts is None else self._members[0].net.config
        trained: list[TrainedMember] = []
        held_logit_R = np.zeros(len(tables.query_R), dtype=np.float32)
        for place, view in enumerate(views):
            if starts is None:
                self._divisions[view] = Division.of(texts, self.config.parts, f"{seed}-{place}")
            division = self._divisions[view]
            part_of_query = division.part_of(texts)
            for part in range(division.n_parts):
                held, number = queries[part_of_query == part], len(trained)
                found = train_member(
                    tables,
                    np.setdiff1d(queries, held),
                    held,
                    view=view,
                    net_config=net_config,
                    config=self.config.train,
                    seed=seed * 1000 + number,
                    start=None if starts is None else starts[number],
                    course=None if course is None else (course, number),
                )
                held_logit_R[found.held.rows] += found.held.values / len(views)
                trained.append(found)
                progress(f"train {self.name}", number + 1, len(views) * division.n_parts)
        self._members = [found.member for found in trained]
        self._optimisers = [found.optimiser for found in trained]
        return trained, held_logit_R

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        tables = self.tables(graph)
        probability_R = np.full(len(graph.rollout_id_R), np.nan, dtype=np.float32)
        for batch, logit_MR in self.member_logits(tables, queries):
            kind_R = tables.kind_R[batch.rollout_R]
            probability_R[batch.rollout_R] = self.calibrated(logit_MR.mean(0), kind_R)
        return probability_R

    def member_logits(
        self, tables: Tables, queries: Ints | None = None
    ) -> Iterator[tuple[Batch, Floats]]:
        """All rollouts that have a query, in batches, with the logits of each member, [M, R].

        With `queries` (rows of the graph), only the rollouts of these.
        """
        asked = tables.query_R if queries is None else queries
        queries = np.unique(asked[asked >= 0])
        for start in range(0, len(queries), PREDICT_AT_ONCE):
            batch = make_batch(tables, queries[start : start + PREDICT_AT_ONCE])
            yield batch, self.logits_of(batch)

    def logits_of(self, batch: Batch) -> Floats:
        """Logits of each member, [M, R]; their mean is what is calibrated."""
        with one_thread(), torch.inference_mode():
            return torch.stack([m.logits(batch) for m in self._members]).numpy()

    def calibrated(self, logit_R: Floats, kind_R: Ints) -> Floats:
        """Probabilities of mean logits of rollouts whose queries are of these kinds, [R]."""
        return self._calibration(logit_R, kind_R)

    def tables(self, graph: MemoryGraph) -> Tables:
        """Inputs of `graph`, standardised as the model learned them.

        Raises:
            TrainingError: if the model was not fitted.
        """
        if not self._members:
            raise not_fitted(self.name)
        return self._tables(graph, rollout_features(graph))

    def _fit_tables(self, graph: MemoryGraph, known_R: Bools, *, anew: bool) -> Tables:
        """Fit the inputs to the known rollouts if `anew`, and standardise all of the graph."""
        found = rollout_features(graph)
        if anew:
            wanted = {part for view in self.config.views for part in VARIANTS[view]}
            self._inputs = ModelInputs.fit(found, known_R, wanted)
        seen = {graph.policy_R[row] for row in np.flatnonzero(known_R)}
        self._inputs = self._inputs.with_policies(seen)
        return self._tables(graph, found)

    def _tables(self, graph: MemoryGraph, found: RolloutFeatures) -> Tables:
        return self._inputs.tables(graph, found)

    def _views(self, tables: Tables) -> tuple[str, ...]:
        """The views that differ, given what the labelled rollouts hold."""
        some = tables.signals_RS.shape[1] + tables.hidden_RH.shape[1] > 0
        return self.config.views if some else self.config.views[:1]

    def _net_config(self, tables: Tables) -> NetConfig:
        config = NetConfig(
            text=tables.text_RF.shape[1],
            signals=tables.signals_RS.shape[1],
            hidden_state=tables.hidden_RH.shape[1],
        )
        return replace(config, **(self.config.net or {}))

    def state(self) -> ModelState:
        """Weights of all members, scalers, and calibration."""
        if not self._members:
            raise not_fitted(self.name)
        tensors: dict[str, Tensor] = {}
        for number, member in enumerate(self._members):
            for key, value in member.net.state_dict().items():
                tensors[f"members.{number}.net.{key}"] = value.detach().clone()
            for key, value in member.base.weights.items():
                tensors[f"members.{number}.base.{key}"] = value
        for name, scaler in self._inputs.scalers.items():
            tensors[f"scalers.{name}.mean"] = torch.from_numpy(scaler.mean_F)
            tensors[f"scalers.{name}.factor"] = torch.from_numpy(scaler.factor_F)
        return tensors, {
            "features": list(self._inputs.names),
            "policies": list(self._inputs.policies),
            "views": [member.view for member in self._members],
            "divisions": {view: asdict(found) for view, found in self._divisions.items()},
            "net": asdict(self._members[0].net.config),
            "calibration": self._calibration.to_json(),
        }

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._calibration = Calibration.from_json(config["calibration"])
        model._divisions = {
            view: Division(salt=found["salt"], cuts=tuple(found["cuts"]))
            for view in dict.fromkeys(config["views"])
            for found in [config["divisions"][view]]
        }
        model._inputs = ModelInputs(
            names=tuple(config["features"]),
            policies=tuple(config["policies"]),
            scalers={
                name: Scaler(
                    mean_F=tensors[f"scalers.{name}.mean"].numpy(),
                    factor_F=tensors[f"scalers.{name}.factor"].numpy(),
                )
                for name in INPUTS
            },
        )
        for number, view in enumerate(config["views"]):
            net = MemrewardNet(NetConfig(**config["net"]))
            net.load_state_dict(below(tensors, f"members.{number}.net."))
            base = LinearBase(weights=below(tensors, f"members.{number}.base."))
            model._members.append(Member(base=base, net=net.eval(), view=view))
        return model
