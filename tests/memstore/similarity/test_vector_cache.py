"""Neighbours by the embeddings held in this process are those that Postgres finds."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memreward.bench.data import Mixer
from memstore.changes.run_deletion import delete_run
from memstore.db.stores import get_memory
from memstore.db.vector_store import SqlSession
from memstore.similarity import vector_cache
from memstore.similarity.neighbours import nearest
from memstore.similarity.vector_cache import QueryVectors
from schema.ids import query_id


@pytest.fixture(autouse=True, params=["floats", "codes"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test with the table of small memories, and as if its memory was large."""
    if request.param == "codes":
        monkeypatch.setattr(vector_cache, "CODED_FROM", 0)
        monkeypatch.setattr(vector_cache, "FEW_BATCHES", 0)


def both(
    memory: MemoryUnderTest,
    held: QueryVectors,
    ids: list[str],
    k: int = 7,
    *,
    searched: bool = False,
) -> list[dict[str, object]]:
    """The edges that both ways agree on, to the bit; `searched`: Postgres had to search, too."""
    state = get_memory(memory.stores, memory.name)
    with (
        memory.stores.vectors.transaction("outbox.sql") as session,
        patch.object(SqlSession, "rows", autospec=True, side_effect=SqlSession.rows) as rows,
    ):
        exact = nearest(session, state, ids, k)
        rows.reset_mock()
        found = nearest(session, state, ids, k, held)
    assert found == exact
    assert searched == ("nearest" in [call.args[1] for call in rows.call_args_list])
    return found


def ids_of(memory: MemoryUnderTest, numbers: range) -> list[str]:
    return [query_id(memory.name, f"What is {n} + {n}?") for n in numbers]


def test_real_queries_and_what_arrives_later(memory: MemoryUnderTest) -> None:
    real = [replace(group[0], source_query_id=str(n)) for n, group in enumerate(Mixer.of().queries)]
    held = QueryVectors()
    memory.add(real[:100])
    ids = [query_id(memory.name, rollout.query) for rollout in real]
    assert len(both(memory, held, ids[:100])) == 700
    memory.add(real[100:])
    assert len(both(memory, held, ids)) == 7 * len(ids)
    stored = {
        (row["a"], row["b"]): row["s"]
        for row in memory.ask(
            "MATCH (a:Query {memory: $memory})-[s:SIMILAR_TO]->(b) "
            "RETURN a.id AS a, b.id AS b, s.score AS s"
        )
    }
    # What was accepted first knew of no more; the others were tied by the way that is tested.
    late = {str(edge["query_id"]): edge for edge in both(memory, held, ids[100:])}
    assert all((id_, edge["neighbour_id"]) in stored for id_, edge in late.items())


def test_exact_ties_go_to_the_smaller_id(memory: MemoryUnderTest) -> None:
    """Forty queries with one embedding: more candidates than neighbours."""
    vector = make_rollout(0).query_embedding
    memory.add(
        [
            make_rollout(n, query=f"Same {n}?", source_query_id=f"{n}", query_embedding=vector)
            for n in range(40)
        ]
    )
    ids = [query_id(memory.name, f"Same {n}?") for n in range(40)]
    edges = both(memory, QueryVectors(), ids)
    first = [edge["neighbour_id"] for edge in edges if edge["query_id"] == ids[0]]
    assert first == sorted(set(ids) - {ids[0]})[:7]


def test_small_memories_and_unknown_queries(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(9, 1))
    held = QueryVectors()
    ids = ids_of(memory, range(9))
    assert len(both(memory, held, ids, k=100, searched=True)) == 72
    assert len(both(memory, held, [*ids, "nobody"], searched=True)) == 63


def test_deleted_queries_are_no_candidates(memory: MemoryUnderTest) -> None:
    held = QueryVectors()
    memory.add(make_rollouts(20, 1), run="one")
    late = [make_rollout(n, query=f"Late {n}?", source_query_id=f"l{n}") for n in range(20)]
    memory.add(late, run="two")
    ids = ids_of(memory, range(20))
    before = both(memory, held, ids)
    delete_run(memory.stores, memory.name, "two")
    after = both(memory, held, ids)
    gone = {query_id(memory.name, f"Late {n}?") for n in range(20)}
    assert gone & {edge["neighbour_id"] for edge in before}
    assert not gone & {edge["neighbour_id"] for edge in after}


def test_quarantined_queries_are_nobodys_neighbours(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(20, 1))
    close = [make_rollout(n, query=f"Copy {n}?", source_query_id=f"copy-{n}") for n in range(20)]
    seq = memory.accept(close)
    with memory.stores.vectors.session("outbox.sql") as session:
        assert session.row("count_try", memory=memory.name, seq=seq, reason="test", limit=1)
    edges = both(memory, QueryVectors(), ids_of(memory, range(20)), searched=True)
    assert len(edges) == 140


def test_a_rolled_back_batch_is_not_remembered(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(20, 1))
    held = QueryVectors()
    ids = ids_of(memory, range(20))
    state = get_memory(memory.stores, memory.name)
    other = np.ones(state.dimension, np.float32)
    with memory.stores.vectors.transaction("outbox.sql") as session:
        edges = nearest(session, state, ids, 7, held, {"never-stored": other})
    assert "never-stored" not in {edge["neighbour_id"] for edge in edges}
    assert both(memory, held, ids)
