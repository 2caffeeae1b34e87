"""Some queries of a graph as tensors: their rollouts, conclusions and labelled neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from gnn.features import group_means
from schema.graph import (
    ANSWER,
    CONCLUDES,
    CONCLUSION,
    EDGE_TYPES,
    GENERATED,
    LEADS_TO,
    QUERY,
    REV_CONCLUDES,
    REV_GENERATED,
    REV_LEADS_TO,
    SIMILAR,
    THINKING,
    EdgeType,
)
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: Features of a whole group, given to its Query node.
GROUP_COLUMNS: Final = (
    "top_share",
    "entropy",
    "distinct",
    "unread_in_group",
    "log_group",
    "log_query",
)

_ROWS: Final = {QUERY: "query", THINKING: "rollout", ANSWER: "rollout", CONCLUSION: "conclusion"}
#: What the ends of a batch's edges are rows of: its queries, rollouts, conclusions, neighbours.
BATCH_ENDS: Final[Mapping[EdgeType, tuple[str, str]]] = {
    triple: ("neighbour" if triple == SIMILAR else _ROWS[triple[0]], _ROWS[triple[2]])
    for triple in EDGE_TYPES
    if {triple[0], triple[2]} <= _ROWS.keys()
}


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What the network needs to score the rollouts of some queries.

    Node types: `answer` and `thinking` [R], `query` [Q], `conclusion` [C], and `neighbour` [N]:
    labelled queries that SIMILAR_TO leads to. Verified rewards are among the inputs: of the
    neighbours, and as evidence of the query's other rollouts; never a rollout's own.
    """

    #: Rows of the graph that the batch's answers stand for.
    rollout_R: Ints
    query_R: Ints
    x: dict[str, Tensor]
    #: 1 where the signals, the hidden state of a rollout are given.
    has_signals_R: Tensor
    has_hidden_R: Tensor
    edge_index: dict[EdgeType, Tensor]
    cosine_E: Tensor
    n_conclusions: int


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Standardised inputs of a whole graph, from which batches are cut."""

    graph: MemoryGraph
    text_RF: Floats
    #: Who said it, who agrees, what was verified on the same query; see gnn.evidence.
    evidence_RE: Floats
    signals_RS: Floats
    hidden_RH: Floats
    has_signals_R: Floats
    has_hidden_R: Floats
    query_QG: Floats
    #: Mean verified reward of each query's labelled rollouts; NaN without any.
    label_Q: Floats
    query_R: Ints
    conclusion_R: Ints
    #: What kind of question each rollout answers; see gnn.features.question_kind.
    kind_R: Ints
    #: Rollouts whose reward is in sight of the others of their query: not to be learned from.
    shown_R: Bools


def label_means(graph: MemoryGraph, query_R: Ints) -> Floats:
    """Mean verified reward of each query's labelled rollouts, NaN without any, [Q]."""
    labelled_R = graph.labelled_R & (query_R >= 0)
    n_queries = len(graph.query_id_Q)
    total = np.bincount(
        query_R[labelled_R], weights=graph.verified_R[labelled_R], minlength=n_queries
    )
    count = np.bincount(query_R[labelled_R], minlength=n_queries)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def query_table(text_RF: Floats, names: tuple[str, ...], query_R: Ints, n_queries: int) -> Floats:
    """Group columns of each query, [Q, G]."""
    columns = [names.index(name) for name in GROUP_COLUMNS]
    return group_means(text_RF[:, columns], query_R, n_queries)


def make_batch(tables: Tables, queries: Ints, *, labels_of_Q: Floats | None = None) -> Batch:
    """The batch of the rollouts of `queries` (rows of the graph).

    Args:
        tables: inputs of the graph.
        queries: ascending rows of queries.
        labels_of_Q: mean labels that neighbours may show; all known ones by default.
    """
    labels_Q = tables.label_Q if labels_of_Q is None else labels_of_Q
    graph = tables.graph
    place_Q = np.full(len(graph.query_id_Q), -1)
    place_Q[queries] = np.arange(len(queries))
    rollouts = np.flatnonzero((tables.query_R >= 0) & (place_Q[tables.query_R] >= 0))
    query_R = place_Q[tables.query_R[rollouts]]
    held = np.flatnonzero(tables.conclusion_R[rollouts] >= 0)
    conclusions, conclusion_E = np.unique(tables.conclusion_R[rollouts[held]], return_inverse=True)
    chose, neighbour = graph.similar_2E
    used_E = (place_Q[chose] >= 0) & ~np.isnan(labels_Q[neighbour])
    neighbours, neighbour_E = np.unique(neighbour[used_E], return_inverse=True)
    rows = np.arange(len(rollouts))
    x_N = np.hstack([tables.query_QG[neighbours], 2 * labels_Q[neighbours, None] - 1])
    return Batch(
        rollout_R=rollouts,
        query_R=query_R,
        x={
            ANSWER: torch.from_numpy(tables.text_RF[rollouts]),
            "evidence": torch.from_numpy(tables.evidence_RE[rollouts]),
            "signals": torch.from_numpy(tables.signals_RS[rollouts]),
            "hidden": torch.from_numpy(tables.hidden_RH[rollouts]),
            QUERY: torch.from_numpy(tables.query_QG[queries]),
            "neighbour": torch.from_numpy(x_N.astype(np.float32)),
        },
        has_signals_R=torch.from_numpy(tables.has_signals_R[rollouts]),
        has_hidden_R=torch.from_numpy(tables.has_hidden_R[rollouts]),
        edge_index={
            LEADS_TO: _edges(rows, rows),
            REV_LEADS_TO: _edges(rows, rows),
            REV_GENERATED: _edges(rows, query_R),
            GENERATED: _edges(query_R, rows),
            CONCLUDES: _edges(held, conclusion_E),
            REV_CONCLUDES: _edges(conclusion_E, held),
            SIMILAR: _edges(neighbour_E, place_Q[chose[used_E]]),
        },
        cosine_E=torch.from_numpy(graph.similar_score_E[used_E][:, None].astype(np.float32)),
        n_conclusions=len(conclusions),
    )


def _edges(source: Ints, target: Ints) -> Tensor:
    return torch.from_numpy(np.stack([source, target]).astype(np.int64))
