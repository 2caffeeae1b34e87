"""What the default model looks at, standardised as it learned it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from gnn.base import Scaler
from gnn.evidence import EVIDENCE_NAMES
from gnn.features import TEXT_NAMES, RolloutFeatures, rollout_kinds
from gnn.models.members.draws import Drawn
from gnn.models.members.tables import Tables, label_means, query_table, sampler_of
from schema.memory_graph import Bools, Floats, MemoryGraph

#: Inputs of a rollout that have a scaler.
INPUTS: Final = ("text", "evidence", "signals", "hidden")
#: What is added to a rollout's kind where a reward of another rollout of its query is seen: such
#: rollouts are calibrated by a curve of their own.
VERIFIED_KIND: Final = 10
_QUERY_VERIFIED: Final = EVIDENCE_NAMES.index("query_verified")


@dataclass(frozen=True, kw_only=True)
class ModelInputs:
    """Scalers of the inputs, and whose hidden states they are."""

    #: One of each of INPUTS; signals and hidden states that no known rollout had are of size 0.
    scalers: Mapping[str, Scaler] = field(default_factory=dict[str, Scaler])
    #: Names of all inputs, in the order of INPUTS.
    names: tuple[str, ...] = ()
    #: Policies whose hidden states count; those of others are taken for missing.
    policies: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        found: RolloutFeatures,
        evidence: Sequence[Drawn],
        known_R: Bools,
        wanted: Collection[str],
    ) -> Self:
        """Fit to the known rollouts; inputs that are not `wanted` stay unused.

        Args:
            found: features of all rollouts.
            evidence: to learn from.
            known_R: rollouts to learn from.
            wanted: of "signals" and "hidden", which to use.
        """
        hidden = _known(found.hidden_RH, known_R & (found.has_hidden_R > 0), "hidden" in wanted)
        signals = _known(found.signals_RS, known_R & (found.has_signals_R > 0), "signals" in wanted)
        return cls(
            scalers={
                "text": Scaler.fit(found.text_RF[known_R]),
                "evidence": Scaler.fit(
                    np.vstack([drawn.evidence_RE[known_R] for drawn in evidence])
                ),
                "signals": Scaler.fit(signals),
                "hidden": Scaler.fit(hidden),
            },
            names=(
                *TEXT_NAMES,
                *EVIDENCE_NAMES,
                *found.signal_names[: signals.shape[1]],
                *(f"policy_embedding_{i}" for i in range(hidden.shape[1])),
            ),
        )

    def with_policies(self, seen: Collection[str]) -> Self:
        """These, and the policies that were `seen`."""
        return replace(self, policies=tuple(sorted({*seen, *self.policies})))

    def tables(self, graph: MemoryGraph, found: RolloutFeatures, drawn: Drawn) -> Tables:
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
        label_Q = label_means(graph, query_R)
        tables = Tables(
            graph=graph,
            sampler=sampler_of(graph, query_R, label_Q),
            text_RF=text_RF,
            evidence_RE=np.zeros((len(query_R), 0), np.float32),
            signals_RS=self.scalers["signals"](found.signals_RS[:, :n_signals], has_signals_R),
            hidden_RH=self.scalers["hidden"](hidden, has_hidden_R),
            has_signals_R=has_signals_R,
            has_hidden_R=has_hidden_R,
            query_QG=query_table(text_RF, query_R, n_queries),
            label_Q=label_Q,
            query_R=query_R,
            conclusion_R=graph.conclusion_of_rollout_R,
            kind_R=rollout_kinds(found, query_R, n_queries),
            shown_R=drawn.shown_R,
        )
        return self.with_evidence(tables, drawn)

    def with_evidence(self, tables: Tables, drawn: Drawn) -> Tables:
        """The same tables with other rewards in sight."""
        verified_R = drawn.evidence_RE[:, _QUERY_VERIFIED] > 0
        return replace(
            tables,
            evidence_RE=self.scalers["evidence"](drawn.evidence_RE),
            shown_R=drawn.shown_R,
            kind_R=tables.kind_R % VERIFIED_KIND + VERIFIED_KIND * verified_R,
        )


def _known(values_RF: Floats, given_R: Bools, wanted: bool) -> Floats:
    """The rows that are given; without columns where there are none, or they are not wanted."""
    return values_RF[given_R] if wanted and given_R.any() else values_RF[:0, :0]
