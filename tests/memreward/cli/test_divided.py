"""Every command that takes a memory, given a divided one: it goes over all shards, or refuses."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from support.cli_fixtures import Cli, write_jsonl
from support.divided import delete_all
from support.rollout_factory import unit_vector
from support.stored_rows import assert_whole, edges_across, rows_of, stored
from support.tiny_policy import write_tiny_policy

from memreward.cli.main import app
from memreward.serving.run import open_served
from memreward.sharded_memory import ShardedMemory
from memstore.changes.reembedding import reembed
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.encoders.default import DEFAULT_ENCODER, EncodeProgress, Floats
from memstore.settings import Settings
from memstore.shards.division import Shards
from memstore.shards.reembedding import reembed_shards
from schema.errors import InputError
from schema.ids import digest, rollout_id

NAME, COUNT, RUN = "every-command", 3, "r"
ROLLOUT = rollout_id(NAME, RUN, "sum-1", 0, 0)
REFUSED = "divided into 3 shards"
SHORT = ("--steps", 1, "--group", 2, "--tokens", 3, "--calls", 0.5)
#: Of each command with `--memory`, what else is given, in order, and what a refusal says; None: it
#: works. Words in braces are files of the test.
CASES: dict[str, tuple[tuple[object, ...], str | None]] = {
    "ingest": (("{rows}", "--run", RUN), None),
    "label": (("{labels}", "--annotator", "ann", "--run", RUN), None),
    "link": ((), None),
    "train": ((), None),
    "propagate": ((), None),
    "suspects": ((), None),
    "collect": (("--policy", "{policy}", "--tasks", "{tasks}", "--rollouts", 1), None),
    "reembed": (("--encoder", DEFAULT_ENCODER), None),
    "rekey": ((), None),
    "history": ((ROLLOUT[:12],), None),
    "stats": ((), None),
    "check": ((), None),
    "repair": ((), None),
    "delete": (("--dry-run",), None),
    "explain": ((ROLLOUT,), None),
    "suggest-labels": (("--budget", 2), REFUSED),
    "dataset": (("--kind", "sft", "--out", "{new}"), REFUSED),
    "runs": ((), REFUSED),
    "snapshot": ((), REFUSED),
    "compact": (("--keep", 1), REFUSED),
    "export": (("{new}",), REFUSED),
    "look": (("--port", 0), REFUSED),
    "grpo": (("--policy", "{policy}", "--tasks", "{sums}", "--run", "g", *SHORT), None),
}
#: Tested otherwise: it serves until it is stopped; it makes a memory of the name.
ELSEWHERE = {"serve", "import"}


class HashEncoder:
    """A direction for each text, at once."""

    name = "hash-8"
    dimension = 8

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        return np.stack([unit_vector(int(digest(text)[:8], 16), 8) for text in texts])


@pytest.fixture(autouse=True)
def gone(stores: Stores) -> Iterator[None]:
    yield
    delete_all(NAME, stores)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Of 40 queries, each third of which is verified."""
    made: list[dict[str, object]] = []
    for n in range(40):
        for place in range(4):
            row: dict[str, object] = {"query": f"What is {n} + {n % 7}?", "query_id": f"sum-{n}"}
            row |= {"rollout": place, "completion": f"I add. #### {n + place}", "policy": "small"}
            made.append(row | ({"reward": float(place == n % 7)} if n % 3 == 0 else {}))
    return write_jsonl(tmp_path / "rows.jsonl", made)


def propagated(servers: Addresses) -> dict[str, float | None]:
    """The last propagated value of each rollout, of one memory or of all shards."""
    text = (
        "SELECT rollout_id, value FROM memreward.propagated_reward "
        "WHERE memory = %s OR starts_with(memory, %s) ORDER BY seq"
    )
    return dict(rows_of(servers, NAME, text))


def test_each_command_with_a_memory_is_tried() -> None:
    root: Any = typer.main.get_command(app)
    taking = {
        name
        for name in root.commands
        if any("--memory" in param.opts for param in root.commands[name].params)
    }
    assert taking == CASES.keys() | ELSEWHERE


