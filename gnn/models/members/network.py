"""The network of the default model: one sweep of messages up to the query, and one down."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from gnn.data import GATv2Conv
from gnn.models.members.batch import GROUP_COLUMNS, Batch
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
)


@dataclass(frozen=True, kw_only=True)
class NetConfig:
    """Sizes and parts of the network."""

    text: int
    evidence: int
    signals: int
    hidden_state: int
    hidden: int = 48
    heads: int = 4
    dropout: float = 0.3
    #: How often the signals, the hidden states of a query's group are withheld in training.
    drop_signals: float = 0.3
    conclusions: bool = True
    queries: bool = True
    neighbours: bool = True


class MemrewardNet(nn.Module):
    """Residual of a linear model, from messages over the typed graph.

    Thinking nodes hold the policy's signals, Answer nodes the features of text and group, Query
    nodes features of the group. Up: thinking -> answer -> conclusion, answer -> thinking -> query,
    labelled neighbour -> query. Down: conclusion -> answer, query -> thinking -> answer. All
    attention is GATv2 (Brody et al., arXiv 2105.14491). A rollout's logit depends on its query's
    rollouts and on that query's labelled neighbours, on nothing else.
    """

    def __init__(self, config: NetConfig) -> None:
        """See the class."""
        super().__init__()
        self.config = config
        width = config.hidden

        def attend(edge_dim: int | None = None) -> GATv2Conv:
            return GATv2Conv(
                (width, width),
                width // config.heads,
                heads=config.heads,
                add_self_loops=False,
                edge_dim=edge_dim,
            )

        self.answer = nn.Sequential(nn.Linear(config.text + config.evidence, width), nn.GELU())
        self.signals = nn.Linear(config.signals + 1, width) if config.signals else None
        self.state = nn.Linear(config.hidden_state + 1, width) if config.hidden_state else None
        self.query = nn.Linear(len(GROUP_COLUMNS), width)
        self.neighbour = nn.Sequential(nn.Linear(len(GROUP_COLUMNS) + 1, width), nn.GELU())
        self.leads_to = nn.Linear(width, width)
        self.concludes, self.rev_concludes = attend(), attend()
        self.rev_leads_to = nn.Linear(width, width)
        self.rev_generated, self.generated = attend(), nn.Linear(width, width)
        self.similar = attend(edge_dim=1)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(
            nn.Linear(3 * width, width), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(width, 1)
        )
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, batch: Batch, given: tuple[Tensor, Tensor]) -> Tensor:
        """Logits to add to the linear model's, [R].

        Args:
            batch: the rollouts of some queries.
            given: 1 where the signals, where the hidden state may be used, [R] each.
        """
        config, edges = self.config, batch.edge_index
        drop = config.dropout
        thinking_RH = self._thinking(batch, given)
        own_RF = torch.cat([batch.x[ANSWER], batch.x["evidence"]], dim=1)
        answer_RH = self.answer(dropout(own_RF, drop / 2, self.training))
        answer_RH = self.norm(answer_RH + _along(self.leads_to, thinking_RH, edges[LEADS_TO]))
        answer_RH = dropout(answer_RH, drop, self.training)
        query_QH = self.query(batch.x[QUERY])
        if config.queries:
            up_RH = thinking_RH + _along(self.rev_leads_to, answer_RH, edges[REV_LEADS_TO])
            query_QH = query_QH + self.rev_generated((up_RH, query_QH), edges[REV_GENERATED])
        # Without any edge too: what a query gets must not depend on the others of its batch.
        if config.neighbours:
            neighbour_NH = self.neighbour(batch.x["neighbour"])
            query_QH = query_QH + self.similar(
                (neighbour_NH, query_QH), edges[SIMILAR], batch.cosine_E
            )
        query_QH = torch.nn.functional.gelu(query_QH)
        down_RH = self.generated(query_QH)[edges[GENERATED][0]]
        mates_RH = torch.zeros_like(answer_RH)
        if config.conclusions:
            start_CH = answer_RH.new_zeros(batch.n_conclusions, config.hidden)
            conclusion_CH = torch.nn.functional.gelu(
                self.concludes((answer_RH, start_CH), edges[CONCLUDES])
            )
            mates_RH = self.rev_concludes((conclusion_CH, answer_RH), edges[REV_CONCLUDES])
        return self.head(torch.cat([answer_RH, mates_RH, down_RH], dim=1)).squeeze(1)

    def _thinking(self, batch: Batch, given: tuple[Tensor, Tensor]) -> Tensor:
        """States of the Thinking nodes: the policy's own signals where given, [R, H]."""
        state = batch.x[ANSWER].new_zeros(len(batch.rollout_R), self.config.hidden)
        for layer, name, flag_R in (
            (self.signals, "signals", given[0]),
            (self.state, "hidden", given[1]),
        ):
            if layer is not None:
                inputs = dropout(batch.x[name], self.config.dropout, self.training)
                flag = flag_R[:, None]
                state = state + layer(torch.cat([inputs * flag, flag], dim=1))
        return state


def _along(linear: nn.Linear, sender: Tensor, edge_index: Tensor) -> Tensor:
    """Messages over one-to-one edges."""
    return sender.new_zeros(sender.shape).index_add(0, edge_index[1], linear(sender)[edge_index[0]])
