"""Mini-batches as HeteroData, by PyG's own NodeLoader: over a snapshot, or a graph in memory."""

from collections.abc import Callable, Iterable

import numpy as np
import torch

from gnn.base import best_device
from gnn.data.pyg import HeteroData, NodeLoader, PrefetchLoader
from gnn.data.sampler import FanOut, HeteroSampler, SnapshotSampler
from gnn.data.snapshot_stores import SnapshotEdges, SnapshotFeatures
from memstore.snapshot import Snapshot
from schema.graph import ANSWER, SIMILAR
from schema.memory_graph import Ints


class Finish:
    """What PyG's stores cannot say: the edges' cosines, which nodes are seeds, whose labels count.

    SIMILAR gets `edge_attr` [E, 1]; the seeds' type gets `seed_mask` [N]. Rewards of answers that
    are not seeds are hidden: `labelled` is false, `y` 0 and `source` -1 there.
    """

    def __init__(self, snapshot: Snapshot, seed_type: str) -> None:
        """See the class."""
        self._snapshot, self._seed_type = snapshot, seed_type

    def __call__(self, data: HeteroData) -> HeteroData:
        """Complete a mini-batch."""
        numbers = data[SIMILAR].e_id.numpy()
        cosine_E = self._snapshot.take("similar.score", numbers)
        data[SIMILAR].edge_attr = torch.from_numpy(cosine_E[:, None])
        seeds = data[self._seed_type]
        mask = torch.arange(seeds.num_nodes) < seeds.batch_size
        seeds.seed_mask = mask
        answers = data[ANSWER]
        shown = mask if self._seed_type == ANSWER else torch.zeros_like(answers.labelled)
        answers.labelled = answers.labelled & shown
        answers.source = torch.where(answers.labelled, answers.source, -1)
        answers.y = torch.where(answers.labelled, answers.y, torch.zeros_like(answers.y))
        return data


def hetero_loader(
    sampler: HeteroSampler, node_type: str, transform: Callable[[HeteroData], HeteroData]
) -> NodeLoader:
    """Neighbourhoods in the sampler's data: called with nodes, which come first in the result.

    Args:
        sampler: of a graph in memory.
        node_type: of the nodes, which are given by their rows, each once.
        transform: what is done with each neighbourhood.
    """
    return NodeLoader(
        data=sampler.data, node_sampler=sampler, input_nodes=node_type, transform=transform
    )


def node_loader(
    snapshot: Snapshot,
    seeds: Ints,
    fan_out: FanOut,
    *,
    seed_type: str = ANSWER,
    seq: int | None = None,
    batch_size: int = 512,
    shuffle: bool = False,
    workers: int = 0,
    device: torch.device | None = None,
) -> Iterable[HeteroData]:
    """Mini-batches around `seeds`, which come first in each.

    Args:
        snapshot: of a memory; its rows are the node numbers (`n_id`).
        seeds: rows of nodes of `seed_type`, each once.
        fan_out: see `gnn.data.sampler.FanOut`; -1: every neighbour, which makes the seeds' outputs
            exact.
        seed_type: a node type; labels are shown only of answers that are seeds.
        seq: sample the graph as it was at this batch; None: as it is.
        batch_size: seeds a batch.
        shuffle: in random order, by torch's generator.
        workers: worker processes that sample.
        device: where the batches go; with a GPU through pinned memory, while the last one is used.
            None: a GPU where there is one.
    """
    device = device or best_device()
    loader = NodeLoader(
        data=(SnapshotFeatures(snapshot, seq=seq), SnapshotEdges(snapshot)),
        node_sampler=SnapshotSampler(snapshot, fan_out, seq=seq),
        input_nodes=(seed_type, torch.from_numpy(np.ascontiguousarray(seeds, np.int64))),
        transform=Finish(snapshot, seed_type),
        batch_size=batch_size,
        shuffle=shuffle,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return loader if device.type == "cpu" else PrefetchLoader(loader, device=device)
