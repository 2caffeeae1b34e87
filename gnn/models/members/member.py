"""A member of the default model, and the loss that it learns by."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnn.models.members.batch import Batch
from gnn.models.members.example import Example
from gnn.models.members.linear_base import VARIANTS, LinearBase
from gnn.models.members.losses import reward_loss
from gnn.models.members.network import MemrewardNet
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a member is trained."""

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    #: Of the pairwise loss; measured to bring nothing beside the group's features.
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

    def given(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """1 where the signals, where the hidden state of a rollout may be used, [R] each."""
        parts = VARIANTS[self.view]
        return (
            batch.has_signals_R * float("signals" in parts),
            batch.has_hidden_R * float("hidden" in parts),
        )

    def logits(self, batch: Batch, given: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Logits of the batch's rollouts, [R]; `given` withholds more than its view does."""
        given = given or self.given(batch)
        return self.base(batch, given) + self.net(batch, given)


def held_loss(member: Member, held: Example, config: TrainConfig) -> float:
    """Loss on the held-out queries with all their inputs."""
    member.net.eval()
    with torch.no_grad():
        return float(training_loss(member, held, config, member.given(held.batch)))


def training_loss(
    member: Member, example: Example, config: TrainConfig, given: tuple[Tensor, Tensor]
) -> Tensor:
    """Mean over what is known: a reward counts once, a preference with its weight."""
    logit_R = member.logits(example.batch, given)
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


def given_in_training(member: Member, batch: Batch) -> tuple[Tensor, Tensor]:
    """What may be used this time: signals and hidden states are withheld from some groups."""
    query_R = torch.from_numpy(batch.query_R)
    n_queries = batch.x["query"].size(0)
    withheld = member.net.config.drop_signals
    kept_signals_Q = (torch.rand(n_queries) >= withheld).float()
    kept_hidden_Q = (torch.rand(n_queries) >= withheld).float() * kept_signals_Q
    signals_R, hidden_R = member.given(batch)
    return signals_R * kept_signals_Q[query_R], hidden_R * kept_hidden_Q[query_R]


def parts_of(queries: Ints, config: TrainConfig) -> list[Ints]:
    """Equal parts of about `queries_a_batch` queries."""
    return np.array_split(queries, max(1, round(len(queries) / config.queries_a_batch)))
