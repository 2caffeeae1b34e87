"""Commands on a memory whose shards lie in two pairs, each a Neo4j and a Postgres of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cli_fixtures import Cli
from support.divided import (
    COUNT,
    calls,
    current_of,
    delete_all,
)
from support.own_pair import OwnPair, own_pair

from memreward.sharded_memory import ShardedMemory
from memstore.db.stores import Stores, open_stores
from memstore.settings import Settings
from schema.ids import shard_name

pytestmark = pytest.mark.slow
NAME = "commands-on-pairs"


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPair]:
    with own_pair() as pair:
        yield pair


@pytest.fixture
def second(own: OwnPair, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """The second pair, which the environment names, too."""
    pair = own.named()
    shown = {
        "neo4j_uri": pair.neo4j_uri,
        "neo4j_password": pair.neo4j_password.get_secret_value(),
        "postgres_dsn": pair.postgres_dsn.get_secret_value(),
    }
    monkeypatch.setenv("MEMREWARD_PAIRS", json.dumps([shown]))
    with open_stores(own.addresses) as opened:
        yield opened


@pytest.fixture
def settings(
    own: OwnPair, second: Stores, server_settings: Settings, stores: Stores
) -> Iterator[Settings]:
    """Of both pairs, in which there is a memory of four shards."""
    both = server_settings.model_copy(update={"pairs": (own.named(),)})
    with ShardedMemory.open(NAME, shards=COUNT, run="run-1", settings=both) as memory:
        for call in calls()[:3]:
            memory.score(call)
    yield both
    delete_all(NAME, stores, second)


def shown(stores: Stores) -> set[str]:
    """Ids of the answers in a Neo4j."""
    text = "MATCH (a:Answer) WHERE a.memory STARTS WITH $start RETURN a.id AS id"
    rows = stores.graph.query(text, {"start": f"{NAME}@"}, 60.0).rows
    assert len(rows) == len({row["id"] for row in rows})
    return {str(row["id"]) for row in rows}


def done(cli: Cli, *arguments: object) -> str:
    result = cli(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_check_repair_and_delete(
    cli: Cli, own: OwnPair, settings: Settings, stores: Stores, second: Stores
) -> None:
    in_first, in_second = shown(stores), shown(second)
    assert in_first and in_second and not in_first & in_second
    done(cli, "check", "-m", NAME)
    done(cli, "repair", "-m", NAME)

    own.lose_neo4j()
    checked = cli("check", "-m", NAME)
    assert checked.exit_code == 2
    assert "pair 2 of the settings" in checked.output
    rebuilt = done(cli, "repair", "--rebuild-neo4j", "-m", NAME)
    assert rebuilt.count("rebuilt in Neo4j") == COUNT
    done(cli, "check", "-m", NAME)
    assert (shown(stores), shown(second)) == (in_first, in_second)
    with ShardedMemory.open(NAME, shards=COUNT, run="run-1", settings=settings) as memory:
        memory.score(calls()[3])
        memory.flush()
    done(cli, "check", "-m", NAME)

    done(cli, "delete", "-m", NAME, "--yes")
    assert shown(stores) == shown(second) == set()
    assert cli("stats", "-m", NAME).exit_code == 2
    with ShardedMemory.open(NAME, shards=2, run="run-1", settings=settings) as memory:
        memory.score(calls()[0])  # The name is free, also for another number of shards.


def test_archives(
    cli: Cli, settings: Settings, stores: Stores, second: Stores, tmp_path: Path
) -> None:
    done(cli, "link", "-m", NAME)
    before, in_first, in_second = current_of(NAME, stores, second), shown(stores), shown(second)
    names = [shard_name(NAME, number, COUNT) for number in range(1, COUNT + 1)]
    for name in names:
        done(cli, "export", tmp_path / name, "--memory", name)

    done(cli, "delete", "-m", names[1], "--yes")  # A shard of the second pair is lost.
    assert cli("check", "-m", NAME).exit_code == 1
    done(cli, "import", tmp_path / names[1])
    done(cli, "link", "-m", NAME)
    done(cli, "check", "-m", NAME)
    assert (shown(stores), shown(second)) == (in_first, in_second)
    assert current_of(NAME, stores, second) == before

    done(cli, "delete", "-m", NAME, "--yes")
    for name in names:
        done(cli, "import", tmp_path / name)
    done(cli, "link", "-m", NAME)
    done(cli, "check", "-m", NAME)
    assert shown(stores) | shown(second) == in_first | in_second
    assert current_of(NAME, stores, second) == before
