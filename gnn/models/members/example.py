"""Queries to learn from, with what is known of their rollouts."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from gnn.data import HeteroData
from gnn.models.members.batch import make_batch, rollouts_of
from gnn.models.members.losses import to_pairs
from gnn.models.members.preferences import Preferred, preferred_among
from gnn.models.members.tables import Tables
from schema.graph import ANSWER
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class Example:
    """A batch with what is known of it."""

    data: HeteroData
    #: Rows of its answers whose reward is known and not shown.
    labelled: Tensor
    reward_L: Tensor
    #: Pairs of labelled rows of different reward: better, worse.
    pairs: Tensor
    preferred: Preferred

    def to(self, device: torch.device) -> Self:
        """The same on `device`."""
        preferred = self.preferred
        return type(self)(
            data=self.data.to(device),
            labelled=self.labelled.to(device),
            reward_L=self.reward_L.to(device),
            pairs=self.pairs.to(device),
            preferred=Preferred(
                rows=preferred.rows.to(device), weight_P=preferred.weight_P.to(device)
            ),
        )


def make_example(tables: Tables, queries: Ints) -> Example:
    """The batch of `queries`, with the rewards that are not shown, and preferences."""
    data = make_batch(tables, np.sort(queries))
    rollouts = rollouts_of(data)
    labelled = data[ANSWER].train_mask.nonzero().squeeze(1)
    reward_L = data[ANSWER].y[labelled]
    query_L = tables.query_R[rollouts[labelled.numpy()]]
    return Example(
        data=data,
        labelled=labelled,
        reward_L=reward_L,
        pairs=to_pairs(query_L, reward_L.numpy()),
        preferred=preferred_among(rollouts, tables.graph),
    )
