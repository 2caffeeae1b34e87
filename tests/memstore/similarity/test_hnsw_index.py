from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memreward.bench.data import Mixer
from memstore.changes.run_deletion import delete_run
from memstore.db.stores import Stores, get_memory
from memstore.db.vector_store import SqlSession
from memstore.outbox.deletion import delete_memory
from memstore.similarity.hnsw_index import index_name, keep_index, searching
from memstore.similarity.neighbours import nearest, nearest_to_vector
from schema.ids import query_id

DIMENSION = 384
_numbers = count()


def state(memory: MemoryUnderTest) -> bool | None:
    """Whether the memory's index is complete; None: there is none."""
    with memory.stores.vectors.transaction("similarity.sql") as session:
        row = session.row("index_built", index=index_name(memory.name, DIMENSION))
    return None if row is None else row[0]


def found(memory: MemoryUnderTest, ids: list[str], statement: str) -> dict[str, list[str]]:
    with (
        memory.stores.vectors.transaction("similarity.sql") as session,
        searching(session, memory.name, DIMENSION) as (exact, index),
    ):
        assert index is not None
        statements = exact if statement == "nearest" else index
        rows = statements.rows(statement, memory=memory.name, ids=ids, neighbours=7)
    neighbours: dict[str, list[str]] = {id_: [] for id_ in ids}
    for query, neighbour, _ in rows:
        neighbours[query].append(neighbour)
    return neighbours


@pytest.fixture
def indexed_memory(memory: MemoryUnderTest) -> Iterator[MemoryUnderTest]:
    """60 queries with an index."""
    memory.add(make_rollouts(60, 1))
    assert keep_index(memory.stores, memory.name, size=60)
    yield memory


def test_a_memory_gets_its_index_once_it_is_large(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(9, 1))
    assert not keep_index(memory.stores, memory.name, size=10)
    assert state(memory) is None
    memory.add([make_rollout(9)])
    assert keep_index(memory.stores, memory.name, size=10)
    assert state(memory) is True
    assert not keep_index(memory.stores, memory.name, size=10)


def test_a_count_goes_on_and_begins_anew_where_queries_may_have_gone(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[tuple[int, int]] = []
    row = SqlSession.row

    def noted(session: SqlSession, name: str, /, **parameters: Any) -> tuple[Any, ...] | None:
        found = row(session, name, **parameters)
        if name == "queries_arrived" and found is not None:
            counted.append((parameters["after"], found[0]))
        return found

    monkeypatch.setattr(SqlSession, "row", noted)
    memory.add(make_rollouts(6, 1), run="kept")
    memory.add(make_rollouts(3, 1, first=6), run="going")
    delete_run(memory.stores, memory.name, "going")
    memory.add([make_rollout(9)], run="kept")
    assert not keep_index(memory.stores, memory.name, size=10)
    assert counted == [(0, 6), (1, 3), (2, 1), (4, 0), (0, 7)]


def test_postgres_searches_by_the_index_and_only_then(indexed_memory: MemoryUnderTest) -> None:
    name = indexed_memory.name
    asked = {"ids": [query_id(name, "What is 1 + 1?")], "neighbours": 7}
    with (
        indexed_memory.stores.vectors.transaction("similarity.sql") as session,
        searching(session, name, DIMENSION) as (every, index),
    ):
        assert index is not None
        plan = index.plan("nearest_indexed", **asked)
        one = index.plan("nearest_to_vector_indexed", embedding=np.ones(384), neighbours=7)
        exact = every.plan("nearest", memory=name, **asked)
    index_scan = f"Index Scan using {index_name(name, DIMENSION)} on query other"
    assert index_scan in plan
    assert index_scan in one
    assert "Order By: ((embedding)::vector(384) <=> (asked.embedding)::vector(384))" in plan
    assert index_scan not in exact
    assert "Seq Scan" not in exact  # The table holds other memories too.


def test_neighbours_by_the_index_are_the_exact_ones_of_real_queries(
    memory: MemoryUnderTest,
) -> None:
    real = [replace(group[0], source_query_id=str(n)) for n, group in enumerate(Mixer.of().queries)]
    memory.add(real)
    assert keep_index(memory.stores, memory.name, size=len(real))
    ids = [query_id(memory.name, rollout.query) for rollout in real]
    exact, by_index = found(memory, ids, "nearest"), found(memory, ids, "nearest_indexed")
    assert all(len(neighbours) == 7 for neighbours in by_index.values())
    hits = sum(len(set(exact[id_]) & set(by_index[id_])) for id_ in ids)
    assert hits / (7 * len(ids)) >= 0.99


def test_another_memory_and_quarantined_queries_are_never_found(
    indexed_memory: MemoryUnderTest, stores: Stores
) -> None:
    """However many rows are filtered out, k others are found."""
    memory, name = indexed_memory, indexed_memory.name
    other = MemoryUnderTest(stores, f"{name}-other")
    close = [make_rollout(n, query=f"Copy {n}?", source_query_id=f"copy-{n}") for n in range(60)]
    try:
        other.add(make_rollouts(60, 1))
        seq = memory.accept(close)
        with stores.vectors.session("outbox.sql") as session:
            row = session.row("count_try", memory=name, seq=seq, reason="test", limit=1)
            assert row == (True,)
        ids = [query_id(name, f"What is {n} + {n}?") for n in range(60)]
        with stores.vectors.transaction("outbox.sql") as session:
            edges = nearest(session, get_memory(stores, name), ids, 7)
            single = nearest_to_vector(session, name, close[0].query_embedding, 7)  # pyright: ignore
        assert len(edges) == 60 * 7
        allowed = set(ids)
        assert {edge["neighbour_id"] for edge in edges} <= allowed
        assert len(single) == 7
        assert {id_ for id_, _ in single} <= allowed
        assert sorted(edge["rank"] for edge in edges[:7]) == list(range(1, 8))
    finally:
        delete_memory(stores, other.name)


def test_more_neighbours_than_there_are_queries(indexed_memory: MemoryUnderTest) -> None:
    ids = [query_id(indexed_memory.name, "What is 1 + 1?")]
    state = get_memory(indexed_memory.stores, indexed_memory.name)
    with indexed_memory.stores.vectors.transaction("outbox.sql") as session:
        assert len(nearest(session, state, ids, 100)) == 59


def test_what_arrives_later_is_found(indexed_memory: MemoryUnderTest) -> None:
    memory = indexed_memory
    memory.add([make_rollout(3, query="Three and three?", source_query_id="again")])
    edges = memory.ask(
        "MATCH (q:Query {memory: $memory, text: 'Three and three?'})-[s:SIMILAR_TO]->(n) "
        "RETURN n.text AS text, s.rank AS rank ORDER BY rank"
    )
    assert len(edges) == 7
    assert edges[0]["text"] == "What is 3 + 3?"


def test_a_build_that_was_cut_off_is_made_anew(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(10, 1))
    name = index_name(memory.name, DIMENSION)
    assert keep_index(memory.stores, memory.name, size=10)
    with memory.stores.vectors.session("similarity.sql") as session:
        session._connection.execute(  # pyright: ignore
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            "to_regclass('memreward.' || %s)",
            [name],
        )
    assert state(memory) is False
    assert memory.link() == 70  # Exact meanwhile.
    assert keep_index(memory.stores, memory.name, size=10)
    assert state(memory) is True


def test_a_deleted_memory_leaves_no_index(indexed_memory: MemoryUnderTest) -> None:
    delete_memory(indexed_memory.stores, indexed_memory.name)
    assert state(indexed_memory) is None
