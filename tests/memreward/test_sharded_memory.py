"""A memory in shards as a user meets it: opened, scored, looked after by commands."""

import json
from collections.abc import Iterator

import pytest
from support.cli_fixtures import Cli

from memreward.memory import Memory
from memreward.sharded_memory import ShardedMemory
from memstore.settings import Settings
from schema.errors import InputError, ShardedError

NAME = "in-shards"
ROWS = [
    {
        "query": f"What is {number} + {number}?",
        "query_id": f"sum-{number}",
        "rollout": place,
        "completion": f"I add. #### {2 * number + place}",
    }
    for number in range(6)
    for place in range(2)
]


@pytest.fixture
def settings(cli: Cli, server_settings: Settings) -> Iterator[Settings]:
    yield server_settings
    cli("delete", "-m", NAME, "--yes")


def test_a_memory_in_shards_is_scored_labelled_and_looked_after(
    cli: Cli, settings: Settings
) -> None:
    with ShardedMemory.open(NAME, shards=2, run="r", settings=settings) as memory:
        scores = memory.score(ROWS)
        assert len({score.rollout_id for score in scores}) == 12
        (known,) = memory.score([{**ROWS[0], "reward": 1}])
        assert known.value == 1.0
        assert memory.model == "prior"
        assert memory.link(3) == 6
    with pytest.raises(InputError, match="divided into 2 shards, not 3"):
        ShardedMemory.open(NAME, shards=3, settings=settings)
    with pytest.raises(ShardedError, match="shards=2"):
        Memory.open(NAME, settings=settings)
    for command in ("train", "link", "runs", "snapshot"):
        refused = cli(command, "-m", NAME)
        assert refused.exit_code == 2, command
        assert "divided into 2 shards" in refused.output
    checked = cli("check", "-m", NAME)
    assert checked.exit_code == 0
    assert f"memory {NAME}@1-of-2: both stores agree" in checked.output
    assert f"memory {NAME}: both stores agree" in checked.output
    assert f"{NAME}@2-of-2: nothing to do" in cli("repair", "-m", NAME).output
    found = json.loads(cli("stats", "-m", NAME, "--json").stdout)
    assert sum(shard["counts"]["rollouts"] for shard in found.values()) == 12
    gone = cli("delete", "-m", NAME, "--yes")
    assert gone.exit_code == 0
    assert f"shard {NAME}@2-of-2 holds" in gone.output
    with Memory.open(NAME, settings=settings) as one:
        one.score(ROWS[:1])
    with pytest.raises(InputError, match="cannot be divided"):
        ShardedMemory.open(NAME, shards=2, settings=settings)
