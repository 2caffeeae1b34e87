import numpy as np
import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.reads.full_graph import read_graph
from schema.errors import StoreError
from schema.ids import query_id, rollout_id


def test_everything_comes_back_as_it_went_in(memory: MemoryUnderTest) -> None:
    rollouts = make_rollouts(4, 3)
    memory.add(rollouts, labelled=frozenset({rollouts[0].query}))
    graph = read_graph(memory.stores, memory.name)
    assert graph.seq == 1
    assert graph.query_id_Q == sorted({query_id(memory.name, r.query) for r in rollouts})
    assert len(graph.rollout_id_R) == 12
    for rollout in rollouts:
        id_ = rollout_id(memory.name, "run-1", rollout.source_query_id, 0, rollout.place)
        row = graph.rollout_id_R.index(id_)
        query = graph.query_of_rollout_R[row]
        assert graph.query_text_Q[query] == rollout.query
        assert graph.dataset_Q[query] == rollout.dataset
        assert graph.thinking_text_R[row] == rollout.thinking
        assert graph.answer_text_R[row] == rollout.answer
        np.testing.assert_array_equal(graph.query_embedding_QD[query], rollout.query_embedding)
        np.testing.assert_array_equal(graph.thinking_embedding_RD[row], rollout.thinking_embedding)
        np.testing.assert_array_equal(graph.policy_embedding_RP[row], rollout.policy_embedding)
        assert rollout.policy_signals is not None
        np.testing.assert_allclose(graph.policy_signals_R6[row], rollout.policy_signals)
        labelled = rollout.query == rollouts[0].query
        expected = rollout.reward if labelled else np.nan
        np.testing.assert_equal(float(graph.verified_R[row]), expected)


def test_what_a_rollout_lacks_is_nan(memory: MemoryUnderTest) -> None:
    lacking = dict.fromkeys(
        ("policy_signals", "policy_embedding", "completion_tokens", "truncated", "reward")
    )
    memory.add([make_rollout(1, 0, **lacking), make_rollout(1, 1)])
    graph = read_graph(memory.stores, memory.name)
    row = graph.rollout_id_R.index(rollout_id(memory.name, "run-1", "sum-1", 0, 0))
    assert np.isnan(graph.policy_signals_R6[row]).all()
    assert np.isnan(graph.policy_embedding_RP[row]).all()
    assert np.isnan(graph.completion_tokens_R[row])
    assert np.isnan(graph.truncated_R[row])
    assert list(graph.answer_given_R) == [1.0, 1.0]
    assert np.isnan(graph.verified_R[row])
    assert not np.isnan(graph.policy_embedding_RP[1 - row]).any()


def test_whether_an_answer_was_given_is_kept(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, 0), make_rollout(1, 1, answer_given=False)])
    ids = [rollout_id(memory.name, "run-1", "sum-1", 0, place) for place in range(2)]
    with memory.stores.vectors.transaction("reads.sql") as session:
        session._connection.execute(
            b"UPDATE memreward.rollout SET answer_given = NULL WHERE id = %s", [ids[0]]
        )
    graph = read_graph(memory.stores, memory.name)
    unknown, unmarked = (graph.answer_given_R[graph.rollout_id_R.index(id_)] for id_ in ids)
    assert np.isnan(unknown)
    assert unmarked == 0


def test_edges_changed_by_hand_are_seen(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(12, 1))
    memory.link()
    before = read_graph(memory.stores, memory.name)
    q, n = before.similar_2E[:, 0]
    far = next(i for i in range(12) if i != q and not is_edge(before.similar_2E, q, i))
    ids = before.query_id_Q
    memory.change(
        "MATCH (q:Query {memory: $memory, id: $q})-[s:SIMILAR_TO]->({id: $n}) DELETE s "
        "WITH q MATCH (f:Query {memory: $memory, id: $far}) CREATE (q)-[:SIMILAR_TO]->(f)",
        q=ids[q],
        n=ids[n],
        far=ids[far],
    )
    after = read_graph(memory.stores, memory.name)
    assert not is_edge(after.similar_2E, q, n)
    assert is_edge(after.similar_2E, q, far)
    drawn = (after.similar_2E[0] == q) & (after.similar_2E[1] == far)
    vectors = after.query_embedding_QD
    cosine = vectors[q] @ vectors[far] / np.linalg.norm(vectors[q]) / np.linalg.norm(vectors[far])
    np.testing.assert_allclose(after.similar_score_E[drawn], cosine, atol=1e-5)


def is_edge(similar_2E: np.ndarray, source: int, target: int) -> bool:
    return bool(((similar_2E[0] == source) & (similar_2E[1] == target)).any())


def test_a_cut_path_leaves_the_rollout_without_a_query(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2, 1))
    graph = read_graph(memory.stores, memory.name)
    memory.change(
        "MATCH (:Thinking {memory: $memory, id: $id})-[e:LEADS_TO]->() DELETE e",
        id=graph.rollout_id_R[0],
    )
    assert list(read_graph(memory.stores, memory.name).query_of_rollout_R < 0) == [True, False]


def test_a_node_without_an_embedding_is_an_error(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2, 1))
    memory.change("CREATE (:Query {memory: $memory, id: 'stray', text: 'x', seq: 1})")
    with pytest.raises(StoreError, match="stray"):
        read_graph(memory.stores, memory.name)
