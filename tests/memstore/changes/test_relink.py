import numpy as np
import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.relink import link, needs_link
from memstore.outbox.deletion import delete_memory
from memstore.reads.full_graph import read_graph
from schema.errors import InputError, UnknownMemoryError


def edges(memory: MemoryUnderTest) -> list[tuple[object, object]]:
    rows = memory.ask(
        "MATCH (q:Query {memory: $memory})-[s:SIMILAR_TO]->(n) "
        "RETURN q.id AS q, n.id AS n, s.generation AS g ORDER BY q, s.rank"
    )
    assert len({row["g"] for row in rows}) <= 1, "edges of two generations are visible"
    return [(row["q"], row["n"]) for row in rows]


def test_every_query_gets_its_nearest_by_cosine(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(30, 1))
    assert memory.link() == 30 * 7
    graph = read_graph(memory.stores, memory.name)
    cosine_QQ = graph.query_embedding_QD @ graph.query_embedding_QD.T
    norm_Q = np.sqrt(np.diag(cosine_QQ))
    cosine_QQ /= norm_Q[:, None] * norm_Q[None, :]
    np.fill_diagonal(cosine_QQ, -np.inf)
    for query in range(30):
        of_query = graph.similar_2E[0] == query
        expected = np.argsort(-cosine_QQ[query])[:7]
        assert set(graph.similar_2E[1, of_query]) == set(expected)
        np.testing.assert_allclose(
            np.sort(graph.similar_score_E[of_query]),
            np.sort(cosine_QQ[query, expected]),
            atol=1e-5,
        )


def test_arrival_in_pieces_and_one_link_equal_arrival_at_once(memory: MemoryUnderTest) -> None:
    rollouts = make_rollouts(24, 2)
    memory.add(rollouts)
    memory.link()
    at_once = edges(memory)
    other = MemoryUnderTest(memory.stores, memory.name + "-pieces")
    try:
        for start in range(0, 48, 10):
            other.add(rollouts[start : start + 10])
        assert needs_link(other.stores, other.name)
        other.link()
        assert not needs_link(other.stores, other.name)
        texts = read_graph(memory.stores, memory.name).query_text_Q
        other_texts = read_graph(other.stores, other.name).query_text_Q
        assert sorted(texts) == sorted(other_texts)
        assert named(at_once, memory) == named(edges(other), other)
    finally:
        delete_memory(other.stores, other.name)


def named(pairs: list[tuple[object, object]], memory: MemoryUnderTest) -> set[tuple[str, str]]:
    graph = read_graph(memory.stores, memory.name)
    text_of = dict(zip(graph.query_id_Q, graph.query_text_Q, strict=True))
    return {(text_of[str(q)], text_of[str(n)]) for q, n in pairs}


def test_a_late_query_is_tied_on_arrival(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(10, 1))
    memory.link()
    before = edges(memory)
    memory.add([make_rollout(50)])
    after = edges(memory)
    assert set(before) < set(after)
    assert len(after) == len(before) + 7


def test_fewer_queries_than_neighbours(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(3, 1))
    assert memory.link() == 3 * 2


def test_bad_arguments(memory: MemoryUnderTest) -> None:
    with pytest.raises(InputError, match="at least 1"):
        link(memory.stores, memory.name, 0)
    with pytest.raises(UnknownMemoryError):
        link(memory.stores, memory.name)
