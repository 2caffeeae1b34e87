import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.label_file import Label, LabelOptions, LabelReader
from memstore.formats.rollout_reader import RejectedRow
from schema.errors import InputError
from schema.ids import rollout_id
from schema.reward import Preference, VerifiedReward

Row = dict[str, object]


@pytest.fixture
def memory_with_rollouts(memory: MemoryUnderTest) -> MemoryUnderTest:
    memory.add(make_rollouts(3))
    return memory


def write(path: Path, rows: list[Row]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        names = sorted({name for row in rows for name in row})
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows(rows)  # pyright: ignore[reportArgumentType]
    else:
        names = sorted({name for row in rows for name in row})
        pq.write_table(pa.table({n: [row.get(n) for row in rows] for n in names}), path)
    return path


def read(
    memory: MemoryUnderTest, path: Path, annotator: str | None = "ann"
) -> tuple[list[Label], list[RejectedRow]]:
    options = LabelOptions(memory=memory.name, annotator=annotator, run="run-1")
    labels: list[Label] = []
    rejected: list[RejectedRow] = []
    for good, bad in LabelReader(memory.stores.vectors, path, options).batches():
        labels += good
        rejected += bad
    return labels, rejected


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_every_format_says_the_same(
    suffix: str, memory_with_rollouts: MemoryUnderTest, tmp_path: Path
) -> None:
    memory = memory_with_rollouts

    def id_of(question: int, place: int) -> str:
        return rollout_id(memory.name, "run-1", f"sum-{question}", 0, place)

    rewards: list[Row] = [
        {"query_id": "sum-1", "rollout": 0, "reward": 0.25},
        {"query_id": "sum-1", "rollout": 1, "reward": 1, "step": 0, "annotator": "bob"},
    ]
    path = write(tmp_path / f"a{suffix}", rewards)
    assert read(memory, path) == (
        [
            VerifiedReward(rollout_id=id_of(1, 0), value=0.25, source="ann"),
            VerifiedReward(rollout_id=id_of(1, 1), value=1, source="bob"),
        ],
        [],
    )
    path = write(tmp_path / f"b{suffix}", [{"rollout_id": id_of(2, 3), "reward": 0.5}])
    assert read(memory, path)[0] == [
        VerifiedReward(rollout_id=id_of(2, 3), value=0.5, source="ann")
    ]
    expected = [Preference(better=id_of(1, 2), worse=id_of(1, 0), annotator="ann")]
    path = write(tmp_path / f"c{suffix}", [{"query_id": "sum-1", "better": 2, "worse": 0}])
    assert read(memory, path) == (expected, [])
    path = write(tmp_path / f"d{suffix}", [{"better": id_of(1, 2), "worse": id_of(1, 0)}])
    assert read(memory, path) == (expected, [])


BAD: list[tuple[Row, str]] = [
    ({"query_id": "sum-1", "rollout": 0}, "either `reward`"),
    ({"query_id": "sum-1", "rollout": 0, "reward": 1, "better": 1, "worse": 0}, "either"),
    ({"query_id": "sum-1", "better": 1}, "either"),
    ({"reward": 1}, "`rollout_id` is missing"),
    ({"query_id": "sum-1", "reward": 1}, "`rollout`"),
    ({"query_id": "sum-1", "rollout": 99, "reward": 1}, "no rollout"),
    ({"query_id": "sum-1", "rollout": 0, "reward": 1, "run": "other"}, "no rollout"),
    ({"query_id": "sum-1", "rollout": 0, "reward": 1.01}, r"\[0, 1\]"),
    ({"query_id": "sum-1", "rollout": 0, "reward": "good"}, r"\[0, 1\]"),
    ({"query_id": "sum-1", "rollout": 0, "reward": 1, "annotator": " "}, "annotator"),
    ({"query_id": "sum-1", "rollout": 0, "reward": 1, "annotator": "a\x00b"}, "NUL"),
    ({"query_id": "sum-1", "rollout": -1, "reward": 1}, "`rollout`"),
    ({"query_id": "sum-1", "better": 1, "worse": 1}, "itself"),
    ({"rollout_id": 5, "reward": 1}, "`rollout_id`"),
]


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_a_row_that_says_nothing_usable_is_rejected(
    row: Row, reason: str, memory_with_rollouts: MemoryUnderTest, tmp_path: Path
) -> None:
    good: Row = {"query_id": "sum-2", "rollout": 0, "reward": 1}
    labels, rejected = read(memory_with_rollouts, write(tmp_path / "a.jsonl", [row, good]))
    assert len(labels) == 1
    assert [reject.line for reject in rejected] == [1]
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(rejected[0].reason)


def test_rows_that_contradict_each_other(
    memory_with_rollouts: MemoryUnderTest, tmp_path: Path
) -> None:
    place = {"query_id": "sum-1", "rollout": 0}
    rows: list[Row] = [
        {**place, "reward": 1},
        {**place, "reward": 1.0},
        {**place, "reward": 0},
        {**place, "reward": 0, "annotator": "bob"},
        {"query_id": "sum-1", "better": 1, "worse": 2},
        {"query_id": "sum-1", "better": 2, "worse": 1},
    ]
    _, rejected = read(memory_with_rollouts, write(tmp_path / "a.jsonl", rows))
    assert [reject.line for reject in rejected] == [3, 6]


def test_preferred_answers_belong_to_one_query(
    memory_with_rollouts: MemoryUnderTest, tmp_path: Path
) -> None:
    ids = [rollout_id(memory_with_rollouts.name, "run-1", f"sum-{q}", 0, 0) for q in (1, 2)]
    rows: list[Row] = [{"better": ids[0], "worse": ids[1]}]
    _, rejected = read(memory_with_rollouts, write(tmp_path / "a.jsonl", rows))
    assert "different queries" in rejected[0].reason


def test_who_says_so_must_be_known(memory_with_rollouts: MemoryUnderTest, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"query_id": "sum-1", "rollout": 0, "reward": 1}])
    _, rejected = read(memory_with_rollouts, path, annotator=None)
    assert "--annotator" in rejected[0].reason


def test_files_that_cannot_be_read(memory: MemoryUnderTest, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.csv").write_bytes(b"reward\n\xff\xfe\n")
    for name in ("a.parquet", "a.txt", "a.csv", "gone.jsonl"):
        with pytest.raises(InputError, match=name):
            read(memory, tmp_path / name)


def test_a_csv_row_with_too_many_cells(
    memory_with_rollouts: MemoryUnderTest, tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("query_id,rollout,reward\nsum-1,0,1,7\nsum-1,1,1\n")
    labels, rejected = read(memory_with_rollouts, path)
    assert (len(labels), [reject.line for reject in rejected]) == (1, [2])
