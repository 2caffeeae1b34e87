"""The part of a memory that a local model learns from: labelled rollouts and their neighbours."""

from dataclasses import replace
from typing import Any

import numpy as np

from memstore.db import Stores
from memstore.shards import Shards
from memstore.snapshot.files import ROLLOUT
from memstore.snapshot.snapshot import Snapshot
from memstore.snapshot.subgraph import Cut, cut
from schema.graph import GENERATED, LEADS_TO
from schema.memory_graph import Ints
from schema.score import Reach


def training_cut(
    stores: Stores, snapshot: Snapshot, reach: Reach, shards: Shards | None = None
) -> Cut:
    """The queries of which a rollout is verified or preferred, with all their rollouts.

    What is read grows with what was said, not with the memory.

    Args:
        stores: both databases; of them only the preferences are read, up to the snapshot's number.
        snapshot: of the memory.
        reach: how far the model looks.
        shards: of a memory that is divided.
    """
    places = [(stores, snapshot.memory)]
    if shards is not None:
        places = [(part.stores, part.name) for part in shards.parts]
    seqs = snapshot.files.manifest.shards or [snapshot.seq]
    rows: list[tuple[Any, ...]] = []
    for (where, memory), seq in zip(places, seqs, strict=True):
        with where.vectors.transaction("reads.sql") as session:
            rows += [
                tuple(r[:2]) for r in session.rows("current_preferences", memory=memory, seq=seq)
            ]
    ends = [
        snapshot.find(ROLLOUT, [row[place] for row in rows]) if rows else np.zeros(0, np.int64)
        for place in (0, 1)
    ]
    preferred_2P = np.stack(ends)
    return labelled_cut(snapshot, preferred_2P[:, (preferred_2P >= 0).all(axis=0)], reach)


def labelled_cut(snapshot: Snapshot, preferred_2P: Ints, reach: Reach) -> Cut:
    """The same, with preferences given as rows of the snapshot: better, worse."""
    said = np.union1d(snapshot.labelled_rollouts(), preferred_2P)
    thinking, _ = snapshot.ends(LEADS_TO[1], snapshot.edges_to(LEADS_TO[1], said)[0])
    query, _ = snapshot.ends(GENERATED[1], snapshot.edges_to(GENERATED[1], thinking)[0])
    part = cut(snapshot, query, reach)
    here_P = np.isin(preferred_2P, part.rollout_rows).all(axis=0)
    places_2P = np.searchsorted(part.rollout_rows, preferred_2P[:, here_P])
    return replace(part, graph=replace(part.graph, preferred_2P=places_2P))
