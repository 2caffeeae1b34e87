"""An explanation from the neighbourhood is that of the whole graph."""

from collections.abc import Mapping

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from gnn.jobs.explain import Why, explain_rollout
from gnn.jobs.nearby_explanation import NearbyExplainer
from memstore.reads import read_graph, source_query_ids
from memstore.settings import Settings
from schema.errors import CheckpointError, StoreError
from schema.ids import rollout_id


def parts(why: Why, name_of: Mapping[str, str]) -> dict[tuple[str, str | None], float]:
    """Logit of each part, by its kind and the owner's id of its query."""
    return {
        (item.kind, item.query_id and name_of.get(item.query_id, item.query_id)): item.logit
        for item in why.explanation.contributions
    }


def test_it_is_that_of_the_whole_graph_also_of_what_came_later(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    memory.add(make_rollouts(40))
    version = register(memory, server_settings, small_model())
    explainer = NearbyExplainer(memory.stores, server_settings, memory.name)
    memory.add([make_rollout(70, place, reward=None) for place in range(4)], run="run-2")
    graph = read_graph(memory.stores, memory.name)
    name_of = source_query_ids(memory.stores, memory.name, graph.query_id_Q)
    asked = {("run-1", "sum-3"), ("run-1", "sum-12"), ("run-2", "sum-70")}
    for run, query in asked:
        rollout = rollout_id(memory.name, run, query, 0, 1)
        near = explainer.explain(rollout)
        whole = explain_rollout(
            memory.stores, server_settings, memory.name, rollout, n_influences=0
        )
        assert near.version == whole.version == version
        assert near.explanation.logit == pytest.approx(whole.explanation.logit, abs=1e-5)
        assert near.verified == whole.verified
        near_parts, whole_parts = parts(near, name_of), parts(whole, {})
        assert near_parts.keys() == whole_parts.keys()
        assert near_parts == pytest.approx(whole_parts, abs=1e-4)
        assert near.said == whole.said


def test_what_cannot_be_explained_is_refused(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    memory.add(make_rollouts(16))
    explainer = NearbyExplainer(memory.stores, server_settings, memory.name)
    known = rollout_id(memory.name, "run-1", "sum-3", 0, 1)
    with pytest.raises(CheckpointError):
        explainer.explain(known)
    register(memory, server_settings, small_model())
    assert explainer.explain(known).explanation.rollout_id == known
    with pytest.raises(StoreError):
        explainer.explain("0" * len(known))
