"""The published way of rewarding a step, as a rival: the whole graph rebuilt, then one full pass.

Source: the program published with MemReward (arXiv 2603.19310), whose steps these are: cosines of
all pairs of queries, each row sorted, edges appended one by one, HeteroData, and a pass of PyG's
own layers over every node. Favourable to it: embeddings and features are in memory already, no
database is read, and queries are not told apart by domain.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnn.data import GATv2Conv, HeteroConv, HeteroData
from gnn.models.published import EDGE_TYPES, NUMBER_FEATURES, PublishedNet, number_features
from memstore.outbox import DEFAULT_NEIGHBOURS
from schema.graph import (
    ANSWER,
    GENERATED,
    LEADS_TO,
    QUERY,
    REV_GENERATED,
    REV_LEADS_TO,
    SIMILAR,
    THINKING,
)
from schema.memory_graph import MemoryGraph

#: Its widths: of the node states, and of the space of the dot product.
_HIDDEN, _SCORED, _HEADS = 512, 256, 4


def published_net(dimension: int) -> PublishedNet:
    """The network with first weights: what it says does not change what it costs."""
    widths = {"hidden": _HIDDEN, "scored": _SCORED, "heads": _HEADS}
    return PublishedNet(dimension, len(NUMBER_FEATURES), **widths).eval()


@dataclass(frozen=True, kw_only=True)
class PublishedWay:
    """What the published program keeps in memory: embeddings, features, which query is whose."""

    inputs: dict[str, Tensor]
    features_RF: Tensor
    query_R: list[int]
    net: PublishedNet
    #: Its layers as PyG has them, with the weights of `net`.
    convs: list[HeteroConv]

    @classmethod
    def of(cls, graph: MemoryGraph, net: PublishedNet) -> "PublishedWay":
        """From a graph which holds the step's rollouts already; none of it counts as its time."""
        return cls(
            inputs={
                QUERY: torch.from_numpy(graph.query_embedding_QD),
                THINKING: torch.from_numpy(graph.thinking_embedding_RD),
                ANSWER: torch.from_numpy(graph.answer_embedding_RD),
            },
            features_RF=torch.from_numpy(number_features(graph)),
            query_R=graph.query_of_rollout_R.tolist(),
            net=net,
            convs=[_stock(conv) for conv in net.convs],
        )

    def step(self) -> tuple[float, float]:
        """Seconds, and seconds of processor time, to reward a step."""
        began, spent = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            self.rewards(self.graph())
        return time.perf_counter() - began, time.process_time() - spent

    def graph(self) -> HeteroData:
        """The graph, rebuilt."""
        data: Any = HeteroData()
        for node_type, x in self.inputs.items():
            data[node_type].x = x
        generated = [[query, rollout] for rollout, query in enumerate(self.query_R)]
        leads_to = [[rollout, rollout] for rollout in range(len(self.query_R))]
        for edge, reverse, pairs in (
            (GENERATED, REV_GENERATED, generated),
            (LEADS_TO, REV_LEADS_TO, leads_to),
        ):
            data[edge].edge_index = torch.tensor(pairs, dtype=torch.long).t().contiguous()
            data[reverse].edge_index = data[edge].edge_index.flip(0)
        data[SIMILAR].edge_index = (
            torch.tensor(self._similar(), dtype=torch.long).t().contiguous().flip(0)
        )
        return data

    def _similar(self) -> list[list[int]]:
        """A query and one of its nearest others, each."""
        query_QD = self.inputs[QUERY].numpy()
        unit_QD = query_QD / np.linalg.norm(query_QD, axis=1, keepdims=True)
        cosine_QQ = unit_QD @ unit_QD.T
        np.fill_diagonal(cosine_QQ, -1)
        k = min(DEFAULT_NEIGHBOURS, len(cosine_QQ) - 1)
        edges: list[list[int]] = []
        for query, cosine_Q in enumerate(cosine_QQ):
            edges.extend([query, int(near)] for near in np.argsort(cosine_Q)[-k:])
        return edges

    def rewards(self, data: Any) -> Tensor:
        """Logits of all rollouts in a pass over the whole graph, [R]."""
        net = self.net
        hidden = {t: net.project[t](x) for t, x in data.x_dict.items()}
        for conv in self.convs:
            states = conv(hidden, data.edge_index_dict)
            hidden = {node_type: state.relu() for node_type, state in states.items()}
        query_R, rollout_R = data[GENERATED].edge_index
        query_RH = net.query_head(hidden[QUERY][query_R])
        parts = [hidden[THINKING][rollout_R], hidden[ANSWER][rollout_R]]
        parts.append(net.describe(self.features_RF))
        response_RH = net.response_head(torch.cat(parts, dim=1))
        return (query_RH * response_RH).sum(dim=1) * net.scale + net.bias


def _stock(conv: Any) -> HeteroConv:
    """A layer of the published network in PyG's own form: a query is similar to itself."""
    layers: dict[Any, GATv2Conv] = {}
    for edge_type in EDGE_TYPES:
        layer = GATv2Conv(
            _HIDDEN, _HIDDEN // _HEADS, heads=_HEADS, add_self_loops=edge_type == SIMILAR
        )
        layer.load_state_dict(conv.convs[edge_type].state_dict())
        layers[edge_type] = layer
    stock: Any = layers
    return HeteroConv(stock, aggr="mean").eval()
