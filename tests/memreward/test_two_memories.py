"""Two memories of the same texts: no command of one sees or changes the other."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts

from memstore.consistency.check import check_memory
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.reads.full_graph import read_graph
from schema.ids import rollout_id

#: Every node and edge of a memory with all that is on it.
ALL = (
    "MATCH (n {memory: $memory}) RETURN labels(n) AS labels, properties(n) AS own, "
    "COLLECT { MATCH (n)-[e]-(m) RETURN m.memory + ' ' + type(e) + ' ' "
    "+ coalesce(m.id, '') + ' ' + coalesce(toString(e.seq), '') ORDER BY type(e), m.id } AS edges "
    "ORDER BY labels(n)[0], n.id"
)
TABLES = (
    *("batch", "run", "query", "rollout", "policy_embedding", "verified_reward", "preference"),
    *("model", "propagated_reward", "similar_to", "conclusion"),
)


@pytest.fixture
def other(stores: Stores, memory_name: str) -> str:
    return memory_name + "-other"


@pytest.fixture
def two(
    cli: Cli, stores: Stores, memory_name: str, other: str, tmp_path: Path
) -> Iterator[tuple[str, str]]:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(24, 4)])
    for name in (memory_name, other):
        assert cli("ingest", path, "-m", name, "--run", "r", "--labels", "0.5").exit_code == 0
    yield memory_name, other
    delete_memory(stores, other)


def snapshot(stores: Stores, memory: str) -> str:
    """All that both databases hold of a memory."""
    nodes = stores.graph.query(ALL, {"memory": memory}, 60.0).rows
    with stores.vectors.transaction("reads.sql") as session:
        rows = [
            session._connection.execute(
                f"SELECT t::text FROM memreward.{table} AS t WHERE memory = %s ORDER BY 1".encode(),
                [memory],
            ).fetchall()
            for table in TABLES
        ]
        rows.append(
            session._connection.execute(
                "SELECT t::text FROM memreward.memory AS t WHERE name = %s", [memory]
            ).fetchall()
        )
    return json.dumps([nodes, rows], default=str)


def commands(memory: str, tmp_path: Path) -> list[tuple[object, ...]]:
    """Every command that names a memory, in an order in which each finds something to do."""
    more = write_jsonl(tmp_path / "b.jsonl", [as_row(r) for r in make_rollouts(8, 2, first=3)])
    labels = write_jsonl(
        tmp_path / "labels.jsonl",
        [
            {"query_id": "sum-1", "rollout": 0, "reward": 0.5},
            {"query_id": "sum-1", "better": 0, "worse": 1},
        ],
    )
    rollout = rollout_id(memory, "r", "sum-1", 0, 0)
    out = tmp_path / "out"
    return [
        ("ingest", more, "-m", memory, "--run", "r2"),
        ("link", "-m", memory, "-k", "3"),
        ("label", labels, "-m", memory, "--run", "r", "--annotator", "ann"),
        ("history", rollout, "-m", memory),
        ("suggest-labels", "-m", memory, "--budget", "2"),
        ("train", "-m", memory),
        ("propagate", "-m", memory),
        ("suspects", "-m", memory),
        ("explain", rollout, "-m", memory),
        ("snapshot", "-m", memory),
        ("repair", "-m", memory),
        ("repair", "--rebuild-neo4j", "-m", memory),
        ("stats", "-m", memory),
        ("runs", "-m", memory),
        ("check", "-m", memory),
        ("export", out, "-m", memory),
        ("delete", "-m", memory, "--run", "r", "--dry-run"),
        ("delete", "-m", memory, "--run", "r", "--yes"),
        ("delete", "-m", memory, "--yes"),
        ("import", out),
        ("reembed", "-m", memory, "--encoder", "all-MiniLM-L6-v2"),
        ("rekey", "-m", memory),
        ("delete", "-m", memory, "--yes"),
    ]


def test_no_command_of_one_memory_touches_the_other(
    two: tuple[str, str], cli: Cli, stores: Stores, tmp_path: Path, short_training: None
) -> None:
    memory, other = two
    before = snapshot(stores, other)
    for command in commands(memory, tmp_path):
        result = cli(*command)
        assert result.exit_code == 0, (command, result.output)
        assert other not in result.output, command
        assert snapshot(stores, other) == before, command
    assert snapshot(stores, memory) == json.dumps([[], [[] for _ in (*TABLES, "memory")]])
    assert check_memory(stores, other).ok


def test_ids_and_edges_of_two_memories_are_disjoint(two: tuple[str, str], stores: Stores) -> None:
    left, right = (read_graph(stores, name) for name in two)
    assert sorted(left.query_text_Q) == sorted(right.query_text_Q)
    for name in ("query_id_Q", "rollout_id_R", "conclusion_id_C"):
        assert not set(getattr(left, name)) & set(getattr(right, name))
    crossing = stores.graph.query(
        "MATCH (a)-[e]->(b) WHERE a.memory <> b.memory RETURN count(e) AS n", {}, 60.0
    )
    assert crossing.rows == [{"n": 0}]


def test_a_rollout_of_one_memory_is_unknown_in_the_other(two: tuple[str, str], cli: Cli) -> None:
    memory, other = two
    foreign = rollout_id(other, "r", "sum-1", 0, 0)
    assert cli("history", foreign, "-m", memory).exit_code == 2


def test_raw_queries_span_memories(two: tuple[str, str], cli: Cli) -> None:
    result = cli("query", "MATCH (m:Memory) RETURN m.memory AS name", "--json")
    assert {row["name"] for row in json.loads(result.output)} >= set(two)
