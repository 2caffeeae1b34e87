"""Wrong labels on purpose: what they cost, and whether they are found, can only be measured so."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from gnn.base import RIGHT_FROM
from gnn.models.baselines import log_length
from schema.errors import InputError
from schema.memory_graph import Bools, Ints, MemoryGraph


class Choice(Protocol):
    """Chooses which labels are to become wrong."""

    def __call__(
        self, graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator
    ) -> Ints:
        """About `count` of the rollouts `labelled`; exactly that many where labels allow it."""
        ...


def _at_random(graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Any of them."""
    return rng.permutation(labelled)[:count]


def _by_length(graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Long answers are called right: any of the longer half of the wrong ones, then the others."""
    wrong = rng.permutation(labelled[graph.verified_R[labelled] < RIGHT_FROM])
    length_W = log_length(graph)[wrong]
    return wrong[np.argsort(length_W <= np.median(length_W), kind="stable")][:count]


def _by_dataset(graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator) -> Ints:
    """All in one dataset drawn by chance; the next is begun where one has too few labels."""
    names = np.array(graph.dataset_Q)[graph.query_of_rollout_R[labelled]]
    return _in_parts(names, labelled, count, rng)


def _by_annotator(graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator) -> Ints:
    """Somebody who labelled some queries, all their rollouts, always says the opposite."""
    return _in_parts(graph.query_of_rollout_R[labelled], labelled, count, rng)


def _in_parts(part_L: np.ndarray, labelled: Ints, count: int, rng: np.random.Generator) -> Ints:
    """`count` of them, part after part in an order drawn by chance."""
    names, number_L = np.unique(part_L, return_inverse=True)
    rank = rng.permutation(len(names))
    mixed = rng.permutation(len(labelled))
    return labelled[mixed[np.argsort(rank[number_L[mixed]], kind="stable")]][:count]


#: Ways in which labels go wrong, by name.
FLIPS: Final[Mapping[str, Choice]] = MappingProxyType(
    {
        "random": _at_random,
        "length": _by_length,
        "dataset": _by_dataset,
        "annotator": _by_annotator,
    }
)


def flip_labels(
    graph: MemoryGraph, kind: str, share: float, *, seed: int
) -> tuple[MemoryGraph, Bools]:
    """The graph with a share of its verified rewards r turned into 1 - r.

    Args:
        graph: with labels.
        kind: a key of FLIPS.
        share: of the labels, in [0, 1].
        seed: of the choice.

    Returns:
        The graph with the wrong labels, and which rollouts have one, [R].

    Raises:
        InputError: if there is no such kind, or no such share.
    """
    if kind not in FLIPS or not 0 <= share <= 1:
        raise InputError(
            f"labels cannot be flipped by {kind!r} at a share of {share}: choose from "
            f"{', '.join(FLIPS)}, and a share from 0 to 1"
        )
    labelled = np.flatnonzero(graph.labelled_R & (graph.query_of_rollout_R >= 0))
    rng = np.random.default_rng(seed)
    chosen = FLIPS[kind](graph, labelled, round(share * len(labelled)), rng)
    flipped_R = np.zeros(len(graph.rollout_id_R), dtype=np.bool_)
    flipped_R[chosen] = True
    told_R = np.where(flipped_R, 1 - graph.verified_R, graph.verified_R).astype(np.float32)
    return replace(graph, verified_R=told_R), flipped_R
