"""The files of a data set, as the Hugging Face library opens them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
from support.query_groups import group, preferred_groups, some_groups, stored

from memstore.reads.query_groups import QueryGroup
from trainer.datasets.card import Origin, card_text
from trainer.datasets.selection import Kind, Selection
from trainer.datasets.tally import Tally
from trainer.datasets.writing import split_of, write_rows

ORIGIN = Origin(memory="m", seq=7, command="memreward dataset -m m", version="1")


def written(
    groups: list[QueryGroup], folder: Path, selection: Selection, validation: float = 0.25
) -> tuple[Any, Tally]:
    """The data set as loaded, and its counts."""
    folder.mkdir()
    *_, tally = write_rows(groups, selection, validation, folder)
    (folder / "README.md").write_text(card_text(ORIGIN, selection, validation, tally))
    loaded = datasets.load_dataset(str(folder), cache_dir=str(folder.parent / "cache"))
    return loaded, tally


def test_each_kind_has_the_columns_of_its_trainer_and_where_rows_are_from(tmp_path: Path) -> None:
    groups = some_groups(40)
    columns = {
        Kind.SFT: {"prompt", "completion"},
        Kind.KTO: {"prompt", "completion", "label"},
        Kind.DPO: {"prompt", "chosen", "rejected"},
        Kind.REWARD: {"prompt", "chosen", "rejected"},
        Kind.PROMPTS: {"prompt", "solve_rate", "rollout_ids"},
    }
    rows = {Kind.SFT: 40, Kind.KTO: 160, Kind.DPO: 80, Kind.REWARD: 80, Kind.PROMPTS: 40}
    for kind in Kind:
        loaded, tally = written(groups, tmp_path / kind.value, Selection(kind=kind))
        assert set(loaded) == {"train", "validation"}
        names = set(loaded["train"].column_names)
        assert columns[kind] | {"query_id", "dataset", "domain"} <= names
        assert "margin" not in names
        assert {name: len(split) for name, split in loaded.items()} == dict(tally.rows)
        assert tally.rows.total() == rows[kind]
    sft = written(groups, tmp_path / "again", Selection(kind=Kind.SFT))[0]["train"]
    row = sft[0]
    number = row["prompt"][0]["content"].removeprefix("What is ").removesuffix("?")
    assert row["prompt"] == [{"role": "user", "content": f"What is {number}?"}]
    said = f"I think of {number}-a.\n\nIt is {number}-a."
    assert row["completion"] == [{"role": "assistant", "content": said}]
    origin = {"rollout_id": f"{number}-a", "reward": 1.0, "source": "verified", "model": None}
    origin |= {"policy": "tiny", "run": "run-1", "step": 3}
    assert {name: row[name] for name in origin} == origin


def test_no_query_is_in_both_splits_and_the_split_hangs_on_the_text_alone(tmp_path: Path) -> None:
    groups = some_groups(60)
    loaded, _ = written(groups, tmp_path / "a", Selection(kind=Kind.KTO))
    ids = {name: set(split["query_id"]) for name, split in loaded.items()}
    assert not ids["train"] & ids["validation"]
    assert 5 <= len(ids["validation"]) <= 25
    moved = [replace(one, query_id=f"other {one.query_id}") for one in groups]
    other, _ = written(moved, tmp_path / "b", Selection(kind=Kind.SFT))
    texts = {row["prompt"][0]["content"] for row in other["validation"]}
    assert texts == {one.text for one in groups if one.query_id in ids["validation"]}
    assert split_of("anything", 0.0) == "train"


def test_what_says_nothing_and_prompts_of_tools_are_left_out(tmp_path: Path) -> None:
    silent = group(stored("a", verified=1.0, said=" "), text="silent")
    tools = group(stored("b", verified=1.0), text='<|tools|>\n[{"name":"add"}]\n<|user|>\nAdd.')
    system = group(stored("c", verified=1.0), text="<|system|>\nBe brief.\n<|user|>\nAdd.")
    loaded, tally = written([silent, tools, system], tmp_path / "a", Selection(kind=Kind.SFT), 0.0)
    assert loaded["train"]["rollout_id"] == ["c"]
    roles = [message["role"] for message in loaded["train"][0]["prompt"]]
    assert roles == ["system", "user"]
    assert (tally.queries, tally.unreadable) == (3, 1)


def test_the_card_counts_what_was_read_and_says_what_decided(tmp_path: Path) -> None:
    groups = [
        *some_groups(8),
        group(stored("x"), stored("y", asked=False), stored("z", propagated=0.5), text="open"),
    ]
    selection = Selection(kind=Kind.DPO, margin=0.6)
    _, tally = written(groups, tmp_path / "a", selection)
    text = (tmp_path / "a" / "README.md").read_text()
    for line in (
        "| verified | 16 |",
        "| propagated | 17 |",
        "| abstained: the model had no opinion | 1 |",
        "| no reward used | 1 |",
        "| all | 35 |",
        "| of verified and propagated, between the thresholds | 1 |",
        "| propagated | 8 |",
        "| verified | 8 |",
        "- rewards of a pair differ by 0.6 or more",
        "- models: `m1`",
        "memreward dataset -m m",
    ):
        assert line in text.splitlines()
    assert tally.rows.total() == 16


def test_rows_and_card_say_where_a_preference_decided(tmp_path: Path) -> None:
    groups = [*some_groups(2), *preferred_groups(3)]
    loaded, tally = written(groups, tmp_path / "a", Selection(kind=Kind.DPO), 0.0)
    assert tally.row_sources == {"verified": 2, "propagated": 2, "preference": 3}
    (row,) = [row for row in loaded["train"] if row["chosen_rollout_id"] == "1-b"]
    assert (row["source"], row["annotators"]) == ("preference", ["ann"])
    assert (row["chosen_reward"], row["chosen_source"], row["rejected_rollout_id"]) == (
        None,
        None,
        "1-a",
    )
    text = (tmp_path / "a" / "README.md").read_text()
    assert "| preference | 3 |" in text and "stored preferences come first" in text
    loaded, _ = written(groups, tmp_path / "b", Selection(kind=Kind.KTO), 0.0)
    labels = {row["rollout_id"]: row for row in loaded["train"] if row["source"] == "preference"}
    assert {id_: row["label"] for id_, row in labels.items()} == {
        f"{n}-{name}": name == "b" for n in range(3) for name in "ab"
    }


def test_a_preference_between_equal_or_empty_texts_is_left_out(tmp_path: Path) -> None:
    names = (("a", "same"), ("b", "same"), ("c", " "), ("d", "other"))
    texts = (stored(name, asked=False, said=said) for name, said in names)
    one = group(*texts, preferred="a>b:ann a>c:ann d>a:ann")
    loaded, tally = written([one], tmp_path / "a", Selection(kind=Kind.DPO), 0.0)
    assert loaded["train"]["chosen_rollout_id"] == ["d"]
    assert tally.preferred == 3


@pytest.mark.parametrize("kind", list(Kind))
def test_more_rows_than_are_held_at_a_time_are_all_written(tmp_path: Path, kind: Kind) -> None:
    loaded, _ = written(some_groups(1100), tmp_path / "a", Selection(kind=kind), 0.0)
    per_query = {Kind.KTO: 4, Kind.DPO: 2, Kind.REWARD: 2}.get(kind, 1)
    assert len(loaded["train"]) == 1100 * per_query
