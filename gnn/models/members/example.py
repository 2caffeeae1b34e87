"""Queries to learn from, with what is known of their rollouts."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnn.models.members.batch import Batch, Tables, make_batch
from gnn.models.members.losses import to_pairs
from gnn.models.members.preferences import Preferred, preferred_among
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class Example:
    """A batch with what is known of it."""

    batch: Batch
    #: Rows of the batch whose reward is known and not shown.
    labelled: Tensor
    reward_L: Tensor
    #: Pairs of labelled rows of different reward: better, worse.
    pairs: Tensor
    preferred: Preferred


def make_example(tables: Tables, queries: Ints) -> Example:
    """The batch of `queries`, with the rewards that are not shown, and preferences."""
    batch = make_batch(tables, np.sort(queries))
    reward_R = tables.graph.verified_R[batch.rollout_R]
    labelled = np.flatnonzero(~np.isnan(reward_R) & ~tables.shown_R[batch.rollout_R])
    return Example(
        batch=batch,
        labelled=torch.from_numpy(labelled),
        reward_L=torch.from_numpy(reward_R[labelled]),
        pairs=to_pairs(batch.query_R[labelled], reward_R[labelled]),
        preferred=preferred_among(batch.rollout_R, tables.graph),
    )
