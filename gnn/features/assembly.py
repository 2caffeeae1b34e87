"""Features of rollouts: their own text, their place in their group, the policy's own signals.

All of it is local: a rollout's features depend on its query and on that query's rollouts only,
never on the rest of the graph, so that scoring few rollouts gives the full graph's result. Nothing
depends on a data set's or a domain's name. Missing values are 0, with a flag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from gnn.data import sums_by
from gnn.features.code import NAMES as CODE_NAMES
from gnn.features.code import code_features
from gnn.features.options import NAMES as OPTION_NAMES
from gnn.features.options import option_features
from gnn.features.text import text_features
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS

#: Names of the features of a rollout's own texts.
OWN_NAMES: Final[tuple[str, ...]] = (
    *text_features("", "", "", None),
    *(f"option_{name}" for name in OPTION_NAMES),
    *(f"code_{name}" for name in CODE_NAMES),
    "truncated",
)
#: Those that are kept of a rollout that is forgotten: what its row does not say.
KEPT_NAMES: Final = OWN_NAMES[:-1]
#: Names of the features of a whole group.
GROUP_NAMES: Final = ("top_share", "entropy", "distinct", "unread_in_group", "log_group")
#: Names of the features of texts and group, in their order.
TEXT_NAMES: Final = (*OWN_NAMES, *(f"{name}|group" for name in OWN_NAMES), *GROUP_NAMES)


@dataclass(frozen=True, kw_only=True)
class RolloutFeatures:
    """Features of all rollouts of a graph, as they are (not standardised)."""

    #: Texts and group, as TEXT_NAMES says; always there.
    text_RF: Floats
    #: The policy's log-probability statistics, and the same against the group; 0 where missing.
    signals_RS: Floats
    signal_names: tuple[str, ...]
    has_signals_R: Floats
    #: The policy's hidden state, and against the group; 0 where missing.
    hidden_RH: Floats
    has_hidden_R: Floats


def rollout_features(graph: MemoryGraph) -> RolloutFeatures:
    """Compute the features of every rollout in `graph`."""
    own_RF = own_features(graph)
    query_R, n_queries = groups(graph)
    centred = centred_on_group(own_RF, query_R, n_queries)
    signals_R6 = graph.policy_signals_R6
    has_signals_R = _given(signals_R6)
    hidden_RP = graph.policy_embedding_RP
    has_hidden_R = _given(hidden_RP)
    signals_R6 = np.where(has_signals_R[:, None], signals_R6, 0.0)
    hidden_RP = np.where(has_hidden_R[:, None], hidden_RP, 0.0)
    return RolloutFeatures(
        text_RF=np.hstack([own_RF, centred, group_features(graph)]).astype(np.float32),
        signals_RS=np.hstack(
            [
                signals_R6,
                centred_on_group(signals_R6, query_R, n_queries, has_signals_R),
                conclusion_means(signals_R6, graph, has_signals_R),
            ]
        ).astype(np.float32),
        signal_names=(
            *POLICY_SIGNALS,
            *(f"{name}|group" for name in POLICY_SIGNALS),
            *(f"{name}|mates" for name in POLICY_SIGNALS),
        ),
        has_signals_R=has_signals_R.astype(np.float32),
        hidden_RH=np.hstack(
            [
                hidden_RP,
                centred_on_group(hidden_RP, query_R, n_queries, has_hidden_R),
            ]
        ).astype(np.float32),
        has_hidden_R=has_hidden_R.astype(np.float32),
    )


def groups(graph: MemoryGraph) -> tuple[Ints, int]:
    """Each rollout's query, and the number of queries: one more, for rollouts without any."""
    query_R, n_queries = graph.query_of_rollout_R, len(graph.query_id_Q)
    return np.where(query_R < 0, n_queries, query_R), n_queries + 1


def _given(values_RF: Floats) -> Bools:
    """Rows without a missing value, [R]; none if there are no columns."""
    if not values_RF.shape[1]:
        return np.zeros(len(values_RF), dtype=np.bool_)
    return np.asarray(np.isfinite(values_RF).all(axis=1))


def own_features(graph: MemoryGraph) -> Floats:
    """Features of each rollout's own texts, [R, len(OWN_NAMES)]; what the graph knows is taken."""
    if graph.own_features_RF is None:
        return own_rows(graph, np.arange(len(graph.rollout_id_R)))
    table = graph.own_features_RF.copy()
    unknown = np.flatnonzero(np.isnan(table).any(axis=1))
    table[unknown] = own_rows(graph, unknown)
    return table


