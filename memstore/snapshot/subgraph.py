"""A small graph cut out of a snapshot: all that the scores of some queries' rollouts depend on.

The cost depends on the neighbourhood, never on the size of the memory: every array is read at the
rows that are wanted and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from memstore.snapshot.files import EDGES, NODES, NUMBERS_OF_ROLLOUT, ROLLOUT
from memstore.snapshot.snapshot import Snapshot
from schema.graph import (
    CONCLUSION,
    GENERATED,
    LEADS_TO,
    POLICY,
    QUERY,
    SIMILAR,
    SOURCE,
    STORED_EDGES,
)
from schema.memory_graph import Bools, Ints, MemoryGraph
from schema.score import Reach
from schema.tables import NUMBERS


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Part of a snapshot as a graph of its own."""

    graph: MemoryGraph
    #: Rows of the snapshot of the graph's queries and rollouts, ascending.
    query_rows: Ints
    rollout_rows: Ints

    def rows_of(self, queries: Ints) -> Ints:
        """Rows in `graph` of queries of the snapshot, all of which it holds."""
        return np.searchsorted(self.query_rows, queries)


def cut(snapshot: Snapshot, queries: Ints, reach: Reach) -> Cut:
    """The part of `snapshot` on which scores of the rollouts of `queries` depend.

    Args:
        snapshot: of a memory.
        queries: rows of queries, in any order.
        reach: how far the model looks.
    """
    wanted, similar = _neighbourhood(snapshot, np.unique(queries), reach)
    rows = _rows(snapshot, wanted, similar, every=False)
    return _cut_of(snapshot, rows, text_embeddings=reach.text_embeddings)


def whole(snapshot: Snapshot) -> Cut:
    """All of a snapshot as a graph in memory."""
    everything = np.arange(snapshot.count(QUERY))
    similar = np.arange(snapshot.n_edges(SIMILAR[1]))
    rows = _rows(snapshot, everything, similar, every=True)
    return _cut_of(snapshot, rows, text_embeddings=True)


def rollouts_of(snapshot: Snapshot, queries: Ints) -> tuple[Ints, Ints]:
    """Rollouts along GENERATED and LEADS_TO, and the place in `queries` that each belongs to."""
    generated, place_T = snapshot.edges_from(GENERATED[1], queries)
    _, thinking = snapshot.ends(GENERATED[1], generated)
    leads_to, place_A = snapshot.edges_from(LEADS_TO[1], thinking)
    _, answer = snapshot.ends(LEADS_TO[1], leads_to)
    return answer, place_T[place_A]


def queries_of(snapshot: Snapshot, rollouts: Ints) -> Ints:
    """Queries that lead to some rollouts, ascending."""
    leads_to, _ = snapshot.edges_to(LEADS_TO[1], rollouts)
    thinking, _ = snapshot.ends(LEADS_TO[1], leads_to)
    generated, _ = snapshot.edges_to(GENERATED[1], thinking)
    return np.unique(snapshot.ends(GENERATED[1], generated)[0])


def labelled(snapshot: Snapshot, queries: Ints) -> Bools:
    """Whether a rollout of each query is verified, [Q]."""
    rollouts, place = rollouts_of(snapshot, queries)
    found = np.zeros(len(queries), dtype=np.bool_)
    found[place[~np.isnan(snapshot.verified(rollouts))]] = True
    return found


