"""The declaration of the tables says what both migrated databases hold, no more and no less."""

from dataclasses import fields

import pytest
from support.forgetting import LENGTHS
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.db.vector_store import connect
from memstore.forgetting.compaction import compact
from memstore.snapshot.files import INTEGERS, NUMBERS_OF_ROLLOUT, TEXTS, VECTORS
from schema import tables
from schema.graph import NodeLabel
from schema.rollout import Rollout
from schema.tables import Table

#: Properties of nodes that come from other tables than the node itself.
REWARDS = {
    *(f"verified_{name}" for name in ("reward", "source", "run", "at", "sources", "spread")),
    *(f"propagated_{name}" for name in ("reward", "confidence", "model", "at")),
}
KEYS = {"memory", "id", "seq"}
COLUMNS = b"""
SELECT table_name, column_name, udt_name, is_nullable = 'YES' FROM information_schema.columns
JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'memreward' AND table_type = 'BASE TABLE'
"""
UNDECLARED = {"memory", "migration", "pair"}


def test_postgres_has_the_declared_columns_and_no_others(
    stores: Stores, servers: Addresses
) -> None:
    with connect(servers.postgres_dsn) as connection:
        found = set(connection.execute(COLUMNS).fetchall())
    declared = {
        (table.name, column.name, _udt(column.type.value), column.optional)
        for table in tables.TABLES
        for column in table.columns
    }
    assert {row for row in found if row[0] not in UNDECLARED} == declared


def _udt(name: str) -> str:
    """A type as information_schema names it."""
    return f"_{name.removesuffix('[]')}" if name.endswith("[]") else name


def test_neo4j_has_the_declared_properties_and_no_others(lived: MemoryUnderTest) -> None:
    lived.add([make_rollout(30, checkpoint="step-3", reward=None)], run="run-3")
    compact(lived.stores, lived.name, 0, LENGTHS)
    rows = lived.ask(
        "MATCH (n {memory: $memory}) UNWIND labels(n) AS label UNWIND keys(n) AS key "
        "RETURN label, collect(DISTINCT key) AS keys"
    )
    found = {str(row["label"]): set(row["keys"]) for row in rows}  # pyright: ignore
    declared = {label.value: set(KEYS) for label in NodeLabel}
    for table in tables.IN_GRAPH:
        for column in table.columns:
            if column.node is not None:
                label, name = column.node
                declared[label.value].add(name)
    for label in ("Run", "Policy", "Source", "Query", "Thinking", "Answer", "Conclusion"):
        rewards = REWARDS if label == "Answer" else set()
        assert found[label] - rewards == declared[label], label


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.name)
def test_a_table_is_declared_once_and_whole(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert names[0] == "memory"
    assert set(table.key) <= set(names)
    with pytest.raises(KeyError, match="declare it"):
        table.column("missing")


def test_every_field_of_a_rollout_has_its_column() -> None:
    elsewhere = {"query", "dataset", "domain", "reward", "encoder", "query_embedding"}
    elsewhere |= {"policy_embedding", "policy_layer"}
    columns = {column.name for column in tables.ROLLOUT.columns}
    assert {field.name for field in fields(Rollout)} - columns == elsewhere


def test_a_row_for_neo4j_has_edges_by_name_and_a_map_a_node() -> None:
    values = {column.name: column.name for column in tables.ROLLOUT.columns}
    row = tables.ROLLOUT.graph_row(values)
    assert row["thinking"] == {"text": "thinking", "forgotten_seq": "forgotten_seq"}
    assert row["answer"]["text"] == "answer"
    assert row["step"] == row["answer"]["step"] == "step"
    assert row.keys() == {"id", "query_id", "run", "step", "conclusion_id", "thinking", "answer"}


def test_the_snapshot_keeps_its_layout() -> None:
    """A snapshot of another layout is replaced, which takes a while for a large memory."""
    assert set(TEXTS) == {
        *("query.text", "query.dataset", "query.domain", "answer.thinking_text"),
        *("answer.text", "answer.policy", "conclusion.key", "policy.name", "source.name"),
    }
    assert set(VECTORS) == {"query.embedding", "answer.thinking_embedding", "answer.embedding"}
    assert INTEGERS == ("answer.step",)
    assert {
        "completion_tokens": slice(0, 1),
        "answer_given": slice(1, 2),
        "truncated": slice(2, 3),
        "policy_signals": slice(3, 9),
        "thinking_characters": slice(9, 10),
    } == NUMBERS_OF_ROLLOUT
