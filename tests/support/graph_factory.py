"""Small MemoryGraphs whose right answers can be learnt, for tests of the GNN."""

from dataclasses import replace

import numpy as np

from schema.memory_graph import Bools, Floats, MemoryGraph

DIMENSION = 8
#: Fields of a graph that are no rows.
ONE_FOR_ALL = ("memory", "seq", "shard_seqs", "encoder", "kept_names")


def make_graph(
    n_queries: int = 12,
    group: int = 4,
    *,
    seed: int = 0,
    k: int = 3,
    signals: bool = False,
    policy_dimension: int = 0,
) -> tuple[MemoryGraph, Floats]:
    """A graph without labels, and the true reward of each rollout.

    A rollout is right if a hidden direction of its answer's embedding says so; right rollouts of
    one query agree, wrong ones agree with one another half of the time. Queries alternate between
    the domains math and qa and the datasets d0, d1, d2. The first query has a wrong rollout
    without conclusion.
    """
    rng = np.random.default_rng(seed)
    n_rollouts = n_queries * group
    query_R = np.repeat(np.arange(n_queries), group)
    answer_RD = _unit(rng.normal(size=(n_rollouts, DIMENSION)))
    truth_R = (answer_RD[:, 0] > 0).astype(np.float32)
    keys = [
        "right" if right else f"wrong{rng.integers(2)}-{row % 2}"
        for row, right in enumerate(truth_R)
    ]
    truth_R[0] = 0.0
    named = sorted({(int(q), key) for q, key in zip(query_R[1:], keys[1:], strict=True)})
    place = {name: row for row, name in enumerate(named)}
    concludes = [(row, place[int(query_R[row]), keys[row]]) for row in range(1, n_rollouts)]
    query_QD = _unit(rng.normal(size=(n_queries, DIMENSION)))
    similar_2E, score_E = _nearest(query_QD, k)
    rows = np.arange(n_rollouts)
    graph = MemoryGraph(
        memory="test",
        seq=3,
        encoder="hash",
        query_id_Q=[f"q{q:04}" for q in range(n_queries)],
        query_text_Q=[f"what is {q}?" for q in range(n_queries)],
        dataset_Q=[f"d{q % 3}" for q in range(n_queries)],
        domain_Q=["math" if q % 2 else "qa" for q in range(n_queries)],
        query_embedding_QD=query_QD,
        rollout_id_R=[f"r{row:05}" for row in rows],
        thinking_text_R=["because " * int(rng.integers(1, 9)) for _ in rows],
        answer_text_R=[f"it is {row}" for row in rows],
        policy_R=["policy"] * n_rollouts,
        step_R=np.zeros(n_rollouts, dtype=np.int64),
        policy_name_U=["policy"],
        source_name_S=["file"],
        source_of_rollout_R=np.full(n_rollouts, -1, dtype=np.int64),
        gave_2E=np.stack([np.zeros(n_rollouts, dtype=np.int64), rows]),
        thinking_embedding_RD=_unit(rng.normal(size=(n_rollouts, DIMENSION))),
        answer_embedding_RD=answer_RD,
        completion_tokens_R=rng.integers(5, 200, n_rollouts).astype(np.float32),
        answer_given_R=np.ones(n_rollouts, dtype=np.float32),
        truncated_R=rng.integers(0, 2, n_rollouts).astype(np.float32),
        policy_signals_R6=np.full((n_rollouts, 6), np.nan, dtype=np.float32)
        if not signals
        else rng.normal(size=(n_rollouts, 6)).astype(np.float32),
        policy_embedding_RP=rng.normal(size=(n_rollouts, policy_dimension)).astype(np.float32),
        verified_R=np.full(n_rollouts, np.nan, dtype=np.float32),
        generated_2E=np.stack([query_R, rows]),
        leads_to_2E=np.stack([rows, rows]),
        conclusion_id_C=[f"c{q}-{key}" for q, key in named],
        conclusion_key_C=[key for _, key in named],
        concludes_2E=np.array(concludes, dtype=np.int64).T.reshape(2, -1),
        similar_2E=similar_2E,
        similar_score_E=score_E,
    )
    return graph, truth_R


