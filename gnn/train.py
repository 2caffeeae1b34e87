"""Training of one member of the default model on one division of the labelled queries."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnn.batch import Batch, Tables, make_batch
from gnn.early_stopping import EarlyStopping
from gnn.layers import MemrewardNet, NetConfig
from gnn.linear_base import VARIANTS, LinearBase
from gnn.losses import reward_loss, to_pairs
from gnn.preferences import Preferred, preferred_among
from schema.memory_graph import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a member is trained."""

    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    #: Of the pairwise loss; measured to bring nothing beside the group's features.
    pair_weight: float = 0.0
    max_epochs: int = 60
    patience: int = 12
    queries_a_batch: int = 128
    #: Different divisions into batches that the epochs take in turn.
    divisions: int = 4


@dataclass(frozen=True, kw_only=True)
class Example:
    """A batch with what is known of it."""

    batch: Batch
    #: Rows of the batch whose reward is known.
    labelled: Tensor
    reward_L: Tensor
    #: Pairs of labelled rows of different reward: better, worse.
    pairs: Tensor
    preferred: Preferred


@dataclass(frozen=True, kw_only=True)
class HeldLogits:
    """Logits of labelled rollouts that a member never learned from."""

    #: Rows of the graph, and their logits.
    rows: Ints
    values: Floats


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


def make_example(tables: Tables, queries: Ints) -> Example:
    """The batch of `queries`, with the rewards of their rollouts and preferences among them."""
    batch = make_batch(tables, np.sort(queries))
    reward_R = tables.graph.verified_R[batch.rollout_R]
    labelled = np.flatnonzero(~np.isnan(reward_R))
    return Example(
        batch=batch,
        labelled=torch.from_numpy(labelled),
        reward_L=torch.from_numpy(reward_R[labelled]),
        pairs=to_pairs(batch.query_R[labelled], reward_R[labelled]),
        preferred=preferred_among(batch.rollout_R, tables.graph),
    )


def train_member(
    tables: Tables,
    train_Q: Ints,
    validation_Q: Ints,
    *,
    view: str,
    net_config: NetConfig,
    config: TrainConfig,
    seed: int,
) -> tuple[Member, HeldLogits, EarlyStopping]:
    """Train on `train_Q`, stop by `validation_Q`.

    Returns:
        The member with its best weights; its logits of the labelled rollouts of `validation_Q`;
        when it stopped.
    """
    rng = np.random.default_rng(seed)
    whole, held = make_example(tables, train_Q), make_example(tables, validation_Q)
    base = LinearBase.fit(
        whole.batch, whole.labelled, whole.reward_L.numpy(), whole.preferred, view=view
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        member = Member(base=base, net=MemrewardNet(net_config), view=view)
        divisions = [
            [make_example(tables, part) for part in _parts(rng.permutation(train_Q), config)]
            for _ in range(config.divisions)
        ]
        stopping = _epochs(member, divisions, held, config)
    member.net.eval()
    with torch.no_grad():
        values = member.logits(held.batch)[held.labelled].numpy()
    rows = held.batch.rollout_R[held.labelled.numpy()]
    return member, HeldLogits(rows=rows, values=values), stopping


def _epochs(
    member: Member, divisions: list[list[Example]], held: Example, config: TrainConfig
) -> EarlyStopping:
    """Train until the held-out loss no longer falls; the best weights stay."""
    net = member.net
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    stopping = EarlyStopping(patience=config.patience)
    stopping.update(_held_loss(member, held, config), net)
    while stopping.epoch <= config.max_epochs and not stopping.should_stop:
        net.train()
        for example in divisions[stopping.epoch % len(divisions)]:
            optimiser.zero_grad()
            _loss(member, example, config, _given_in_training(member, example.batch)).backward()
            optimiser.step()
        stopping.update(_held_loss(member, held, config), net)
    stopping.restore(net)
    return stopping


def _held_loss(member: Member, held: Example, config: TrainConfig) -> float:
    """Loss on the held-out queries with all their inputs."""
    member.net.eval()
    with torch.no_grad():
        return float(_loss(member, held, config, member.given(held.batch)))


def _loss(
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


def _given_in_training(member: Member, batch: Batch) -> tuple[Tensor, Tensor]:
    """What may be used this time: signals and hidden states are withheld from some groups."""
    query_R = torch.from_numpy(batch.query_R)
    n_queries = batch.x["query"].size(0)
    withheld = member.net.config.drop_signals
    kept_signals_Q = (torch.rand(n_queries) >= withheld).float()
    kept_hidden_Q = (torch.rand(n_queries) >= withheld).float() * kept_signals_Q
    signals_R, hidden_R = member.given(batch)
    return signals_R * kept_signals_Q[query_R], hidden_R * kept_hidden_Q[query_R]


def _parts(queries: Ints, config: TrainConfig) -> list[Ints]:
    """Equal parts of about `queries_a_batch` queries."""
    return np.array_split(queries, max(1, round(len(queries) / config.queries_a_batch)))
