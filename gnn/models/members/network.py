"""The network of the default model: one sweep of messages up to the query, and one down."""

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu

from gnn.data import GATv2Conv, HeteroConv, HeteroData
from gnn.models.members.tables import GROUP_COLUMNS, Tables
from schema.graph import (
    ANSWER,
    CONCLUDES,
    CONCLUSION,
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

    @classmethod
    def of(cls, tables: Tables, changes: Mapping[str, Any]) -> Self:
        """For the inputs that `tables` has, with some `changes`."""
        config = cls(
            text=tables.text_RF.shape[1],
            evidence=tables.evidence_RE.shape[1],
            signals=tables.signals_RS.shape[1],
            hidden_state=tables.hidden_RH.shape[1],
        )
        return replace(config, **changes)

    def seeing(self, parts: Collection[str]) -> Self:
        """The network of a member that looks at these parts of the inputs only."""
        return replace(
            self,
            signals=self.signals if "signals" in parts else 0,
            hidden_state=self.hidden_state if "hidden" in parts else 0,
        )


class MemrewardNet(nn.Module):
    """Residual of a linear model, from messages over the typed graph.

    Thinking nodes hold the policy's signals, Answer nodes the features of text and group, Query
    nodes features of the group, and what they show to the queries that chose them as neighbours.
    Each step is a HeteroConv. Up: thinking -> answer; answer -> conclusion, answer -> thinking;
    thinking -> query, labelled neighbour -> query. Down: query -> thinking; thinking -> answer,
    conclusion -> answer. Attention is GATv2 (Brody et al., arXiv 2105.14491); where each node has
    one sender, there is nothing to attend to. A rollout's logit depends on its query's rollouts
    and on that query's labelled neighbours, on nothing else.
    """

    def __init__(self, config: NetConfig) -> None:
        """See the class."""
        super().__init__()
        self.config = config
        width = config.hidden
        self.answer = nn.Sequential(nn.Linear(config.text + config.evidence, width), nn.GELU())
        self.signals = nn.Linear(config.signals + 1, width) if config.signals else None
        self.state = nn.Linear(config.hidden_state + 1, width) if config.hidden_state else None
        self.query = nn.Linear(len(GROUP_COLUMNS), width)
        self.neighbour = nn.Sequential(nn.Linear(len(GROUP_COLUMNS) + 1, width), nn.GELU())
        self.up_to_answers = _step({LEADS_TO: self._hand_on()})
        self.up_from_answers = _step(
            {REV_LEADS_TO: self._hand_on()},
            {CONCLUDES: self._attend()} if config.conclusions else {},
        )
        self.up_to_queries = _step(
            {REV_GENERATED: self._attend()} if config.queries else {},
            {SIMILAR: self._attend(edge_dim=1)} if config.neighbours else {},
        )
        self.down_from_queries = _step({GENERATED: self._hand_on()})
        self.down_to_answers = _step(
            {LEADS_TO: HandOn(nn.Identity())},
            {REV_CONCLUDES: self._attend()} if config.conclusions else {},
            aggr="cat",
        )
        self.norm = nn.LayerNorm(width)
        n_states = 3 if config.conclusions else 2
        self.head = nn.Sequential(
            nn.Linear(n_states * width, width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, 1),
        )
        last = self.head[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def _attend(self, edge_dim: int | None = None) -> GATv2Conv:
        width, heads = self.config.hidden, self.config.heads
        return GATv2Conv(
            (width, width), width // heads, heads=heads, add_self_loops=False, edge_dim=edge_dim
        )

    def _hand_on(self) -> "HandOn":
        return HandOn(nn.Linear(self.config.hidden, self.config.hidden))

    def forward(self, data: HeteroData, given: tuple[Tensor, Tensor]) -> Tensor:
        """Logits to add to the linear model's, [R].

        Args:
            data: see `gnn.models.members.batch.with_inputs`.
            given: 1 where the signals, where the hidden state of a thinking may be used.
        """
        edges, drop = data.edge_index_dict, self.config.dropout
        thinking, answer, query = self._own_states(data, given)
        heard = self.up_to_answers({THINKING: thinking, ANSWER: answer}, edges)
        answer = dropout(self.norm(answer + heard[ANSWER]), drop, self.training)
        conclusion = answer.new_zeros(data[CONCLUSION].num_nodes or 0, self.config.hidden)
        states = {THINKING: thinking, ANSWER: answer, CONCLUSION: conclusion}
        heard = self.up_from_answers(states, edges)
        shown = self.neighbour(torch.cat([data[QUERY].x, data[QUERY].label], dim=1))
        states = {THINKING: thinking + heard[THINKING], QUERY: query, SIMILAR: (shown, query)}
        # Without any edge too: what a query gets must not depend on the others of its batch.
        queries = self.up_to_queries(
            states, edges, edge_attr_dict={SIMILAR: data[SIMILAR].edge_attr}
        )
        query = gelu(query + queries.get(QUERY, 0))
        down = self.down_from_queries({QUERY: query, THINKING: thinking}, edges)
        states = {THINKING: down[THINKING], ANSWER: answer}
        if self.config.conclusions:
            states[CONCLUSION] = gelu(heard[CONCLUSION])
        down = self.down_to_answers(states, edges)
        return self.head(torch.cat([answer, down[ANSWER]], dim=1)).squeeze(1)

    def _own_states(
        self, data: HeteroData, given: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """States of the thinkings, answers and queries before any message."""
        config = self.config
        thinking = data[ANSWER].x.new_zeros(data[THINKING].num_nodes or 0, config.hidden)
        for layer, table, flag in (
            (self.signals, data[THINKING].signals, given[0][:, None]),
            (self.state, data[THINKING].hidden, given[1][:, None]),
        ):
            if layer is not None:
                inputs = dropout(table, config.dropout, self.training)
                thinking = thinking + layer(torch.cat([inputs * flag, flag], dim=1))
        own = torch.cat([data[ANSWER].x, data[ANSWER].evidence], dim=1)
        answer = self.answer(dropout(own, config.dropout / 2, self.training))
        return thinking, answer, self.query(data[QUERY].x)


class HandOn(nn.Module):
    """Messages where a receiver has one sender: its state, changed before it is sent.

    PyG's SAGEConv without root weights says the same; this projects each sender once.
    """

    def __init__(self, change: nn.Module) -> None:
        """See the class."""
        super().__init__()
        self.change = change

    def forward(self, states: tuple[Tensor, Tensor], edge_index: Tensor) -> Tensor:
        """New states of the receivers; without a sender 0."""
        sent, receivers = self.change(states[0]), states[1]
        start = sent.new_zeros(receivers.size(0), sent.size(1))
        return start.index_add(0, edge_index[1], sent.index_select(0, edge_index[0]))


def _step(*convs: Mapping[EdgeType, nn.Module], aggr: str = "sum") -> HeteroConv:
    """Messages that are sent at once."""
    together: dict[EdgeType, Any] = {edge: conv for part in convs for edge, conv in part.items()}
    with warnings.catch_warnings():
        # PyG expects each node type to be updated by each layer; a step updates those at its end.
        warnings.filterwarnings("ignore", message="There exist node types")
        return HeteroConv(together, aggr=aggr)
