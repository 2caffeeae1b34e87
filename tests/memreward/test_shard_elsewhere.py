"""Commands that are given the name of a shard use the pair of databases in which it lies."""

import html
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli_fixtures import Cli, write_jsonl
from support.divided import another_postgres, delete_all
from support.look import looking

from memreward.jobs.label_lists import ListKind, label_list
from memreward.memory import Memory
from memreward.sharded_memory import ShardedMemory
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.reads.history import read_history
from memstore.reads.stats import memory_stats
from memstore.servers.migration import migrate
from memstore.settings import PairSettings, Settings
from schema.errors import InputError

NAME, RUN = "by-name", "r"
SECOND = f"{NAME}@2-of-2"
ROWS: list[dict[str, object]] = [
    {"query": f"What is {n} + {n}?", "query_id": f"sum-{n}", "completion": f"#### {2 * n}"}
    for n in range(6)
]


@pytest.fixture(scope="module")
def other(servers: Addresses) -> Iterator[Addresses]:
    with another_postgres(servers) as addresses:
        migrate(addresses)
        yield addresses


@pytest.fixture(scope="module")
def settings(
    other: Addresses, servers: Addresses, server_settings: Settings, stores: Stores
) -> Iterator[Settings]:
    """Settings of two pairs; the second holds a shard with some of the rows."""
    pair = PairSettings.model_validate(
        {
            "neo4j_uri": other.neo4j_uri,
            "neo4j_password": other.neo4j_password,
            "postgres_dsn": other.postgres_dsn,
        }
    )
    both = server_settings.model_copy(update={"pairs": (pair,)})
    with ShardedMemory.open(NAME, shards=2, run=RUN, settings=both) as memory:
        memory.score(ROWS)
    yield both
    with open_stores(other) as second:
        delete_all(NAME, stores, second)


@pytest.fixture
def elsewhere(
    cli: Cli, settings: Settings, other: Addresses, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stores]:
    """The pair of the second shard, which the environment names."""
    pair = {
        "neo4j_uri": other.neo4j_uri,
        "neo4j_password": other.neo4j_password,
        "postgres_dsn": other.postgres_dsn,
    }
    monkeypatch.setenv("MEMREWARD_PAIRS", json.dumps([pair]))
    with open_stores(other) as opened:
        yield opened


def counted(stores: Stores) -> int:
    return memory_stats(stores, SECOND)["counts"]["rollouts"]


def own_rows(stores: Stores) -> list[dict[str, object]]:
    """Those of the rows that are in the second shard."""
    found = stores.graph.query(
        "MATCH (q:Query {memory: $memory}) RETURN q.text AS text", {"memory": SECOND}, 30.0
    )
    texts = {row["text"] for row in found.rows}
    rows = [row for row in ROWS if row["query"] in texts]
    assert 0 < len(rows) < len(ROWS)
    return rows


def test_what_stores_refuses_a_shard_and_names_the_memory(
    cli: Cli, elsewhere: Stores, settings: Settings, tmp_path: Path
) -> None:
    file = write_jsonl(tmp_path / "rows.jsonl", ROWS)
    before = counted(elsewhere)
    ingest = ("ingest", file, "-m", SECOND, "--run", RUN)
    for command in (
        ingest,
        (*ingest, "--dry-run"),
        (*ingest, "--follow", "--idle", 0.1),
        ("serve", "-m", SECOND, "--port", 0),
    ):
        done = cli(*command)
        assert done.exit_code == 2, command
        assert f"name the whole memory, {NAME!r}" in done.output
    with pytest.raises(InputError, match="is a shard"):
        Memory.open(SECOND, settings=settings)
    with pytest.raises(InputError, match="is a shard"):
        ShardedMemory.open(SECOND, shards=2, settings=settings)
    assert counted(elsewhere) == before


def test_look(cli: Cli, elsewhere: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[Stores] = []
    monkeypatch.setattr("memreward.look.serve_pages", lambda looked, *_: used.extend(looked.pairs))
    done = cli("look", "-m", SECOND, "--port", 0)
    assert done.exit_code == 0, done.output
    assert [one.vectors.address for one in used] == [elsewhere.vectors.address]


def test_look_without_a_name_shows_the_memories_of_all_pairs(
    cli: Cli, elsewhere: Stores, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[Stores] = []
    monkeypatch.setattr("memreward.look.serve_pages", lambda looked, *_: used.extend(looked.pairs))
    assert cli("look", "--port", 0).exit_code == 0
    assert [one.vectors.address for one in used] == [
        each.vectors.address for each in (stores, elsewhere)
    ]
    first, query = f"{NAME}@1-of-2", own_rows(elsewhere)[0]["query"]
    with looking(stores, elsewhere) as pages:
        shown = pages.text("/")
        assert first in shown
        assert SECOND in shown
        groups = pages.text("/groups", memory=SECOND)
        assert html.escape(str(query)) in groups
        assert html.escape(str(query)) not in pages.text("/groups", memory=first)
        assert RUN in pages.text("/runs", memory=SECOND)
        asked = pages.text(
            "/ask", memory=SECOND, cypher="MATCH (q:Query {memory: $memory}) RETURN q.text"
        )
        assert html.escape(str(query)) in asked
        assert html.escape(str(query)) in pages.text("/groups", memory=SECOND, like=query)


def test_a_list_of_look(elsewhere: Stores, settings: Settings) -> None:
    listed = label_list(settings, SECOND, ListKind.SUGGESTED)
    assert len(listed) == len(own_rows(elsewhere))


def test_a_verdict_of_look_goes_to_the_pair_of_the_shard(elsewhere: Stores, stores: Stores) -> None:
    with looking(stores, elsewhere) as pages:
        rollout = elsewhere.graph.query(
            "MATCH (a:Answer {memory: $memory}) RETURN a.id AS id LIMIT 1", {"memory": SECOND}, 30.0
        ).rows[0]["id"]
        form = {"memory": SECOND, "rollout": rollout, "judgement": "right", "annotator": "ann"}
        headers = {"Origin": pages.url}
        answer = pages.session.post(f"{pages.url}/label", data=form, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
    said = read_history(elsewhere, SECOND, str(rollout)).statements
    assert [one.who for one in said][-1] == "ann"