def labelled(graph: MemoryGraph, truth_R: Floats, share: float = 0.5) -> MemoryGraph:
    """The graph with the rewards of the first `share` of its queries."""
    shown_R = graph.query_of_rollout_R < share * len(graph.query_id_Q)
    return replace(
        graph,
        verified_R=np.where(shown_R, truth_R, np.nan).astype(np.float32),
        source_of_rollout_R=np.where(shown_R, 0, -1),
    )


def without_queries(graph: MemoryGraph, removed_Q: Bools) -> tuple[MemoryGraph, Bools]:
    """The graph before the queries `removed_Q` arrived, and which rollouts it still has."""
    kept_Q = ~removed_Q
    kept_R = kept_Q[graph.query_of_rollout_R]
    new_Q, new_R = np.cumsum(kept_Q) - 1, np.cumsum(kept_R) - 1
    used_C = np.zeros(len(graph.conclusion_id_C), dtype=np.bool_)
    concludes_2E = graph.concludes_2E[:, kept_R[graph.concludes_2E[0]]]
    used_C[concludes_2E[1]] = True
    new_C = np.cumsum(used_C) - 1
    gave_2E = graph.gave_2E[:, kept_R[graph.gave_2E[1]]]
    both_E = kept_Q[graph.similar_2E].all(axis=0)
    changes: dict[str, object] = {
        "generated_2E": np.stack(
            [new_Q[graph.query_of_rollout_R[kept_R]], np.arange(kept_R.sum())]
        ),
        "leads_to_2E": np.tile(np.arange(kept_R.sum()), (2, 1)),
        "concludes_2E": np.stack([new_R[concludes_2E[0]], new_C[concludes_2E[1]]]),
        "gave_2E": np.stack([gave_2E[0], new_R[gave_2E[1]]]),
        "similar_2E": new_Q[graph.similar_2E[:, both_E]],
        "similar_score_E": graph.similar_score_E[both_E],
        "said_2W": np.stack(
            [graph.said_2W[0, said_W := kept_R[graph.said_2W[1]]], new_R[graph.said_2W[1, said_W]]]
        ),
        "said_reward_W": graph.said_reward_W[kept_R[graph.said_2W[1]]],
        "preferred_2P": new_R[graph.preferred_2P[:, kept_R[graph.preferred_2P[0]]]],
    }
    for name, value in vars(graph).items():
        if name in changes or name in ONE_FOR_ALL or value is None:
            continue
        axis = name.rsplit("_", 1)[1]
        if axis in ("U", "S"):
            continue  # Policies and sources stay: others may have to do with them.
        mask = used_C if axis == "C" else kept_Q if axis.startswith("Q") else kept_R
        chosen = np.flatnonzero(mask)
        changes[name] = (
            value[chosen] if isinstance(value, np.ndarray) else [value[i] for i in chosen]
        )
    return replace(graph, **changes), kept_R


def _unit(rows_ND: np.ndarray) -> Floats:
    return (rows_ND / np.linalg.norm(rows_ND, axis=1, keepdims=True)).astype(np.float32)


def _nearest(query_QD: Floats, k: int) -> tuple[np.ndarray, Floats]:
    """The k nearest other queries of each: row 0 the query that chose, row 1 its neighbour."""
    cosine_QQ = query_QD @ query_QD.T
    np.fill_diagonal(cosine_QQ, -2)
    k = min(k, len(query_QD) - 1)
    nearest_QK = np.argsort(-cosine_QQ, axis=1)[:, :k]
    chose_E, neighbour_E = np.repeat(np.arange(len(query_QD)), k), nearest_QK.ravel()
    return np.stack([chose_E, neighbour_E]), cosine_QQ[chose_E, neighbour_E]
