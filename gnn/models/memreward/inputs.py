"""What the default model looks at, standardised as it learned it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from gnn.features import RolloutFeatures, rollout_kinds
from gnn.models.memreward.batch import Tables, label_means, query_table
from gnn.models.memreward.scaler import Scaler
from schema.memory_graph import Bools, Floats, MemoryGraph

#: Inputs of a rollout that have a scaler.
INPUTS: Final = ("text", "signals", "hidden")


@dataclass(frozen=True, kw_only=True)
class ModelInputs:
    """Scalers of the inputs, and whose hidden states they are."""

    #: One of each of INPUTS; signals and hidden states that no known rollout had are of size 0.
    scalers: Mapping[str, Scaler] = field(default_factory=dict[str, Scaler])
    #: Names of all inputs, in the order text, signals, hidden state.
    names: tuple[str, ...] = ()
    #: Policies whose hidden states count; those of others are taken for missing.
    policies: tuple[str, ...] = ()

    @classmethod
    def fit(cls, found: RolloutFeatures, known_R: Bools, wanted: Collection[str]) -> Self:
        """Fit to the known rollouts; inputs that are not `wanted` stay unused."""
        hidden = _known(found.hidden_RH, known_R & (found.has_hidden_R > 0), "hidden" in wanted)
        signals = _known(found.signals_RS, known_R & (found.has_signals_R > 0), "signals" in wanted)
        return cls(
            scalers={
                "text": Scaler.fit(found.text_RF[known_R]),
                "signals": Scaler.fit(signals),
                "hidden": Scaler.fit(hidden),
            },
            names=(
                *found.text_names,
                *found.signal_names[: signals.shape[1]],
                *(f"policy_embedding_{i}" for i in range(hidden.shape[1])),
            ),
        )

    def with_policies(self, seen: Collection[str]) -> Self:
        """These, and the policies that were `seen`."""
        return replace(self, policies=tuple(sorted({*seen, *self.policies})))

    def tables(self, graph: MemoryGraph, found: RolloutFeatures) -> Tables:
        """Standardised inputs of all rollouts of `graph`, whose features are `found`."""
        query_R, n_queries = graph.query_of_rollout_R, len(graph.query_id_Q)
        known_R = np.array([policy in self.policies for policy in graph.policy_R], np.float32)
        n_signals = len(self.scalers["signals"].mean_F)
        n_hidden = len(self.scalers["hidden"].mean_F)
        has_signals_R = found.has_signals_R * float(n_signals > 0)
        fits = n_hidden > 0 and found.hidden_RH.shape[1] == n_hidden
        has_hidden_R = found.has_hidden_R * known_R * float(fits)
        hidden = found.hidden_RH if fits else np.zeros((len(query_R), n_hidden), np.float32)
        text_RF = self.scalers["text"](found.text_RF)
        return Tables(
            graph=graph,
            text_RF=text_RF,
            signals_RS=self.scalers["signals"](found.signals_RS[:, :n_signals], has_signals_R),
            hidden_RH=self.scalers["hidden"](hidden, has_hidden_R),
            has_signals_R=has_signals_R,
            has_hidden_R=has_hidden_R,
            query_QG=query_table(text_RF, found.text_names, query_R, n_queries),
            label_Q=label_means(graph, query_R),
            query_R=query_R,
            conclusion_R=graph.conclusion_of_rollout_R,
            kind_R=rollout_kinds(found, query_R, n_queries),
        )


def _known(values_RF: Floats, given_R: Bools, wanted: bool) -> Floats:
    """The rows that are given; without columns where there are none, or they are not wanted."""
    return values_RF[given_R] if wanted and given_R.any() else values_RF[:0, :0]
