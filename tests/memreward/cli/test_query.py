import json
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, as_row, write_jsonl
from support.rollout_factory import make_rollouts


@pytest.fixture
def filled(cli: Cli, tmp_path: Path, memory_name: str) -> str:
    path = write_jsonl(tmp_path / "a.jsonl", [as_row(r) for r in make_rollouts(5, 2)])
    assert cli("ingest", path, "-m", memory_name, "--run", "r").exit_code == 0
    return memory_name


def test_stats(cli: Cli, filled: str) -> None:
    listed = json.loads(cli("stats", "--json").output)
    assert listed[filled]["counts"]["rollouts"] == 10
    shown = cli("stats", "--memory", filled)
    assert "doubles" in shown.output
    assert cli("stats", "--memory", "nowhere").exit_code == 2


def test_query_with_parameters_as_json(cli: Cli, filled: str) -> None:
    result = cli(
        "query",
        "MATCH (a:Answer {memory: $memory}) WHERE a.place < $place RETURN count(a) AS n",
        "-p",
        f"memory={filled}",
        "-p",
        "place=1",
        "--json",
    )
    assert json.loads(result.output) == [{"n": 5}]


def test_query_as_a_table(cli: Cli, filled: str) -> None:
    result = cli("query", "RETURN 1 AS one, 'x' AS letter")
    assert result.exit_code == 0
    assert "letter" in result.output


def test_nodes_relationships_and_paths_are_json(cli: Cli, filled: str) -> None:
    found = cli(
        "query",
        "MATCH p = (q:Query {memory: $m})-[g:GENERATED]->(t:Thinking) "
        "RETURN q, g, p, [q.memory] AS names, {n: 1} AS map LIMIT 1",
        *("-p", f"m={filled}", "--json"),
    )
    (row,) = json.loads(found.stdout)
    assert row["q"]["labels"] == ["Query"]
    assert row["q"]["properties"]["memory"] == filled
    assert row["g"]["type"] == "GENERATED"
    assert row["g"]["start"] == row["q"]["element_id"]
    assert [node["labels"] for node in row["p"]["nodes"]] == [["Query"], ["Thinking"]]
    assert row["p"]["relationships"] == [row["g"]]
    assert (row["names"], row["map"]) == ([filled], {"n": 1})


def test_no_rows_are_said_and_so_is_what_neo4j_remarks(cli: Cli, filled: str) -> None:
    found = cli("query", "MATCH (n:Quary) RETURN n.id AS id")
    assert found.stdout == "id\n"
    assert found.stderr.rstrip().endswith("0 rows")
    assert found.stderr.count("`Quary`") == 1
    assert cli("query", "MATCH (n:Quary) RETURN n.id AS id", "--json").stdout == "[]\n"


@pytest.mark.parametrize(
    "cypher",
    ["CREATE (n:Query) RETURN n", "MATCH (n) DETACH DELETE n", "RETURN", "DROP INDEX x"],
)
def test_what_does_not_only_read_is_refused(cypher: str, cli: Cli, filled: str) -> None:
    before = cli("stats", "--json").output
    assert cli("query", cypher).exit_code == 2
    assert cli("stats", "--json").output == before


def test_a_parameter_without_a_value(cli: Cli) -> None:
    result = cli("query", "RETURN 1", "-p", "nothing")
    assert result.exit_code == 2
    assert "name=value" in result.output
