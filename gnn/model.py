"""The default reward model: a small ensemble of GNNs on the typed graph, over a linear base."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor

from gnn.batch import Tables, label_means, make_batch, query_table
from gnn.calibration import Calibration
from gnn.early_stopping import EarlyStopping
from gnn.features import RolloutFeatures, rollout_features
from gnn.kinds import rollout_kinds
from gnn.layers import MemrewardNet, NetConfig
from gnn.linear_base import VARIANTS, LinearBase
from gnn.metrics import measure
from gnn.model_base import (
    FitReport,
    Held,
    ModelState,
    ProgressReport,
    labelled_rollouts,
    no_progress,
    not_fitted,
)
from gnn.threads import one_thread
from gnn.train import Member, TrainConfig, train_member
from schema.errors import TrainingError
from schema.ids import text_fraction
from schema.memory_graph import Floats, Ints, MemoryGraph

#: Queries whose rollouts are scored at once; bounds the memory, changes no result.
PREDICT_AT_ONCE: Final = 1024
#: Standardised inputs are cut off here, so that no odd rollout can shout.
LARGEST_INPUT: Final = 5.0


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


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """Standardisation fitted on the labelled rollouts; a constant input is turned off."""

    mean_F: Floats
    factor_F: Floats

    @classmethod
    def fit(cls, values_LF: Floats) -> "Scaler":
        """Fit to the rows of `values_LF`."""
        if not len(values_LF):
            zero = np.zeros(values_LF.shape[1], np.float32)
            return cls(mean_F=zero, factor_F=zero)
        spread = values_LF.std(axis=0)
        factor = np.where(spread > 1e-5, 1 / np.maximum(spread, 1e-5), 0.0)
        return cls(
            mean_F=values_LF.mean(axis=0).astype(np.float32), factor_F=factor.astype(np.float32)
        )

    def __call__(self, values_RF: Floats, given_R: Floats | None = None) -> Floats:
        """Standardised values; 0 where `given_R` is 0."""
        scaled = ((values_RF - self.mean_F) * self.factor_F).clip(-LARGEST_INPUT, LARGEST_INPUT)
        return scaled if given_R is None else scaled * given_R[:, None]


class MemrewardModel:
    """GATv2 over the typed graph, added to a logistic regression, averaged and calibrated.

    Members look at the rollouts in two views: texts alone, and with the policy's log-probabilities
    and hidden states where they are given. For each view the labelled queries are
    divided into parts; each member trains on the others and stops by its own part. Logits of the
    parts that members never learned from fit the calibration, so all labels serve both ends.
    """

    name: ClassVar[str] = "memreward"

    def __init__(self, config: MemrewardConfig | None = None) -> None:
        """See the class."""
        self.config = config or MemrewardConfig()
        self._members: list[Member] = []
        self._scalers: dict[str, Scaler] = {}
        self._calibration = Calibration()
        self._names: tuple[str, ...] = ()
        self._policies: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of its inputs."""
        return self._names

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Train on the labelled rollouts of `graph`; see RewardModel."""
        started = time.monotonic()
        labelled_R = labelled_rollouts(graph)
        tables = self._fit_tables(graph, labelled_R)
        queries = np.unique(tables.query_R[labelled_R])
        if len(queries) < 2 * self.config.parts:
            raise TrainingError(
                f"memory {graph.memory!r} has {len(queries)} labelled queries and the model "
                f"{self.name!r} needs at least {2 * self.config.parts}: label more"
            )
        with one_thread():
            stops, held_logit_R = self._fit_members(tables, queries, seed, progress)
        reward = graph.verified_R[labelled_R]
        held_logit, held_query = held_logit_R[labelled_R], tables.query_R[labelled_R]
        kind = tables.kind_R[labelled_R]
        self._calibration = Calibration.fit(held_logit, reward, held_query, kind)
        held_p = self._calibration(held_logit, kind)
        return FitReport(
            n_rollouts=int(labelled_R.sum()),
            n_queries=len(queries),
            n_validation_queries=len(queries),
            epochs=max(stop.epoch for stop in stops),
            best_epoch=max(stop.best_epoch for stop in stops),
            seconds=time.monotonic() - started,
            metrics=measure(held_p, reward, held_query).measures(),
            held=Held(probability_L=held_p, reward_L=reward),
        )

    def _fit_members(
        self, tables: Tables, queries: Ints, seed: int, progress: ProgressReport
    ) -> tuple[list[EarlyStopping], Floats]:
        """Train all members.

        Returns:
            When each stopped; for every labelled rollout the mean logit of the members that did
            not learn from its query, [R].
        """
        views, n_parts = self._views(tables), self.config.parts
        self._members, stops = [], []
        held_logit_R = np.zeros(len(tables.query_R), dtype=np.float32)
        for place, view in enumerate(views):
            for held in _parts(tables.graph, queries, n_parts, f"{seed}-{place}"):
                number = len(self._members)
                member, logits, stopping = train_member(
                    tables,
                    np.setdiff1d(queries, held),
                    held,
                    view=view,
                    net_config=self._net_config(tables),
                    config=self.config.train,
                    seed=seed * 1000 + number,
                )
                held_logit_R[logits.rows] += logits.values / len(views)
                self._members.append(member)
                stops.append(stopping)
                progress(f"train {self.name}", number + 1, len(views) * n_parts)
        return stops, held_logit_R

    def predict(self, graph: MemoryGraph) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        if not self._members:
            raise not_fitted(self.name)
        tables = self._tables(graph, rollout_features(graph))
        probability_R = np.full(len(graph.rollout_id_R), np.nan, dtype=np.float32)
        queries = np.unique(tables.query_R[tables.query_R >= 0])
        for start in range(0, len(queries), PREDICT_AT_ONCE):
            batch = make_batch(tables, queries[start : start + PREDICT_AT_ONCE])
            with one_thread(), torch.inference_mode():
                logit_MR = torch.stack([m.logits(batch) for m in self._members])
            kind_R = tables.kind_R[batch.rollout_R]
            probability_R[batch.rollout_R] = self._calibration(logit_MR.mean(0).numpy(), kind_R)
        return probability_R

    def _fit_tables(self, graph: MemoryGraph, labelled_R: np.ndarray) -> Tables:
        """Fit the scalers to the labelled rollouts, and standardise all of the graph."""
        found = rollout_features(graph)
        self._policies = tuple(sorted({graph.policy_R[row] for row in np.flatnonzero(labelled_R)}))
        signalled_R = labelled_R & (found.has_signals_R > 0)
        stated_R = labelled_R & (found.has_hidden_R > 0)
        wanted = {part for view in self.config.views for part in VARIANTS[view]}
        hidden = found.hidden_RH if "hidden" in wanted else found.hidden_RH[:, :0]
        signals = found.signals_RS if "signals" in wanted else found.signals_RS[:, :0]
        self._scalers = {
            "text": Scaler.fit(found.text_RF[labelled_R]),
            "signals": Scaler.fit(signals[signalled_R] if signalled_R.any() else signals[:0, :0]),
            "hidden": Scaler.fit(hidden[stated_R] if stated_R.any() else hidden[:0, :0]),
        }
        n_signals = len(self._scalers["signals"].mean_F)
        n_hidden = len(self._scalers["hidden"].mean_F)
        self._names = (
            *found.text_names,
            *found.signal_names[:n_signals],
            *(f"policy_embedding_{i}" for i in range(n_hidden)),
        )
        return self._tables(graph, found)

    def _tables(self, graph: MemoryGraph, found: RolloutFeatures) -> Tables:
        """Standardised inputs; the hidden state counts only for policies it was learned from."""
        query_R = graph.query_of_rollout_R
        known_R = np.array([policy in self._policies for policy in graph.policy_R], np.float32)
        n_signals = len(self._scalers["signals"].mean_F)
        n_hidden = len(self._scalers["hidden"].mean_F)
        has_signals_R = found.has_signals_R * float(n_signals > 0)
        fits = n_hidden > 0 and found.hidden_RH.shape[1] == n_hidden
        has_hidden_R = found.has_hidden_R * known_R * float(fits)
        hidden = found.hidden_RH if fits else np.zeros((len(query_R), n_hidden), np.float32)
        text_RF = self._scalers["text"](found.text_RF)
        return Tables(
            graph=graph,
            text_RF=text_RF,
            signals_RS=self._scalers["signals"](found.signals_RS[:, :n_signals], has_signals_R),
            hidden_RH=self._scalers["hidden"](hidden, has_hidden_R),
            has_signals_R=has_signals_R,
            has_hidden_R=has_hidden_R,
            query_QG=query_table(text_RF, found.text_names, query_R, len(graph.query_id_Q)),
            label_Q=label_means(graph, query_R),
            query_R=query_R,
            conclusion_R=graph.conclusion_of_rollout_R,
            kind_R=rollout_kinds(found, query_R, len(graph.query_id_Q)),
        )

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
        for name, scaler in self._scalers.items():
            tensors[f"scalers.{name}.mean"] = torch.from_numpy(scaler.mean_F)
            tensors[f"scalers.{name}.factor"] = torch.from_numpy(scaler.factor_F)
        return tensors, {
            "features": list(self._names),
            "policies": list(self._policies),
            "views": [member.view for member in self._members],
            "net": asdict(self._members[0].net.config),
            "calibration": self._calibration.to_json(),
        }

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The fitted model that `state` described."""
        model = cls()
        model._names, model._policies = tuple(config["features"]), tuple(config["policies"])
        model._calibration = Calibration.from_json(config["calibration"])
        model._scalers = {
            name: Scaler(
                mean_F=tensors[f"scalers.{name}.mean"].numpy(),
                factor_F=tensors[f"scalers.{name}.factor"].numpy(),
            )
            for name in ("text", "signals", "hidden")
        }
        for number, view in enumerate(config["views"]):
            net = MemrewardNet(NetConfig(**config["net"]))
            net.load_state_dict(_below(tensors, f"members.{number}.net."))
            base = LinearBase(weights=_below(tensors, f"members.{number}.base."))
            model._members.append(Member(base=base, net=net.eval(), view=view))
        return model


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name starts with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _parts(graph: MemoryGraph, queries: Ints, n_parts: int, salt: str) -> list[Ints]:
    """Divide `queries` into equal parts by a hash of their text and `salt`."""
    rank = [text_fraction(graph.query_text_Q[q], f"member-{salt}") for q in queries]
    order = np.argsort(rank, kind="stable")
    return [np.sort(part) for part in np.array_split(queries[order], n_parts)]
