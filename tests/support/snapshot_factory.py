"""Snapshots made from graphs in memory, without databases."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from memstore.snapshot.files import EDGES, ROLLOUT, Files, SnapshotManifest, Stamp
from memstore.snapshot.snapshot import EdgeRows, NodeRows, Snapshot
from schema.graph import (
    CONCLUDES,
    CONCLUSION,
    GAVE,
    GENERATED,
    LEADS_TO,
    POLICY,
    QUERY,
    SIMILAR,
    SOURCE,
)
from schema.ids import digest
from schema.memory_graph import Ints, MemoryGraph


def with_real_ids(graph: MemoryGraph) -> MemoryGraph:
    """The same graph with ids of the form that memreward gives."""
    return replace(
        graph,
        query_id_Q=[digest("q", id_) for id_ in graph.query_id_Q],
        rollout_id_R=[digest("r", id_) for id_ in graph.rollout_id_R],
        conclusion_id_C=[digest("c", id_) for id_ in graph.conclusion_id_C],
    )


def new_snapshot(home: Path, dimension: int, policy_dimension: int = 0) -> Snapshot:
    """An empty snapshot."""
    stamp = Stamp(policy="p", layer="l", dimension=policy_dimension) if policy_dimension else None
    manifest = SnapshotManifest(
        memory="test",
        incarnation="i",
        encoder="hash",
        dimension=dimension,
        base="base-0",
        stamp=stamp,
        kept_names=[],
        stamps=[],
    )
    (home / manifest.base).mkdir(parents=True)
    return Snapshot(Files(home, manifest, {}))


def add_graph(snapshot: Snapshot, graph: MemoryGraph, queries: Ints, seq: int) -> None:
    """Append some queries of a graph, with all that belongs to them, as one batch.

    Similarity edges come with the query that chose; its neighbour must be there or come too.
    """
    everything = len(queries) == len(graph.query_id_Q)
    rollouts = np.flatnonzero(np.isin(graph.query_of_rollout_R, queries) | everything)
    in_R = np.isin(graph.concludes_2E[0], rollouts)
    conclusions = np.unique(graph.concludes_2E[1, in_R])
    snapshot.add_nodes(
        QUERY,
        NodeRows(
            ids=_some(graph.query_id_Q, queries),
            seq=[seq] * len(queries),
            texts={
                "text": _some(graph.query_text_Q, queries),
                "dataset": _some(graph.dataset_Q, queries),
                "domain": _some(graph.domain_Q, queries),
            },
            numbers={"embedding": graph.query_embedding_QD[queries]},
        ),
    )
    numbers = np.column_stack(
        [
            *(graph.completion_tokens_R, graph.answer_given_R, graph.truncated_R),
            graph.policy_signals_R6,
            np.full(len(graph.rollout_id_R), np.nan, np.float32),
        ]
    )
    snapshot.add_nodes(
        ROLLOUT,
        NodeRows(
            ids=_some(graph.rollout_id_R, rollouts),
            seq=[seq] * len(rollouts),
            texts={
                "thinking_text": _some(graph.thinking_text_R, rollouts),
                "text": _some(graph.answer_text_R, rollouts),
                "policy": _some(graph.policy_R, rollouts),
            },
            numbers={
                "thinking_embedding": graph.thinking_embedding_RD[rollouts],
                "embedding": graph.answer_embedding_RD[rollouts],
                "numbers": numbers[rollouts],
                "policy_embedding": graph.policy_embedding_RP[rollouts],
                "kept_features": np.zeros((len(rollouts), 0), np.float32),
                "step": graph.step_R[rollouts],
            },
        ),
    )
    snapshot.add_nodes(
        CONCLUSION,
        NodeRows(
            ids=_some(graph.conclusion_id_C, conclusions),
            seq=[seq] * len(conclusions),
            texts={"key": _some(graph.conclusion_key_C, conclusions)},
        ),
    )
    policies = np.unique(graph.gave_2E[0, np.isin(graph.gave_2E[1], rollouts)])
    named = _some(graph.policy_name_U, policies)
    new = [name for name in named if snapshot.find(POLICY, [name])[0] < 0]
    snapshot.add_nodes(POLICY, NodeRows(ids=new, seq=[seq] * len(new), texts={"name": new}))
    known = [name for name in graph.source_name_S if snapshot.find(SOURCE, [name])[0] < 0]
    rows = NodeRows(ids=known, seq=[seq] * len(known), texts={"name": known})
    snapshot.add_nodes(SOURCE, rows)
    pairs = {
        GENERATED[1]: graph.generated_2E,
        LEADS_TO[1]: graph.leads_to_2E,
        CONCLUDES[1]: graph.concludes_2E,
        GAVE[1]: graph.gave_2E,
        SIMILAR[1]: graph.similar_2E,
    }
    names = {
        QUERY: graph.query_id_Q,
        ROLLOUT: graph.rollout_id_R,
        CONCLUSION: graph.conclusion_id_C,
        POLICY: graph.policy_name_U,
    }
    for edge, (source, target) in EDGES.items():
        place = 1 if edge == GAVE[1] else 0
        ends = queries if source == QUERY else rollouts
        held = np.flatnonzero(np.isin(pairs[edge][place], ends))
        a, b = pairs[edge][:, held]
        snapshot.add_edges(
            edge,
            EdgeRows(
                source=snapshot.known(source, _some(names[source], a)),
                target=snapshot.known(target, _some(names[target], b)),
                seq=np.full(len(held), seq),
                score=graph.similar_score_E[held] if edge == SIMILAR[1] else None,
            ),
        )
    said = rollouts[graph.labelled_R[rollouts]]
    snapshot.add_verified(
        _some(graph.rollout_id_R, said),
        graph.verified_R[said].tolist(),
        _some(graph.source_name_S, graph.source_of_rollout_R[said]),
        [seq] * len(said),
    )
    said_W = np.isin(graph.said_2W[1], rollouts)
    snapshot.add_said(
        _some(graph.rollout_id_R, graph.said_2W[1, said_W]),
        _some(graph.source_name_S, graph.said_2W[0, said_W]),
        graph.said_reward_W[said_W].tolist(),
    )
    snapshot.take_up()
    snapshot.files.manifest.seq = seq


def snapshot_of(graph: MemoryGraph, home: Path) -> Snapshot:
    """A snapshot of the whole graph, with its edges in a CSR on disk."""
    snapshot = new_snapshot(
        home, graph.query_embedding_QD.shape[1], graph.policy_embedding_RP.shape[1]
    )
    add_graph(snapshot, graph, np.arange(len(graph.query_id_Q)), graph.seq)
    return snapshot.write_csr("csr-1")


def _some(values: list[str], rows: Ints) -> list[str]:
    return [values[row] for row in rows]


def assert_same(a: MemoryGraph, b: MemoryGraph) -> None:
    """Both hold the same, whatever the order of their rows and edges."""
    for graph in (a, b):
        assert graph.rollout_id_R and graph.query_id_Q
    for name in ("query", "rollout", "conclusion"):
        axis = name[0].upper()
        ids = [getattr(g, f"{name}_id_{axis}") for g in (a, b)]
        assert sorted(ids[0]) == sorted(ids[1])
        place = {id_: row for row, id_ in enumerate(ids[0])}
        order = np.array([place[id_] for id_ in ids[1]], dtype=np.int64)
        for f in fields(MemoryGraph):
            value = getattr(a, f.name)
            if (
                f.name.rsplit("_", 1)[-1][0] != axis
                or f.name.startswith("similar")
                or f.name == "source_of_rollout_R"
                or value is None
            ):
                continue
            other = getattr(b, f.name)
            if isinstance(value, list):
                assert [value[row] for row in order] == other, f.name
            else:
                np.testing.assert_array_equal(value[order], other, err_msg=f.name)
    assert sorted(a.source_name_S) == sorted(b.source_name_S)
    assert sorted(a.policy_name_U) == sorted(b.policy_name_U)
    ends = {"generated": "QR", "leads_to": "RR", "concludes": "RC", "similar": "QQ", "gave": "UR"}
    spoke = [dict(zip(g.rollout_id_R, g.source_of_rollout_R, strict=True)) for g in (a, b)]
    names = [{-1: None, **dict(enumerate(g.source_name_S))} for g in (a, b)]
    assert all(names[0][spoke[0][id_]] == names[1][spoke[1][id_]] for id_ in a.rollout_id_R)
    assert _said(a) == _said(b)
    for name, (source, target) in ends.items():
        assert edge_set(a, name, source, target) == edge_set(b, name, source, target), name


def _said(graph: MemoryGraph) -> list[tuple[str, str, float]]:
    words = zip(*graph.said_2W.tolist(), graph.said_reward_W.tolist(), strict=True)
    return sorted((graph.source_name_S[s], graph.rollout_id_R[r], value) for s, r, value in words)


def edge_set(graph: MemoryGraph, name: str, source: str, target: str) -> list[tuple[object, ...]]:
    names = {"Q": graph.query_id_Q, "R": graph.rollout_id_R, "C": graph.conclusion_id_C}
    names["U"] = graph.policy_name_U
    pairs = getattr(graph, f"{name}_2E").T
    scores = graph.similar_score_E if name == "similar" else np.zeros(len(pairs))
    return sorted(
        (names[source][s], names[target][t], float(score))
        for (s, t), score in zip(pairs, scores, strict=True)
    )
