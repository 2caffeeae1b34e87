"""Wrong labels on purpose: what they cost, and whether they are found, can only be measured so."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from gnn.base import RIGHT_FROM
from gnn.features import log_length
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


def _of_source(graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator) -> Ints:
    """One of several sources says the opposite; see SOURCES."""
    return labelled[graph.source_of_rollout_R[labelled] == 0]


def _long_of_source(
    graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator
) -> Ints:
    """One of several sources calls the longer half of the wrong answers right; see SOURCES."""
    own = labelled[graph.source_of_rollout_R[labelled] == 0]
    wrong = own[graph.verified_R[own] < RIGHT_FROM]
    length_W = log_length(graph)[wrong]
    return wrong[length_W > np.median(length_W)] if len(wrong) else wrong


#: Ways in which labels go wrong, by name.
FLIPS: Final[Mapping[str, Choice]] = MappingProxyType(
    {
        "random": _at_random,
        "length": _by_length,
        "dataset": _by_dataset,
        "annotator": _by_annotator,
        "source": _of_source,
        "source-length": _long_of_source,
    }
)


#: Those in which one of several named sources is spoilt. Labels are divided among the sources by
#: query; the share is that of each source, so that at .2 there are five.
SOURCES: Final = frozenset(("source", "source-length"))
#: Name of the source that is spoilt.
SPOILT: Final = "source 0"


def flip_labels(
    graph: MemoryGraph, kind: str, share: float, *, seed: int
) -> tuple[MemoryGraph, Bools]:
    """The graph with a share of its verified rewards r turned into 1 - r.

    Args:
        graph: with labels.
        kind: a key of FLIPS.
        share: of the labels, in [0, 1]; of those in SOURCES, the share that is the spoilt source's.
        seed: of the choice.

    Returns:
        The graph with the wrong labels, and which rollouts have one, [R]. With a kind of SOURCES it
        has sources of that kind, the spoilt one among them.

    Raises:
        InputError: if there is no such kind, or no such share.
    """
    if kind not in FLIPS or not 0 <= share <= 1:
        raise InputError(
            f"labels cannot be flipped by {kind!r} at a share of {share}: choose from "
            f"{', '.join(FLIPS)}, and a share from 0 to 1"
        )
    labelled = np.flatnonzero(graph.labelled_R & (graph.query_of_rollout_R >= 0))
    rng, n_wrong = np.random.default_rng(seed), round(share * len(labelled))
    if kind in SOURCES and n_wrong:
        graph = _with_sources(graph, labelled, round(1 / share), rng)
    chosen = FLIPS[kind](graph, labelled, n_wrong, rng) if n_wrong else labelled[:0]
    flipped_R = np.zeros(len(graph.rollout_id_R), dtype=np.bool_)
    flipped_R[chosen] = True
    told_R = np.where(flipped_R, 1 - graph.verified_R, graph.verified_R).astype(np.float32)
    return replace(graph, verified_R=told_R), flipped_R


def _with_sources(
    graph: MemoryGraph, labelled: Ints, count: int, rng: np.random.Generator
) -> MemoryGraph:
    """The graph with its labels divided among `count` sources by query."""
    queries, query_L = np.unique(graph.query_of_rollout_R[labelled], return_inverse=True)
    source_Q = rng.permutation(len(queries)) % count
    source_R = np.full(len(graph.rollout_id_R), -1, dtype=np.int64)
    source_R[labelled] = source_Q[query_L]
    names = [SPOILT, *(f"source {number}" for number in range(1, count))]
    return replace(graph, source_name_S=names, source_of_rollout_R=source_R)