@pytest.mark.usefixtures("short_training")
def test_it_works_or_says_what_to_do(
    cli: Cli, stores: Stores, servers: Addresses, rows: Path, tmp_path: Path
) -> None:
    made = cli("ingest", rows, "-m", NAME, "--run", RUN, "--shards", COUNT)
    assert made.exit_code == 0, made.output
    before = stored(servers, NAME)
    files = {
        "{rows}": rows,
        "{labels}": write_jsonl(
            tmp_path / "labels.jsonl",
            [{"query_id": f"sum-{n}", "rollout": 0, "reward": 1} for n in range(3)],
        ),
        "{tasks}": write_jsonl(tmp_path / "tasks.jsonl", [{"query": "1 + 1?", "gold": "2"}]),
        "{sums}": write_jsonl(
            tmp_path / "sums.jsonl",
            [{"query": f"What is {n} + {n}?", "gold": str(2 * n)} for n in range(6)],
        ),
        "{policy}": write_tiny_policy(tmp_path / "policy"),
        "{new}": tmp_path / "new",
    }
    wrong: list[str] = []
    for command, (words, refusal) in CASES.items():
        given = [files.get(str(word), word) for word in words]
        found = cli(command, *given, "-m", NAME)
        said = " ".join(found.output.split())
        if found.exit_code != (0 if refusal is None else 2) or (refusal or "") not in said:
            wrong.append(f"{command}: exit code {found.exit_code}: {said[-400:]}")
    assert not wrong, "\n".join(wrong)
    assert {row[0] for row in before} <= {row[0] for row in stored(servers, NAME)}
    assert len(propagated(servers)) > 90
    assert_whole(stores, NAME, COUNT)
    for command in ("train", "propagate", "suspects"):
        found = cli(command, "-m", f"{NAME}@1-of-{COUNT}")
        assert found.exit_code == 2, command
        assert f"name the whole memory, '{NAME}'" in found.output


def test_propagated_rewards_are_those_of_one_memory(
    cli: Cli, stores: Stores, servers: Addresses, rows: Path
) -> None:
    words = ("ingest", rows, "-m", NAME, "--run", RUN)
    assert cli(*words).exit_code == 0
    assert cli("propagate", "-m", NAME).exit_code == 0
    one = propagated(servers)
    assert cli("delete", "-m", NAME, "--yes").exit_code == 0
    assert cli(*words, "--shards", COUNT).exit_code == 0
    assert cli("propagate", "-m", NAME).exit_code == 0
    found = propagated(servers)
    assert found.keys() == one.keys()
    assert len(one) > 90
    values = np.array([[np.nan if v is None else v for v in (one[id_], found[id_])] for id_ in one])
    np.testing.assert_allclose(values[:, 1], values[:, 0], rtol=0, atol=1e-5)
    assert_whole(stores, NAME, COUNT)
    (id_, value) = next((id_, value) for id_, value in one.items() if value is not None)
    assert f"propagated: {value:g}"[:14] in cli("history", id_, "-m", NAME).output
    assert "check its id" in cli("history", "0" * 32, "-m", NAME).output


def test_a_served_one_is_scored_and_keeps_its_scores(
    cli: Cli, stores: Stores, servers: Addresses, server_settings: Settings, rows: Path
) -> None:
    assert cli("ingest", rows, "-m", NAME, "--run", RUN, "--shards", COUNT).exit_code == 0
    assert cli("propagate", "-m", NAME).exit_code == 0
    with open_served(
        NAME, "s", server_settings, prior=True, reuse=False, keep_scores=True
    ) as memory:
        assert isinstance(memory, ShardedMemory)
        accepted, shown = memory.batches()
        assert accepted == shown > 0
        scores = memory.score([{"query": "1 + 1?", "completion": f"#### {n}"} for n in range(4)])
        kept = propagated(servers)
        assert {score.rollout_id for score in scores} <= kept.keys()
        with pytest.raises(InputError, match="without `reuse`"):
            memory.plan_calls([{"query": "1 + 1?", "completion": "2"}], 1)
    with open_served(
        NAME, "s", server_settings, prior=True, reuse=True, keep_scores=False
    ) as memory:
        assert memory.plan_calls([{"query": "1 + 1?", "completion": "2"}], 1) == [0]
    assert_whole(stores, NAME, COUNT)


def test_another_encoder_and_back(
    cli: Cli, stores: Stores, servers: Addresses, server_settings: Settings, rows: Path
) -> None:
    assert cli("ingest", rows, "-m", NAME, "--run", RUN, "--shards", COUNT).exit_code == 0
    shards = Shards.over(NAME, COUNT, [stores])
    assert reembed_shards(shards, HashEncoder(), None, lambda what, done, total: None) == 360
    assert_whole(stores, NAME, COUNT)
    hashed = edges_across(servers, NAME)
    words = ("reembed", "-m", NAME, "--encoder", DEFAULT_ENCODER)
    assert "360 texts embedded" in cli(*words).output
    assert_whole(stores, NAME, COUNT)
    edges = edges_across(servers, NAME)
    assert len(edges) == len(hashed) == 40 * 7
    assert edges != hashed
    with ShardedMemory.open(NAME, shards=COUNT, run=RUN, settings=server_settings) as memory:
        assert memory.score([{"query": "1 + 1?", "completion": "#### 2"}])[0].value is not None
        memory.link()
    first = shards.first
    reembed(first.stores, first.name, HashEncoder())  # As if a command was killed after it.
    refused = cli("link", "-m", NAME)
    assert refused.exit_code == 2
    assert "different encoders" in refused.output
    assert "texts embedded" in cli(*words).output
    assert_whole(stores, NAME, COUNT)
