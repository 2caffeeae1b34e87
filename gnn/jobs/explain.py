"""Asking a memory's model why: which labels it contradicts, and what moved a score."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gnn.checkpoints import Manifest, find_checkpoint, load_checkpoint
from gnn.explain import Explanation, Influence, explain, influences
from gnn.jobs.resumable_training import whole_graph
from gnn.labelling import Suspect, contradiction, predict_unseen, suspects
from gnn.models.memreward import MemrewardModel
from gnn.sources import SourceTrust
from memstore import Settings
from memstore.changes import said_of
from memstore.db import Stores
from memstore.reads import as_known, read_graph, source_query_ids
from memstore.shards import Shards
from schema.errors import CheckpointError
from schema.ids import is_prefix, short_length, the_one, whole_name
from schema.memory_graph import MemoryGraph

#: Databases and name of a memory, or of its shards.
_Places = Sequence[tuple[Stores, str]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Somebody who gave verified rewards, and how far the memory is from them."""

    name: str
    labels: int
    #: Mean distance of what it says from what the rest of the memory thinks.
    contradiction: float
    #: What the model found in training: see `gnn.sources.TrustedSource`; None: it did not know it.
    verdict: str | None
    contradicted: float | None
    reliability: float | None


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """The labels that a memory contradicts most."""

    version: str
    suspects: Sequence[Suspect]
    #: Rollout to what each source says of it.
    said: Mapping[str, Mapping[str, float]]
    #: Those with the most evidence against them first, then those that the model did not know.
    sources: Sequence[Source]
    #: So many first digits of an id tell the memory's rollouts apart.
    id_length: int


@dataclass(frozen=True, kw_only=True)
class Why:
    """What moved a score."""

    version: str
    explanation: Explanation
    influences: Sequence[Influence]
    #: The rollout's own verified reward, None without: it goes before any score.
    verified: float | None
    #: Rollout to what each source says of it, of the labelled rollouts that are named.
    said: Mapping[str, Mapping[str, float]]
    #: So many first digits of an id tell the rollouts of the graph apart that it was read from.
    id_length: int


def find_suspects(
    stores: Stores,
    settings: Settings,
    memory: str,
    limit: int,
    version: str | None = None,
    shards: Shards | None = None,
) -> Suspicion:
    """The `limit` verified rewards that a memory contradicts most, and who gave them.

    Args:
        stores: both databases.
        settings: tell where checkpoints and snapshots are.
        memory: its name.
        limit: how many.
        version: which checkpoint; None: the latest.
        shards: of a memory that is divided; `memory` is its first one.

    Raises:
        UnknownMemoryError: if there is no such memory.
        CheckpointError: if it has no fitting model.
    """
    # From the snapshot, which keeps the features of texts: of a large memory they take minutes.
    graph = whole_graph(stores, settings, memory, shards)
    model, manifest = _model(stores, settings, graph, version)
    unseen_R = predict_unseen(model, graph)
    _, known_R = contradiction(graph, unseen_R)
    thought = {graph.rollout_id_R[row]: float(unseen_R[row]) for row in np.flatnonzero(known_R)}
    said = _said(_places(stores, memory, shards), sorted(thought))
    distances: defaultdict[str, list[float]] = defaultdict(list)
    for id_, by_source in said.items():
        for source, value in by_source.items():
            distances[source].append(abs(value - thought[id_]))
    return Suspicion(
        version=manifest.version,
        suspects=suspects(graph, unseen_R, limit),
        said=said,
        sources=_sources(model.trust, distances),
        id_length=short_length(graph.rollout_id_R),
    )


def _places(stores: Stores, memory: str, shards: Shards | None) -> _Places:
    """Of a memory, or of those of its shards that hold rollouts."""
    if shards is None:
        return [(stores, memory)]
    return [(part.stores, part.name) for part in shards.parts if part.state() is not None]