def own_rows(
    graph: MemoryGraph, rollouts: Ints, made: Mapping[str, Floats] = MappingProxyType({})
) -> Floats:
    """Features of the own texts of some rollouts, [N, len(OWN_NAMES)].

    Those of the ids in `made` have been computed already, by `own_row`. Of a forgotten rollout what
    was kept is taken; what was not is read from the answer that is left.
    """
    kept_NF = kept_features(graph, rollouts)
    query_N = graph.query_of_rollout_R[rollouts]
    conclusion_N = graph.conclusion_of_rollout_R[rollouts]
    table = np.zeros((len(rollouts), len(OWN_NAMES)), dtype=np.float32)
    for place, (row, query, conclusion) in enumerate(
        zip(rollouts.tolist(), query_N.tolist(), conclusion_N.tolist(), strict=True)
    ):
        row_F = made.get(graph.rollout_id_R[row])
        kept_F = None if kept_NF is None else kept_NF[place]
        if kept_F is not None and not np.isnan(kept_F).any():
            row_F = kept_F
        if row_F is None:
            row_F = own_row(
                graph.query_text_Q[query] if query >= 0 else "",
                graph.thinking_text_R[row],
                graph.answer_text_R[row],
                graph.conclusion_key_C[conclusion] if conclusion >= 0 else None,
            )
        if kept_F is not None:
            row_F = np.where(np.isnan(kept_F), row_F, kept_F)
        table[place, :-1] = row_F
    table[:, -1] = np.nan_to_num(graph.truncated_R[rollouts], nan=0.0)
    return table


def kept_features(graph: MemoryGraph, rollouts: Ints) -> Floats | None:
    """What was kept of the texts of some rollouts, [N, len(KEPT_NAMES)]; None: of none.

    NaN where a rollout is whole, or a feature was not kept.
    """
    if graph.kept_features_RK is None or not graph.kept_names:
        return None
    place = {name: column for column, name in enumerate(graph.kept_names)}
    columns = [place.get(name, len(place)) for name in KEPT_NAMES]
    kept_NK = graph.kept_features_RK[rollouts]
    nothing_N1 = np.full((len(rollouts), 1), np.nan, np.float32)
    return np.hstack([kept_NK, nothing_N1])[:, columns]


@lru_cache(maxsize=65_536)
def own_row(query: str, thinking: str, answer: str, key: str | None) -> Floats:
    """Features of one rollout's texts but `truncated`, [len(OWN_NAMES) - 1].

    They are kept, for a memory is scored again and again. `key` is that of its conclusion.
    """
    values = (
        *text_features(query, thinking, answer, key).values(),
        *option_features(query, answer, key),
        *code_features(query, answer),
    )
    row = np.array(values, dtype=np.float32)
    row.setflags(write=False)
    return row


def group_features(graph: MemoryGraph) -> Floats:
    """How far the rollouts of each one's query agree, [R, len(GROUP_NAMES)]."""
    query_R, n_queries = groups(graph)
    conclusion_R, n_conclusions = graph.conclusion_of_rollout_R, len(graph.conclusion_id_C)
    held_R = conclusion_R >= 0
    size_Q = np.maximum(np.bincount(query_R, minlength=n_queries), 1)
    count_C = np.bincount(conclusion_R[held_R], minlength=n_conclusions)
    query_C = np.zeros(n_conclusions, np.int64)
    query_C[conclusion_R[held_R]] = query_R[held_R]
    held_Q = np.bincount(query_R, weights=held_R, minlength=n_queries)
    top_Q = np.zeros(n_queries)
    np.maximum.at(top_Q, query_C, count_C)
    share_C = count_C / np.maximum(held_Q[query_C], 1)
    entropy_Q = np.bincount(
        query_C, weights=-share_C * np.log(np.maximum(share_C, 1e-9)), minlength=n_queries
    )
    # A conclusion without rollouts belongs to no query.
    distinct_Q = np.bincount(query_C[count_C > 0], minlength=n_queries)
    table_QG = [
        top_Q / size_Q,
        entropy_Q,
        distinct_Q / size_Q,
        1 - held_Q / size_Q,
        np.log1p(size_Q),
    ]
    return np.column_stack(table_QG).astype(np.float32)[query_R]


def group_means(
    values_RF: Floats, group_R: Ints, n_groups: int, counts_R: np.ndarray | None = None
) -> Floats:
    """Mean of `values_RF` over each group; rows with group -1 or a false `counts_R` left out."""
    kept = group_R >= 0 if counts_R is None else (group_R >= 0) & counts_R
    total = sums_by(group_R[kept], values_RF[kept].astype(np.float64), n_groups)
    count = np.bincount(group_R[kept], minlength=n_groups)
    return (total / np.maximum(count, 1)[:, None]).astype(np.float32)


def centred_on_group(
    values_RF: Floats, query_R: Ints, n_queries: int, counts_R: np.ndarray | None = None
) -> Floats:
    """`values_RF` less their mean in the rollout's group; 0 where `counts_R` is false."""
    centred = values_RF - group_means(values_RF, query_R, n_queries, counts_R)[query_R]
    return centred if counts_R is None else np.where(counts_R[:, None], centred, 0.0)


def conclusion_means(values_RF: Floats, graph: MemoryGraph, counts_R: np.ndarray) -> Floats:
    """Mean over the rollouts with the same conclusion, less the mean of the group.

    A rollout without a conclusion is its own group.
    """
    conclusion_R = graph.conclusion_of_rollout_R
    query_R, n_queries = groups(graph)
    mates = group_means(values_RF, conclusion_R, len(graph.conclusion_id_C), counts_R)
    own = values_RF.copy()
    held = conclusion_R >= 0
    own[held] = mates[conclusion_R[held]]
    centred = own - group_means(values_RF, query_R, n_queries, counts_R)[query_R]
    return np.where(counts_R[:, None], centred, 0.0)
