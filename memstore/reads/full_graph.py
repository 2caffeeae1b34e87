"""A memory as arrays: structure and texts from Neo4j, embeddings and numbers from Postgres."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from memstore.db import GraphTransaction, MemoryState, SqlSession, Stores, get_memory
from memstore.reads.consistent_read import read_consistently
from memstore.reads.said import SaidRows
from schema import tables
from schema.errors import StoreError, UnknownMemoryError
from schema.graph import ANSWER, CONCLUSION, POLICY, QUERY, SIMILAR, SOURCE, STORED_EDGES, THINKING
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.rollout import POLICY_SIGNALS

#: Column of the table of rollouts to the field of MemoryGraph that holds its numbers.
_ROLLOUT_FIELDS: Final = {
    "thinking_embedding": "thinking_embedding_RD",
    "answer_embedding": "answer_embedding_RD",
    "completion_tokens": "completion_tokens_R",
    "answer_given": "answer_given_R",
    "truncated": "truncated_R",
    "policy_signals": "policy_signals_R6",
    "thinking_characters": "thinking_characters_R",
    "kept_features": "kept_features_RK",
}


@dataclass(frozen=True, kw_only=True)
class _Structure:
    """What Neo4j holds at one sequence number, rows in order of id."""

    seq: int
    queries: list[list[Any]]
    thinkings: list[list[Any]]
    answers: list[list[Any]]
    conclusions: list[list[Any]]
    policies: list[list[Any]]
    sources: list[list[Any]]
    #: Ids of both ends, the sequence number and, of similarity edges, the cosine; by name.
    edges: dict[str, list[list[Any]]]


def read_graph(stores: Stores, memory: str) -> MemoryGraph:
    """Read a memory at the last published sequence number.

    An edge that was removed or drawn by hand in Neo4j is gone from or present in the result.

    Raises:
        UnknownMemoryError: if there is no such memory.
        StoreError: if a node of Neo4j has no embedding in Postgres.
    """
    return read_consistently(stores, memory, lambda: _read_graph(stores, memory))


def _read_graph(stores: Stores, memory: str) -> MemoryGraph:
    state, structure = _whole_structure(stores, memory)
    index = {
        QUERY: _index(structure.queries),
        THINKING: _index(structure.thinkings),
        ANSWER: _index(structure.answers),
        CONCLUSION: _index(structure.conclusions),
        POLICY: _index(structure.policies),
        SOURCE: _index(structure.sources),
    }
    if index[ANSWER].keys() != index[THINKING].keys():
        raise StoreError(
            f"memory {memory!r} has Thinking and Answer nodes that do not match: "
            "nodes were removed by hand; ingest the rollouts again into a new memory"
        )
    columns = _read_columns(stores, state, structure.seq, index)
    edges: dict[str, Any] = {
        spec.array: _edges(structure.edges[name], *(index[node] for node in spec.ends))
        for name, spec in STORED_EDGES.items()
    }
    score_E = _scores(
        structure.edges[SIMILAR[1]], edges["similar_2E"], columns["query_embedding_QD"]
    )
    return MemoryGraph(
        memory=memory,
        seq=structure.seq,
        encoder=state.encoder,
        query_id_Q=[row[0] for row in structure.queries],
        query_text_Q=[row[1] for row in structure.queries],
        dataset_Q=[row[2] for row in structure.queries],
        domain_Q=[row[3] for row in structure.queries],
        rollout_id_R=[row[0] for row in structure.answers],
        thinking_text_R=[row[1] for row in structure.thinkings],
        answer_text_R=[row[1] for row in structure.answers],
        policy_R=[row[2] or "" for row in structure.answers],
        step_R=np.asarray([row[3] for row in structure.answers], np.int64),
        conclusion_id_C=[row[0] for row in structure.conclusions],
        conclusion_key_C=[row[1] for row in structure.conclusions],
        policy_name_U=[row[0] for row in structure.policies],
        source_name_S=[row[0] for row in structure.sources],
        kept_names=state.feature_names,
        similar_score_E=score_E,
        **columns,
        **edges,
    )


def _read_columns(
    stores: Stores, state: MemoryState, seq: int, index: dict[str, dict[str, int]]
) -> dict[str, Any]:
    """What Postgres holds of the nodes in `index`, by field of MemoryGraph."""
    memory, queries, rollouts = state.name, index[QUERY], index[ANSWER]
    said = SaidRows()
    with stores.vectors.transaction("reads.sql") as session:
        said.read(session, memory, seq)
        return {
            "query_embedding_QD": _query_embeddings(session, memory, seq, queries),
            **_rollout_columns(session, state, seq, rollouts),
            "policy_embedding_RP": _policy_embeddings(session, memory, seq, rollouts),
            **said.arrays(rollouts, index[SOURCE]),
        }


def _whole_structure(stores: Stores, memory: str) -> tuple[MemoryState, _Structure]:
    """Everything up to the last batch that Postgres knows to be published, and nothing later.

    Neo4j shows a commit before all of it is visible; Postgres is told after that. Edges of a
    generation go once Postgres knows the next one, so it is asked again afterwards.
    """
    while True:
        state = get_memory(stores, memory)
        structure = stores.graph.read("reads.cypher", lambda tx, s=state: _read_structure(tx, s))
        after = get_memory(stores, memory)
        if (after.incarnation, after.published_generation) == (
            state.incarnation,
            state.published_generation,
        ):
            return state, structure


def _read_structure(tx: GraphTransaction, state: MemoryState) -> _Structure:
    memory, seq = state.name, state.published_seq
    if seq == 0:
        raise UnknownMemoryError(
            f"nothing of memory {memory!r} is published yet: run `memreward ingest` again"
        )
    where = tx.rows("memory", memory=memory)
    if not where or where[0][0] < seq:
        raise StoreError(
            f"Neo4j does not hold memory {memory!r} up to batch {seq}, which it was told before: "
            "the two databases are from different moments; run "
            "`memreward repair --rebuild-neo4j`, or restore both from one backup"
        )
    bounds: dict[str, Any] = {"memory": memory, "seq": seq}
    return _Structure(
        seq=seq,
        queries=sorted(tx.rows("queries", **bounds)),
        thinkings=sorted(tx.rows("thinkings", **bounds)),
        answers=sorted(tx.rows("answers", **bounds), key=lambda row: row[0]),
        conclusions=sorted(tx.rows("conclusions", **bounds)),
        policies=sorted(tx.rows("policies", **bounds)),
        sources=sorted(tx.rows("sources", **bounds)),
        edges=_read_edges(tx.of("edges.cypher"), state),
    )


def _read_edges(tx: GraphTransaction, state: MemoryState) -> dict[str, list[list[Any]]]:
    bounds: dict[str, Any] = {"memory": state.name, "seq": state.published_seq}
    found: dict[str, list[list[Any]]] = {}
    for name in STORED_EDGES:
        generation = {"generation": state.published_generation} if name == SIMILAR[1] else {}
        rows = tx.rows(name, **bounds, **generation)
        found[name] = sorted(rows, key=lambda row: row[:2])
    return found


def _index(rows: list[list[Any]]) -> dict[str, int]:
    return {row[0]: place for place, row in enumerate(rows)}


def _edges(rows: list[list[Any]], source: dict[str, int], target: dict[str, int]) -> Ints:
    pairs = [(source[row[0]], target[row[1]]) for row in rows]
    return np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T.copy()


def _scores(rows: list[list[Any]], similar_2E: Ints, embedding_QD: Floats) -> Floats:
    """Cosines of the edges; an edge drawn by hand without one gets it from the embeddings."""
    score_E = np.asarray([np.nan if row[-1] is None else row[-1] for row in rows], np.float32)
    missing = np.isnan(score_E)
    source, target = embedding_QD[similar_2E[0, missing]], embedding_QD[similar_2E[1, missing]]
    norms = np.linalg.norm(source, axis=1) * np.linalg.norm(target, axis=1)
    score_E[missing] = (source * target).sum(axis=1) / norms
    return score_E


def _places(ids: list[str], index: dict[str, int], what: str) -> NDArray[np.int64]:
    """Position in `index` of each id, -1 for ids that Neo4j does not hold.

    Raises:
        StoreError: if an id of `index` is not among `ids`.
    """
    missing = index.keys() - set(ids)
    if missing:
        raise StoreError(
            f"{len(missing)} {what} of Neo4j have no embedding in Postgres, {min(missing)} among "
            "them: the two databases are from different moments; restore both from one backup"
        )
    return np.fromiter((index.get(id_, -1) for id_ in ids), dtype=np.int64, count=len(ids))


def _query_embeddings(session: SqlSession, memory: str, seq: int, index: dict[str, int]) -> Floats:
    ids, embedding_ND = session.embeddings("query_embeddings", memory=memory, seq=seq)
    places_N = _places(ids, index, "queries")
    return _placed(embedding_ND, places_N, len(index))


def _placed(values_N: NDArray[np.float32], places_N: Ints, count: int) -> Floats:
    """Rows put where `places_N` says; NaN where nothing is put."""
    placed = np.full((count, *values_N.shape[1:]), np.nan, dtype=np.float32)
    held = places_N >= 0
    placed[places_N[held]] = values_N[held]
    return placed


def _rollout_columns(
    session: SqlSession, state: MemoryState, seq: int, index: dict[str, int]
) -> dict[str, Floats]:
    """Embeddings and numbers of rollouts, by field of MemoryGraph; NaN where one is not given.

    The embeddings of forgotten rollouts are zeros.
    """
    nothing: dict[str, Any] = {
        "policy_signals": (np.nan,) * len(POLICY_SIGNALS),
        "kept_features": (np.nan,) * len(state.feature_names),
        "thinking_embedding": np.zeros(state.dimension, np.float32),
        "answer_embedding": np.zeros(state.dimension, np.float32),
    }
    columns = [tables.ROLLOUT.column(name) for name in ("id", *_ROLLOUT_FIELDS)]
    page = session.of_table(tables.ROLLOUT, columns).rows("up_to", memory=state.name, seq=seq)
    values_of = {c.name: [row[place] for row in page] for place, c in enumerate(columns)}
    places_N = _places(values_of["id"], index, "rollouts")
    found: dict[str, Floats] = {}
    for name, array in _ROLLOUT_FIELDS.items():
        missing = nothing.get(name, np.nan)
        filled = [missing if value is None else value for value in values_of[name]]
        found[array] = _placed(np.asarray(filled, dtype=np.float32), places_N, len(index))
    return found


def _policy_embeddings(session: SqlSession, memory: str, seq: int, index: dict[str, int]) -> Floats:
    """[R, P] of the stamp that most rollouts carry; others count as not given."""
    stamp = session.row("policy_embedding_stamp", memory=memory, seq=seq)
    if stamp is None:
        return np.zeros((len(index), 0), dtype=np.float32)
    policy, layer, dimension = stamp
    ids, embedding_NP = session.embeddings(
        "policy_embeddings",
        memory=memory,
        seq=seq,
        policy=policy,
        layer=layer,
        dimension=dimension,
    )
    places = np.fromiter((index.get(id_, -1) for id_ in ids), dtype=np.int64, count=len(ids))
    return _placed(embedding_NP, places, len(index))