def _said(places: _Places, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """See `said_of`."""
    said: dict[str, dict[str, float]] = {}
    for stores, memory in places:
        said |= said_of(stores, memory, ids)
    return said


def _sources(trust: SourceTrust, distances: Mapping[str, Sequence[float]]) -> list[Source]:
    """Given the distances of all that each says from what the memory thinks."""
    known = [name for name in trust.most_contradicted if name in distances]
    found: list[Source] = []
    for name in (*known, *sorted(distances.keys() - set(known))):
        told = trust.sources.get(name)
        source = Source(
            name=name,
            labels=len(distances[name]),
            contradiction=float(np.mean(distances[name])),
            verdict=None if told is None else str(told.verdict),
            contradicted=None if told is None else told.contradicted,
            reliability=None if told is None else told.reliability,
        )
        found.append(source)
    return found


def explain_rollout(
    stores: Stores,
    settings: Settings,
    memory: str,
    rollout: str,
    *,
    n_influences: int,
    version: str | None = None,
    shards: Shards | None = None,
) -> Why:
    """What moved the score of a rollout, and the labels that act on it through the weights.

    Args:
        stores: both databases.
        settings: tell where checkpoints and snapshots are.
        memory: its name.
        rollout: its id, or the beginning of that.
        n_influences: how many labels that act through the weights are named.
        version: which checkpoint; None: the latest.
        shards: of a memory that is divided; `memory` is its first one.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such rollout.
        CheckpointError: if the memory has no fitting model.
    """
    # Of one memory, what the two databases hold at this moment, edges drawn by hand among it.
    graph = (
        read_graph(stores, memory)
        if shards is None
        else whole_graph(stores, settings, memory, shards)
    )
    model, manifest = _model(stores, settings, graph, version)
    rollout = _whole_id(graph, rollout)
    places = _places(stores, memory, shards)
    explanation = _named_by_owners(places, explain(model, graph, rollout))
    learned = as_known(graph, _moments(stores, manifest, shards))
    found = influences(model, learned, rollout, n_influences)
    return _why_of(places, graph, manifest.version, explanation, found)


def _whole_id(graph: MemoryGraph, rollout: str) -> str:
    """The id that begins with what was given."""
    if not is_prefix(rollout):
        return rollout
    begin_so = [id_ for id_ in graph.rollout_id_R if id_.startswith(rollout)]
    return the_one(rollout, begin_so, whole_name(graph.memory))


def _moments(
    stores: Stores, manifest: Manifest, shards: Shards | None
) -> list[tuple[Stores, str, int]]:
    """The memory, or its shards, each with the batch up to which a model has learned from it.

    Raises:
        CheckpointError: if the checkpoint of a memory that is divided does not say.
    """
    if shards is None:
        return [(stores, manifest.memory, manifest.seq)]
    if len(manifest.shard_seqs) != len(shards.parts):
        raise CheckpointError(
            f"{manifest.version} does not say which batches of the shards it has learned from: "
            f"train a model anew, `memreward train --memory {shards.memory}`"
        )
    found = zip(shards.parts, manifest.shard_seqs, strict=True)
    return [(part.stores, part.name, seq) for part, seq in found]


def why_of(
    stores: Stores,
    graph: MemoryGraph,
    version: str,
    explanation: Explanation,
    influences: Sequence[Influence],
) -> Why:
    """An explanation by the model `version`, with the labels of `graph` and what sources said."""
    return _why_of([(stores, graph.memory)], graph, version, explanation, influences)


def _why_of(
    places: _Places,
    graph: MemoryGraph,
    version: str,
    explanation: Explanation,
    influences: Sequence[Influence],
) -> Why:
    rollout = explanation.rollout_id
    named = {sender.rollout_id for item in explanation.contributions for sender in item.senders}
    named |= {rollout, *(item.rollout_id for item in influences)}
    verified = float(graph.verified_R[graph.rollout_id_R.index(rollout)])
    return Why(
        version=version,
        explanation=explanation,
        influences=influences,
        verified=None if np.isnan(verified) else verified,
        said=_said(places, sorted(named)),
        id_length=short_length(graph.rollout_id_R),
    )


def _named_by_owners(places: _Places, found: Explanation) -> Explanation:
    """With the owners' ids of neighbour queries in place of the memory's."""
    named = {item.query_id for item in found.contributions if item.query_id is not None}
    own: dict[str, str] = {}
    for stores, memory in places:
        own |= source_query_ids(stores, memory, sorted(named))
    contributions = tuple(
        item if item.query_id is None else replace(item, query_id=own[item.query_id])
        for item in found.contributions
    )
    return replace(found, contributions=contributions)


def _model(
    stores: Stores, settings: Settings, graph: MemoryGraph, version: str | None
) -> tuple[MemrewardModel, Manifest]:
    """The default model in its latest or a given checkpoint."""
    folder = find_checkpoint(stores, settings, graph.memory, version, model=MemrewardModel.name)
    model, manifest = load_checkpoint(folder, encoder=graph.encoder)
    assert isinstance(model, MemrewardModel)
    return model, manifest