def _neighbourhood(snapshot: Snapshot, queries: Ints, reach: Reach) -> tuple[Ints, Ints]:
    """Rows of the queries that count, ascending, and numbers of the edges between them."""
    wanted, frontier = queries, queries
    edges: list[Ints] = [np.zeros(0, np.int64)]
    for _ in range(reach.hops):
        chosen, _ = snapshot.edges_from(SIMILAR[1], frontier)
        _, neighbour = snapshot.ends(SIMILAR[1], chosen)
        if reach.labelled_only:
            distinct, place = np.unique(neighbour, return_inverse=True)
            shown = labelled(snapshot, distinct)[place]
            chosen, neighbour = chosen[shown], neighbour[shown]
        edges.append(chosen)
        frontier = np.setdiff1d(neighbour, wanted)
        wanted = np.union1d(wanted, frontier)
    return wanted, np.sort(np.concatenate(edges))


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of a snapshot that a graph of its own gets, each array ascending."""

    #: By node type of the snapshot.
    nodes: Mapping[str, Ints]
    #: Numbers of edges by name; all of their ends are among the nodes.
    edges: Mapping[str, Ints]


def _rows(snapshot: Snapshot, wanted: Ints, similar: Ints, *, every: bool) -> _Rows:
    """The queries `wanted` with their rollouts, what these lead to, and the edges `similar`.

    With `every`, rollouts that no query leads to and conclusions that no answer reaches are in it.
    """
    rollouts = np.arange(snapshot.count(ROLLOUT))
    if not every:
        thinkings = snapshot.ends(GENERATED[1], snapshot.edges_from(GENERATED[1], wanted)[0])[1]
        rollouts = np.union1d(thinkings, rollouts_of(snapshot, wanted)[0])
    leads_to = np.sort(snapshot.edges_to(LEADS_TO[1], rollouts)[0])
    rollouts = np.union1d(rollouts, snapshot.ends(LEADS_TO[1], leads_to)[0])
    generated = np.sort(snapshot.edges_to(GENERATED[1], rollouts)[0])
    queries = np.union1d(wanted, snapshot.ends(GENERATED[1], generated)[0])
    nodes = {QUERY: queries, ROLLOUT: rollouts}
    edges = {SIMILAR[1]: similar, GENERATED[1]: generated, LEADS_TO[1]: leads_to}
    for name, (start, end) in EDGES.items():
        if name in edges:
            continue
        # Other edges tie rollouts to nodes such as conclusions and policies, which come along, or
        # are kept between queries and rollouts that are there.
        is_there = start in (QUERY, ROLLOUT)
        found = (
            snapshot.edges_from(name, nodes[start])
            if is_there
            else snapshot.edges_to(name, nodes[end])
        )
        numbers = np.sort(found[0])
        other, reached = (
            (end if is_there else start),
            snapshot.ends(name, numbers)[1 if is_there else 0],
        )
        if other in (QUERY, ROLLOUT):
            numbers = numbers[np.isin(reached, nodes[other])]
        else:
            nodes[other] = np.union1d(nodes.get(other, reached), reached)
        edges[name] = numbers
    if every:
        nodes = {node: np.arange(snapshot.count(node)) for node in NODES}
    return _Rows(nodes=nodes, edges=edges)


def _cut_of(snapshot: Snapshot, rows: _Rows, *, text_embeddings: bool) -> Cut:
    graph = _graph(snapshot, rows, text_embeddings=text_embeddings)
    return Cut(graph=graph, query_rows=rows.nodes[QUERY], rollout_rows=rows.nodes[ROLLOUT])


def _graph(snapshot: Snapshot, rows: _Rows, *, text_embeddings: bool) -> MemoryGraph:
    queries, rollouts = rows.nodes[QUERY], rows.nodes[ROLLOUT]
    conclusions, policies = rows.nodes[CONCLUSION], rows.nodes[POLICY]
    numbers_RN = snapshot.take(f"{ROLLOUT}.{NUMBERS}", rollouts)
    numbers = {name: numbers_RN[:, place].copy() for name, place in NUMBERS_OF_ROLLOUT.items()}
    edges: dict[str, Any] = {
        STORED_EDGES[name].array: _renumbered(snapshot, name, rows) for name in EDGES
    }
    said_2W, said_reward_W = snapshot.said(rollouts)
    thinking_embedding_RD, answer_embedding_RD = (
        snapshot.take(column, rollouts)
        if text_embeddings
        else np.zeros((len(rollouts), 0), np.float32)
        for column in (f"{ROLLOUT}.thinking_embedding", f"{ROLLOUT}.embedding")
    )
    return MemoryGraph(
        memory=snapshot.memory,
        seq=snapshot.seq,
        shard_seqs=tuple(snapshot.files.manifest.shards),
        encoder=snapshot.files.manifest.encoder,
        query_id_Q=snapshot.ids(QUERY, queries),
        query_text_Q=snapshot.texts("query.text", queries),
        dataset_Q=snapshot.texts("query.dataset", queries),
        domain_Q=snapshot.texts("query.domain", queries),
        query_embedding_QD=snapshot.take("query.embedding", queries),
        rollout_id_R=snapshot.ids(ROLLOUT, rollouts),
        thinking_text_R=snapshot.texts("answer.thinking_text", rollouts),
        answer_text_R=snapshot.texts("answer.text", rollouts),
        policy_R=snapshot.texts("answer.policy", rollouts),
        step_R=snapshot.take("answer.step", rollouts),
        thinking_embedding_RD=thinking_embedding_RD,
        answer_embedding_RD=answer_embedding_RD,
        completion_tokens_R=numbers["completion_tokens"][:, 0],
        answer_given_R=numbers["answer_given"][:, 0],
        truncated_R=numbers["truncated"][:, 0],
        policy_signals_R6=numbers["policy_signals"],
        policy_embedding_RP=snapshot.take("answer.policy_embedding", rollouts),
        verified_R=snapshot.verified(rollouts),
        source_name_S=snapshot.ids(SOURCE, np.arange(snapshot.count(SOURCE))),
        source_of_rollout_R=snapshot.sources(rollouts),
        said_2W=said_2W,
        said_reward_W=said_reward_W,
        thinking_characters_R=numbers["thinking_characters"][:, 0],
        kept_features_RK=snapshot.take(f"{ROLLOUT}.kept_features", rollouts),
        kept_names=tuple(snapshot.files.manifest.kept_names),
        conclusion_id_C=snapshot.ids(CONCLUSION, conclusions),
        conclusion_key_C=snapshot.texts("conclusion.key", conclusions),
        policy_name_U=snapshot.ids(POLICY, policies),
        similar_score_E=snapshot.take("similar.score", rows.edges[SIMILAR[1]]),
        **edges,
    )


def _renumbered(snapshot: Snapshot, name: str, rows: _Rows) -> Ints:
    """Edges of one type, [2, E], by the rows that their ends have in the graph."""
    ends = snapshot.ends(name, rows.edges[name])
    return np.stack(
        [
            np.searchsorted(rows.nodes[node], end)
            for node, end in zip(EDGES[name], ends, strict=True)
        ]
    )
