"""Standardised inputs of a whole graph, as arrays: what is put on the nodes of HeteroData."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import torch

from gnn.data import HeteroData, HeteroSampler, to_hetero
from gnn.features import GROUP_NAMES, TEXT_NAMES, group_means
from schema.graph import (
    ANSWER,
    CONCLUDES,
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
GROUP_COLUMNS: Final = (*GROUP_NAMES, "log_query")
#: Neighbours a step, from queries on: all that the scores of their rollouts depend on. First the
#: group's thinkings and the neighbour queries; from the thinkings their answers and the way down;
#: then what leads to the answers, and at last what else leads to their conclusions.
FAN_OUT: Final[Mapping[EdgeType, tuple[int, ...]]] = {
    REV_GENERATED: (-1, 0, 0, 0),
    SIMILAR: (-1, 0, 0, 0),
    GENERATED: (0, -1, 0, 0),
    REV_LEADS_TO: (0, -1, 0, 0),
    LEADS_TO: (0, 0, -1, 0),
    REV_CONCLUDES: (0, 0, -1, 0),
    CONCLUDES: (0, 0, 0, -1),
}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Inputs of all nodes of a graph, from whose structure neighbourhoods are sampled."""

    graph: MemoryGraph
    #: Of the graph's structure as HeteroData, `connected`.
    sampler: HeteroSampler
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

    def with_labels(self, label_Q: Floats) -> Self:
        """The same where queries show other labels to their neighbours."""
        return replace(self, label_Q=label_Q, sampler=sampler_of(self.graph, self.query_R, label_Q))


def sampler_of(graph: MemoryGraph, query_R: Ints, label_Q: Floats) -> HeteroSampler:
    """Samples what the scores of queries' rollouts depend on; see `connected`."""
    return HeteroSampler(connected(to_hetero(graph), query_R, label_Q), FAN_OUT)


def connected(data: HeteroData, query_R: Ints, label_Q: Floats) -> HeteroData:
    """The graph without what says nothing to a score.

    That is rollouts which were cut off from their query, and SIMILAR edges from queries that show
    no label, or would show it to themselves.

    Args:
        data: a graph, or a part of it; its nodes' `n_id` are rows of the arrays.
        query_R: query of each rollout, -1 without.
        label_Q: what each query shows; NaN: nothing.
    """
    whole_R = torch.from_numpy(query_R >= 0)
    kept = {node: whole_R[data[node].n_id] for node in (THINKING, ANSWER)}
    if not all(bool(mask.all()) for mask in kept.values()):
        data = data.subgraph(kept)
    sender, receiver = data[SIMILAR].edge_index
    shows_Q = torch.from_numpy(~np.isnan(label_Q))[data[QUERY].n_id]
    heard_E = shows_Q[sender] & (sender != receiver)
    data[SIMILAR].edge_index = data[SIMILAR].edge_index[:, heard_E]
    data[SIMILAR].edge_attr = data[SIMILAR].edge_attr[heard_E]
    return data


def label_means(graph: MemoryGraph, query_R: Ints) -> Floats:
    """Mean verified reward of each query's labelled rollouts, NaN without any, [Q]."""
    labelled_R = graph.labelled_R & (query_R >= 0)
    n_queries = len(graph.query_id_Q)
    total = np.bincount(
        query_R[labelled_R], weights=graph.verified_R[labelled_R], minlength=n_queries
    )
    count = np.bincount(query_R[labelled_R], minlength=n_queries)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def query_table(text_RF: Floats, query_R: Ints, n_queries: int) -> Floats:
    """Group columns of each query, [Q, G]."""
    columns = [TEXT_NAMES.index(name) for name in GROUP_COLUMNS]
    return group_means(text_RF[:, columns], query_R, n_queries)
