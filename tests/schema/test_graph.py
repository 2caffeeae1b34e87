"""Edge types: one declaration each, which names, ends and directions must agree with."""

import numpy as np
import pytest
from support.graph_factory import make_graph
from support.rollout_factory import make_rollout

from memstore.db.query_files import named_queries
from schema.graph import EDGE_SPECS, EDGE_TYPES, SIMILAR, EdgeSpec
from schema.keyed_rollout import prepare
from schema.tables import ROLLOUT, ColumnType

BY_ID = pytest.mark.parametrize("spec", EDGE_SPECS, ids=lambda spec: spec.triple[1])


@BY_ID
def test_a_message_goes_from_one_stored_end_to_the_other(spec: EdgeSpec) -> None:
    sender, _, receiver = spec.triple
    ends = spec.ends if spec.message_from == "start" else spec.ends[::-1]
    assert (sender, receiver) == ends


def test_every_edge_type_is_declared_once() -> None:
    assert len(set(EDGE_TYPES)) == len(EDGE_TYPES)
    assert len({(spec.neo4j, spec.message_from) for spec in EDGE_SPECS}) == len(EDGE_SPECS)


def test_a_relationship_has_one_name_in_both_directions() -> None:
    names = {(spec.neo4j, spec.stored_name, spec.ends) for spec in EDGE_SPECS}
    assert len(names) == len({spec.neo4j for spec in EDGE_SPECS})


def test_a_neighbour_sends_to_the_query_that_chose_it() -> None:
    (spec,) = (spec for spec in EDGE_SPECS if spec.triple == SIMILAR)
    chose_and_neighbour_2E = np.array([[0, 1], [2, 3]])
    np.testing.assert_array_equal(spec.messages(chose_and_neighbour_2E), [[2, 3], [0, 1]])


@BY_ID
def test_graphs_and_snapshot_queries_know_it(spec: EdgeSpec) -> None:
    graph, _ = make_graph()
    assert graph.stored_edges[spec.stored_name] is getattr(graph, spec.array)
    queries = named_queries("edges.cypher")
    assert {spec.stored_name, f"sum_{spec.stored_name}"} <= queries.keys()


@BY_ID
def test_edges_that_arrive_with_rollouts_are_found_in_their_rows(spec: EdgeSpec) -> None:
    assert (spec.columns is None) == (spec.triple == SIMILAR)
    item = prepare("memory", "run", make_rollout(0))
    for column in spec.columns or ():
        assert ROLLOUT.column(column).type is ColumnType.TEXT
        assert column in item.ids("a conclusion")
