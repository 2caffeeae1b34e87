import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memstore.snapshot.adjacency import Adjacency, csr


@given(
    ends=st.lists(st.integers(0, 9), max_size=60),
    later=st.lists(st.lists(st.integers(0, 14), max_size=12), max_size=8),
    nodes=st.lists(st.integers(0, 16), max_size=8),
)
def test_edges_are_those_of_a_plain_search(
    ends: list[int], later: list[list[int]], nodes: list[int]
) -> None:
    adjacency = Adjacency(*csr(np.array(ends, np.int64), 10))
    for more in later:
        adjacency.add(np.array(more, np.int64))
        ends = ends + more
    edges, place = adjacency.edges_of(np.array(nodes, np.int64))
    expected = [(p, e) for p, node in enumerate(nodes) for e, end in enumerate(ends) if end == node]
    assert list(zip(place.tolist(), edges.tolist(), strict=True)) == expected


def test_many_small_additions_stay_few_levels() -> None:
    adjacency = Adjacency(*csr(np.zeros(0, np.int64), 0))
    for step in range(1000):
        adjacency.add(np.array([step % 7, step]))
    assert len(adjacency._later) < 12
