"""HeteroData that the default model reads: the graph, or what some queries' scores depend on."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from gnn.data import HeteroData, hetero_loader
from gnn.models.members.tables import Tables, connected
from schema.graph import (
    ANSWER,
    GENERATED,
    LEADS_TO,
    QUERY,
    THINKING,
    EdgeType,
)
from schema.memory_graph import Ints


def make_batch(tables: Tables, queries: Ints) -> HeteroData:
    """What the scores of the rollouts of some queries depend on, with its inputs.

    Args:
        tables: inputs of the graph.
        queries: rows of queries, each once; they come first among the batch's queries.
    """
    loader = hetero_loader(tables.sampler, QUERY, partial(with_inputs, tables=tables))
    data = loader(torch.from_numpy(queries))
    assert isinstance(data, HeteroData)
    return data


def with_inputs(data: HeteroData, tables: Tables) -> HeteroData:
    """Put a model's inputs on the nodes of a graph, or of a batch of a loader: a PyG transform.

    What says nothing is left out (see `connected`). Verified rewards are among the inputs: of
    neighbour queries, and as evidence of a query's other rollouts; never a rollout's own.

    Args:
        data: its nodes' `n_id` are rows of the tables' graph.
        tables: inputs of that graph.

    Returns:
        HeteroData with, for each `answer`, `x` [R, F], `evidence` [R, E], and to learn from `y` [R]
        where `train_mask` [R] is true; for each `thinking`, `signals` [R, S] and `hidden` [R, H],
        and 1 where they are given in `has_signals` and `has_hidden` [R]; for each `query`, `x`
        [Q, G] and what it shows to its neighbours, `label` [Q, 1] in [-1, 1].
    """
    data = connected(data, tables.query_R, tables.label_Q)
    answers, thinkings, queries = (data[node].n_id.numpy() for node in (ANSWER, THINKING, QUERY))
    reward_R = tables.graph.verified_R[answers]
    known_R = ~np.isnan(reward_R) & ~tables.shown_R[answers]
    data[ANSWER].x = torch.from_numpy(tables.text_RF[answers])
    data[ANSWER].evidence = torch.from_numpy(tables.evidence_RE[answers])
    data[ANSWER].train_mask = torch.from_numpy(known_R)
    data[ANSWER].y = torch.from_numpy(np.where(known_R, reward_R, np.float32(0)))
    data[THINKING].signals = torch.from_numpy(tables.signals_RS[thinkings])
    data[THINKING].hidden = torch.from_numpy(tables.hidden_RH[thinkings])
    data[THINKING].has_signals = torch.from_numpy(tables.has_signals_R[thinkings])
    data[THINKING].has_hidden = torch.from_numpy(tables.has_hidden_R[thinkings])
    data[QUERY].x = torch.from_numpy(tables.query_QG[queries])
    label_Q = np.nan_to_num(2 * tables.label_Q[queries] - 1)
    data[QUERY].label = torch.from_numpy(label_Q[:, None].astype(np.float32))
    return data


def rollouts_of(data: HeteroData) -> Ints:
    """Rows of the graph of the answers."""
    return data[ANSWER].n_id.cpu().numpy()


def thinking_of_answer(data: HeteroData) -> Tensor:
    """Row of the thinking that leads to each answer, [R]."""
    return _sender_of(data, LEADS_TO)


def query_of_thinking(data: HeteroData) -> Tensor:
    """Row of the query that generated each thinking, [R]."""
    return _sender_of(data, GENERATED)


def _sender_of(data: HeteroData, edge: EdgeType) -> Tensor:
    sender, receiver = data[edge].edge_index
    return sender.new_empty(data[edge[2]].num_nodes or 0).scatter_(0, receiver, sender)
