"""docs/graph.md: its properties are those of a live database, and its questions have answers."""

import runpy
from collections import defaultdict
from dataclasses import replace

import pytest
from support.forgetting import LENGTHS
from support.rollout_factory import make_rollout, make_rollouts
from support.snippets import ROOT, Snippet, snippets
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.db.graph_properties import EDGE_ENDS, EDGE_PROPERTIES, NODE_PROPERTIES, Property
from memstore.forgetting.compaction import compact
from schema.graph import NodeLabel, RelationshipType
from schema.ids import rollout_id
from schema.reward import PropagatedReward, VerifiedReward
from schema.rollout import Rollout

PAGE = "docs/graph.md"
QUESTIONS = [
    pytest.param(snippet, id=snippet.name)
    for snippet in snippets(PAGE)
    if snippet.language == "cypher"
]

NODES = (
    "MATCH (n {memory: $memory}) UNWIND keys(n) AS name "
    "RETURN labels(n)[0] AS of, name, valueType(n[name]) AS type, count(*) AS count"
)
EDGES = (
    "MATCH ({memory: $memory})-[e]->() UNWIND keys(e) AS name "
    "RETURN type(e) AS of, name, valueType(e[name]) AS type, count(*) AS count"
)
ALL_NODES = "MATCH (n {memory: $memory}) RETURN labels(n)[0] AS of, count(n) AS count"
ALL_EDGES = (
    "MATCH (n {memory: $memory})-[e]->(m) "
    "RETURN type(e) AS of, labels(n)[0] AS start, labels(m)[0] AS end, count(e) AS count"
)


def test_the_page_is_written_from_the_code() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    script = runpy.run_path(str(ROOT / "scripts" / "graph_page"))
    assert script["rewritten"](page) == page, "run `python scripts/graph_page`"


def found(memory: MemoryUnderTest, properties: str, everything: str) -> dict[str, set[Property]]:
    """What a memory has, of each label or type."""
    counts = {str(row["of"]): row["count"] for row in memory.ask(everything)}
    of: dict[str, set[Property]] = defaultdict(set)
    for row in memory.ask(properties):
        label, name = str(row["of"]), str(row["name"])
        type_ = str(row["type"]).removesuffix(" NOT NULL")
        of[label].add(Property(name, type_, "", optional=row["count"] != counts[label]))
    return of


def check(declared: tuple[Property, ...], seen: set[Property], of: str) -> None:
    assert {(p.name, p.type) for p in declared} == {(p.name, p.type) for p in seen}, of
    lacking = {p.name for p in seen if p.optional}
    assert lacking <= {p.name for p in declared if p.optional}, of


@pytest.fixture
def full(lived: MemoryUnderTest) -> MemoryUnderTest:
    """A memory in which every property is given somewhere."""
    lived.add([make_rollout(30, checkpoint="c1", reward=None)], run="run-9")
    compact(lived.stores, lived.name, 0, LENGTHS)
    reward = PropagatedReward(
        rollout_id=rollout_id(lived.name, "run-9", "sum-30", 0, 0),
        value=0.5,
        confidence=0.0,
        model="m1",
    )
    write_propagated(lived.stores, lived.name, [reward])
    return lived


def test_the_properties_of_nodes_are_those_of_a_live_database(full: MemoryUnderTest) -> None:
    seen = found(full, NODES, ALL_NODES)
    assert set(seen) == set(NodeLabel)
    for label, declared in NODE_PROPERTIES.items():
        if label is NodeLabel.MODEL:  # It has what its manifest holds, too.
            assert {p.name for p in declared} <= {p.name for p in seen[label]}
        else:
            check(declared, seen[label], label)


def test_the_properties_of_relationships_are_those_of_a_live_database(
    full: MemoryUnderTest,
) -> None:
    seen = found(full, EDGES, ALL_EDGES)
    assert set(seen) == set(RelationshipType)
    for type_, declared in EDGE_PROPERTIES.items():
        check(declared, seen[type_], type_)
    ends = {(row["of"], row["start"], row["end"]) for row in full.ask(ALL_EDGES)}
    assert ends == {(type_, *ends) for type_, ends in EDGE_ENDS.items()}


@pytest.fixture
def shared(memory: MemoryUnderTest) -> MemoryUnderTest:
    """Two runs of two policies on the same queries, two annotators, and a model."""
    for run, first in (("run-1", 0), ("run-2", 2)):
        rollouts = make_rollouts(6, first=first)
        memory.add(_of(run, rollouts), run=run, labelled=frozenset(["What is 3 + 3?"]))
    memory.link()
    stores, name = memory.stores, memory.name
    for source, place, value in (("ann", 0, 1.0), ("bob", 0, 1.0), ("bob", 2, 0.0)):
        id_ = rollout_id(name, "run-1", "sum-1", 0, place)
        add_labels(stores, name, [VerifiedReward(rollout_id=id_, value=value, source=source)])
    register_model(stores, name, "m1", {})
    rewards = [
        PropagatedReward(
            rollout_id=rollout_id(name, "run-2", f"sum-{query}", 0, 0),
            value=0.4,
            confidence=0.2,
            model="m1",
        )
        for query in (5, 6)
    ]
    write_propagated(stores, name, rewards)
    return memory


def _of(run: str, rollouts: list[Rollout]) -> list[Rollout]:
    return [replace(rollout, policy=f"policy of {run}") for rollout in rollouts]


def test_there_are_ten() -> None:
    assert len(QUESTIONS) >= 10


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_has_an_answer(question: Snippet, shared: MemoryUnderTest) -> None:
    rows = shared.ask(question.text)
    assert rows, question.text
