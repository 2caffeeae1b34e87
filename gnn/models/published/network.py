"""The network of the MemReward paper: GATv2 over queries, thinkings and answers."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from gnn.data import HeteroConv
from gnn.models.published.attention import Attention, take
from gnn.models.published.neighbourhood import ReceptiveField
from schema.graph import (
    ANSWER,
    GENERATED,
    LEADS_TO,
    QUERY,
    REV_GENERATED,
    REV_LEADS_TO,
    SIMILAR,
    THINKING,
    EdgeType,
)

#: Rounds of messages.
N_LAYERS: Final = 2

NODE_TYPES: Final = (QUERY, THINKING, ANSWER)

#: The paper's edges: those between its node types. Each type is the target of at least one.
EDGE_TYPES: Final[tuple[EdgeType, ...]] = (
    SIMILAR,
    GENERATED,
    REV_GENERATED,
    LEADS_TO,
    REV_LEADS_TO,
)


class PublishedNet(nn.Module):
    """Scores a query and its responses by a scaled dot product after two rounds of messages.

    Source: MemReward (arXiv 2603.19310), section 3, and its published hyperparameters. Each node
    type is projected to 512; two HeteroConv layers of GATv2 (4 heads, dropout .1 on attention),
    mean over edge types, ReLU; query -> 256 and [thinking, answer, features] -> 256, each with
    LayerNorm; logit = q.r / sqrt(256) + bias. The features of the answer come through a network
    of their own (64 wide, ReLU) to 512.

    Args:
        dimension: width D of the text embeddings.
        n_features: width F of the features of an answer.
        hidden: width of the node states.
        scored: width of the space of the dot product.
        heads: attention heads; they divide `hidden`.
        dropout: on the attention coefficients.
    """

    def __init__(
        self,
        dimension: int,
        n_features: int,
        *,
        hidden: int = 512,
        scored: int = 256,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        """See the class."""
        super().__init__()
        self.dimension = dimension
        self.project = nn.ModuleDict({t: nn.Linear(dimension, hidden) for t in NODE_TYPES})
        self.convs = nn.ModuleList(
            HeteroConv(
                {
                    edge_type: Attention(hidden, heads=heads, dropout=dropout)
                    for edge_type in EDGE_TYPES
                },
                aggr="mean",
            )
            for _ in range(N_LAYERS)
        )
        self.describe = nn.Sequential(nn.Linear(n_features, 64), nn.ReLU(), nn.Linear(64, hidden))
        self.query_head = nn.Sequential(nn.Linear(hidden, scored), nn.LayerNorm(scored))
        self.response_head = nn.Sequential(nn.Linear(3 * hidden, scored), nn.LayerNorm(scored))
        self.bias = nn.Parameter(torch.zeros(()))
        self.scale = scored**-0.5

    def forward(
        self,
        inputs: Mapping[str, Tensor],
        features_RF: Tensor,
        field: ReceptiveField,
        triples: Mapping[str, Tensor],
    ) -> Tensor:
        """Logits of some rollouts.

        Args:
            inputs: node type to text embeddings of `field.inputs`, [N, D].
            features_RF: features of the rollouts' answers.
            field: the rollouts' receptive field.
            triples: node type to rows among `field.outputs`: the query, the thinking and the
                answer of each rollout, [R] each.

        Returns:
            Logits, [R].
        """
        hidden = {node_type: self.project[node_type](x) for node_type, x in inputs.items()}
        for conv, layer in zip(self.convs, field.layers, strict=True):
            messages = conv(layer.pairs(hidden), layer.edge_index)
            hidden = {node_type: torch.relu(state) for node_type, state in messages.items()}
        query_RH = take(self.query_head(hidden[QUERY]), triples[QUERY])
        thinking_RH, answer_RH = (take(hidden[t], triples[t]) for t in (THINKING, ANSWER))
        response_RH = torch.cat([thinking_RH, answer_RH, self.describe(features_RF)], dim=1)
        response_RH = self.response_head(response_RH)
        return (query_RH * response_RH).sum(dim=1) * self.scale + self.bias
