"""A member of the default model, and the loss that it learns by."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from gnn.data import HeteroData
from gnn.models.members.batch import query_of_thinking
from gnn.models.members.example import Example
from gnn.models.members.linear_base import VARIANTS, LinearBase
from gnn.models.members.losses import reward_loss
from gnn.models.members.network import MemrewardNet
from schema.graph import QUERY, THINKING
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a member is trained."""

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    #: Of the pairwise loss; measured to bring nothing where the group's features are given.
    pair_weight: float = 0.0
    max_epochs: int = 60
    patience: int = 12
    #: The same where an earlier training is gone on from, whose weights are good already: measured
    #: to cost no quality, and to take a third of the time (docs/performance.md).
    resumed_patience: int = 4
    queries_a_batch: int = 128
    #: Different divisions into batches that the epochs take in turn.
    divisions: int = 4


@dataclass(kw_only=True)
class Member:
    """A linear base and the network that corrects it."""

    base: LinearBase
    net: MemrewardNet
    #: Inputs that it looks at: a key of VARIANTS.
    view: str

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.net.query.weight.device

    def to(self, device: torch.device) -> Self:
        """Itself, moved to `device`."""
        self.base, self.net = self.base.to(device), self.net.to(device)
        return self

    def given(self, data: HeteroData) -> tuple[Tensor, Tensor]:
        """1 where the signals, where the hidden state of a thinking may be used."""
        parts = VARIANTS[self.view]
        return (
            data[THINKING].has_signals * float("signals" in parts),
            data[THINKING].has_hidden * float("hidden" in parts),
        )

    def logits(self, data: HeteroData, given: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logits of the answers, [R]; `given` withholds more than its view does."""
        given = given or self.given(data)
        return self.base(data, given) + self.net(data, given)


def held_loss(member: Member, held: Example, config: TrainConfig) -> float:
    """Loss on the held-out queries with all their inputs."""
    member.net.eval()
    with torch.no_grad():
        return float(training_loss(member, held, config, member.given(held.data)))


def training_loss(
    member: Member, example: Example, config: TrainConfig, given: tuple[Tensor, Tensor]
) -> Tensor:
    """Mean over what is known: a reward counts once, a preference with its weight."""
    logit_R = member.logits(example.data, given)
    n_rewards, preferred = len(example.reward_L), example.preferred
    total = preferred.loss(logit_R)
    if n_rewards:
        loss = reward_loss(
            logit_R[example.labelled],
            example.reward_L,
            example.pairs,
            pair_weight=config.pair_weight,
        )
        if not len(preferred.weight_P):
            return loss
        total = total + n_rewards * loss
    return total / (n_rewards + preferred.weight_P.sum())


def given_in_training(member: Member, data: HeteroData) -> tuple[Tensor, Tensor]:
    """What may be used this time: signals and hidden states are withheld from some groups."""
    query = query_of_thinking(data)
    chance = torch.rand(2, data[QUERY].num_nodes or 0, device=query.device)
    kept = (chance >= member.net.config.drop_signals).float()
    signals, hidden = member.given(data)
    return signals * kept[0, query], hidden * kept.prod(0)[query]


def parts_of(queries: Ints, config: TrainConfig) -> list[Ints]:
    """Equal parts of about `queries_a_batch` queries."""
    return np.array_split(queries, max(1, round(len(queries) / config.queries_a_batch)))
