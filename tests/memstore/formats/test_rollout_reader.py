"""Files become rollouts; what is wrong with a row or a file is said with its place."""

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.malformed_rows import BAD_ROWS, ROW, VECTORS

import memreward
from memstore.formats.files import ReadOptions, inspect_files
from memstore.formats.jsonl import MAX_LINE_BYTES
from memstore.formats.preflight import survey_rollouts
from memstore.formats.rejects import RejectedRow
from memstore.formats.rollout_reader import MARK_BYTES, RolloutReader, read_rollouts
from schema.errors import InputError
from schema.ids import digest
from schema.rollout import Rollout

DIMENSION = 3
OPTIONS = ReadOptions(dimension=DIMENSION)


def jsonl(path: Path, *rows: Any) -> Path:
    """Write rows: bytes as they are, anything else as JSON."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def read(path: Path, **changes: Any) -> list[Rollout | RejectedRow]:
    return list(read_rollouts([path], replace(OPTIONS, **changes)))


def read_one(path: Path, **changes: Any) -> Rollout:
    (item,) = read(path, **changes)
    assert isinstance(item, Rollout), item
    return item


def reason(path: Path) -> str:
    """Why the only rejected row of `path` is rejected."""
    (item,) = [item for item in read(path) if isinstance(item, RejectedRow)]
    return item.reason


# What good files give


def assert_is_row(rollout: Rollout) -> None:
    assert rollout.query == ROW["query"]
    assert (rollout.thinking, rollout.answer) == ("Two and two.", "4")
    assert (rollout.source_query_id, rollout.step, rollout.place) == ("sums-1", 2, 0)
    assert (rollout.dataset, rollout.domain) == ("sums", "math")
    assert (rollout.policy, rollout.checkpoint, rollout.policy_layer) == ("small", "100", "16")
    assert (rollout.reward, rollout.completion_tokens, rollout.truncated) == (1.0, 9, False)
    assert rollout.policy_signals == (0.5,) * 6
    assert rollout.encoder == "all-MiniLM-L6-v2"
    assert rollout.policy_embedding is not None
    assert rollout.policy_embedding.tolist() == [1.0, 2.0]
    for name, vector in VECTORS.items():
        found = getattr(rollout, name)
        assert found.dtype == np.float32
        assert found.tolist() == vector


def test_every_column_is_read_from_jsonl(tmp_path: Path) -> None:
    assert_is_row(read_one(jsonl(tmp_path / "a.jsonl", ROW)))


def test_every_column_is_read_from_gzipped_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROW).encode()))
    assert_is_row(read_one(path))


@pytest.mark.parametrize("width", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("kind", ["fixed", "list", "large"])
def test_every_column_is_read_from_parquet(tmp_path: Path, width: pa.DataType, kind: str) -> None:
    make = {"fixed": lambda n: pa.list_(width, n), "list": lambda _: pa.list_(width)}
    list_type = make.get(kind, lambda _: pa.large_list(width))
    columns = {
        name: pa.array(
            [[np.float16(v) for v in value] if width == pa.float16() else value],
            type=list_type(len(value)),
        )
        if isinstance(value, list)
        else pa.array([value])
        for name, value in ROW.items()
    }
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    assert_is_row(read_one(path))


def test_only_query_and_answer_are_needed(tmp_path: Path) -> None:
    rollout = read_one(jsonl(tmp_path / "a.jsonl", {"query": "Why?", "answer": "So."}))
    assert rollout == Rollout(
        query="Why?", answer="So.", source_query_id=digest("source", "Why?"), place=0
    )


def test_null_means_not_given(tmp_path: Path) -> None:
    nothing = dict.fromkeys(ROW.keys() - {"query", "answer"})
    rollout = read_one(jsonl(tmp_path / "a.jsonl", {"query": "Why?", "answer": "So.", **nothing}))
    assert rollout.reward is None
    assert rollout.thinking == ""
    assert rollout.dataset == "default"


def test_a_completion_is_split(tmp_path: Path) -> None:
    row = {"query": "2 + 2?", "completion": "<think>Add.</think>4"}
    rollout = read_one(jsonl(tmp_path / "a.jsonl", row))
    assert (rollout.thinking, rollout.answer, rollout.answer_given) == ("Add.", "4", True)


@pytest.mark.parametrize(
    ("row", "given"),
    [
        ({"answer": "4"}, True),
        ({"answer": "", "thinking": "Hm."}, False),
        ({"completion": "Hm.\n#### 4"}, True),
        ({"completion": "Hm.\n4"}, False),
        ({"completion": "4", "thinking": "Hm."}, True),
        ({"completion": "4", "thinking": ""}, False),
        ({"completion": "#### 4", "thinking": ""}, True),
        ({"completion": [{"role": "assistant", "content": "Hm.\n4"}]}, False),
        ({"answer": "4", "answer_given": False}, False),
        ({"completion": "4", "answer_given": 1}, True),
    ],
)
def test_it_is_known_whether_an_answer_was_given(
    tmp_path: Path, row: dict[str, Any], given: bool
) -> None:
    rollout = read_one(jsonl(tmp_path / "a.jsonl", {"query": "2 + 2?", **row}))
    assert rollout.answer_given is given


def test_places_are_counted_by_query_and_step_over_all_files(tmp_path: Path) -> None:
    first = jsonl(
        tmp_path / "a.jsonl",
        {"query": "a", "answer": "1"},
        {"query": "b", "answer": "1"},
        {"query": "a", "answer": "1"},
        {"query": "a", "answer": "1", "step": 1},
    )
    second = jsonl(tmp_path / "b.jsonl", {"query": "a", "answer": "2"})
    items = list(read_rollouts([first, second], OPTIONS))
    places = [(r.query, r.step, r.place) for r in items if isinstance(r, Rollout)]
    assert places == [("a", 0, 0), ("b", 0, 0), ("a", 0, 1), ("a", 1, 0), ("a", 0, 2)]


def test_a_rejected_row_keeps_its_place_for_when_it_is_mended(tmp_path: Path) -> None:
    good = {"query": "a", "answer": "1"}
    items = read(jsonl(tmp_path / "a.jsonl", good, good | {"reward": 7}, good))
    assert [item.place for item in items if isinstance(item, Rollout)] == [0, 2]


def test_harmless_differences_between_writers_are_levelled(tmp_path: Path) -> None:
    row = ROW | {
        "query_id": 17,
        "rollout": 3.0,
        "step": 0.0,
        "completion_tokens": 4.0,
        "truncated": 1,
        "reward": True,
        "policy_layer": 16,
        "logprob_min": -3,
    }
    rollout = read_one(jsonl(tmp_path / "a.jsonl", row))
    assert (rollout.source_query_id, rollout.place, rollout.step) == ("17", 3, 0)
    assert (rollout.completion_tokens, rollout.truncated, rollout.reward) == (4, True, 1.0)
    assert rollout.policy_layer == "16"


def test_the_policy_option_fills_gaps_only(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROW, {"query": "a", "answer": "1"})
    items = read(path, policy="other")
    assert [item.policy for item in items if isinstance(item, Rollout)] == ["small", "other"]


def test_embeddings_of_another_encoder_are_left_out(tmp_path: Path) -> None:
    row = ROW | {"encoder": "another", "query_embedding": [1.0] * 7}
    reader = RolloutReader(inspect_files([jsonl(tmp_path / "a.jsonl", row)]), OPTIONS)
    (foreign,) = reader
    assert isinstance(foreign, Rollout)
    assert foreign.encoder is None
    assert foreign.query_embedding is None
    assert reader.foreign_embeddings == 1


def test_repeated_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROW, ROW, ROW | {"reward": 1})
    reader = RolloutReader(inspect_files([path], OPTIONS), OPTIONS)
    assert len(list(reader)) == 1
    assert reader.repeated == 2


def test_unknown_columns_are_listed_once(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROW | {"gold": 4}, ROW | {"gold": 4, "tests": ""})
    files = inspect_files([path], OPTIONS)
    assert files[0].ignored_columns == ("gold", "tests")
    reader = RolloutReader(files, OPTIONS)
    list(reader)
    assert reader.ignored_columns == {"gold", "tests"}


def test_blank_lines_marks_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"query": "a", "answer": "1"}\r\n\r\n{"query": "b"}')
    good, bad = read(path)
    assert isinstance(good, Rollout)
    assert isinstance(bad, RejectedRow)
    assert bad.line == 3


# Rows that are rejected


@pytest.mark.parametrize(("bad", "expected"), BAD_ROWS, ids=range(len(BAD_ROWS)))
def test_bad_rows_are_rejected_with_line_and_reason(
    tmp_path: Path, bad: dict[str, Any] | bytes, expected: str
) -> None:
    good = {"query": "another", "answer": "1"}
    broken = bad if isinstance(bad, bytes) else ROW | bad
    path = jsonl(tmp_path / "a.jsonl", good, broken, good)
    first, rejected, last = read(path)
    assert isinstance(first, Rollout)
    assert isinstance(last, Rollout)
    assert isinstance(rejected, RejectedRow)
    assert (rejected.path, rejected.line) == (path, 2)
    assert expected in rejected.reason
    assert len(rejected.reason) < 400
    assert 0 < len(rejected.excerpt) <= 200
    rejected.excerpt.encode()


def test_a_line_too_long_for_memory_is_skipped(tmp_path: Path) -> None:
    good = {"query": "a", "answer": "1"}
    huge = b'{"query": "' + b"x" * (2 * MAX_LINE_BYTES) + b'"}'
    _, rejected, after = read(jsonl(tmp_path / "a.jsonl", good, huge, good))
    assert isinstance(rejected, RejectedRow)
    assert (rejected.line, "line longer than" in rejected.reason) == (2, True)
    assert isinstance(after, Rollout)


@pytest.mark.parametrize("change", [{"answer": "5"}, {"reward": 0.0}, {"query": "else"}])
def test_a_place_with_other_content_is_rejected(tmp_path: Path, change: dict[str, Any]) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROW, ROW | change)
    assert "'sums-1', step 2, rollout 0 is in an earlier row" in reason(path)


def test_a_policy_keeps_one_embedding_size_a_layer(tmp_path: Path) -> None:
    other = ROW | {"rollout": 1, "policy_embedding": [1.0, 2.0, 3.0]}
    path = jsonl(tmp_path / "a.jsonl", ROW, other, other | {"rollout": 2, "policy_layer": "8"})
    assert "has 3 numbers, earlier rows of policy 'small' and layer '16' have 2" in reason(path)


PARQUET_BAD: list[tuple[dict[str, Any], str]] = [
    ({"query": pa.array(["a", ""])}, "`query` is empty"),
    ({"query": pa.array(["a", None])}, "`query` is missing"),
    ({"query": pa.array([b"a", b"\xff"], pa.binary()).view(pa.string())}, "not UTF-8"),
    ({"reward": pa.array([1.0, float("nan")], pa.float32())}, "`reward` is nan"),
    ({"reward": pa.array([1.0, float("inf")], pa.float16())}, "`reward` is inf"),
    ({"truncated": pa.array([1, 2])}, "`truncated` is 2"),
    ({"query_embedding": pa.array([[1.0, 0, 0], [1.0, 0]])}, "2 numbers, 3 are expected"),
    ({"query_embedding": pa.array([[1.0, 0, 0], None])}, "only `thinking_embedding`"),
    ({"query_embedding": pa.array([[1.0, 0, 0], [1.0, None, 0]])}, "holds NaN"),
    ({"query_embedding": pa.array([[1.0, 0, 0], [1e300, 0, 0]])}, "holds NaN or infinity"),
    ({"query_embedding": pa.array([[1, 0, 0], [0, 0, 0]])}, "`query_embedding` has length 0"),
]


def parquet(path: Path, rows: int = 2, **changes: Any) -> Path:
    columns: dict[str, Any] = {
        "query": [f"question {n}" for n in range(rows)],
        "answer": [str(n) for n in range(rows)],
    }
    columns |= {name: [vector] * rows for name, vector in VECTORS.items()}
    pq.write_table(pa.table(columns | changes), path)
    return path


@pytest.mark.parametrize(("change", "expected"), PARQUET_BAD, ids=range(len(PARQUET_BAD)))
def test_bad_parquet_rows_are_rejected_with_row_and_reason(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    path = parquet(tmp_path / "a.parquet", **change)
    good, rejected = read(path)
    assert isinstance(good, Rollout)
    assert isinstance(rejected, RejectedRow)
    assert rejected.line == 2
    assert expected in rejected.reason
    assert 0 < len(rejected.excerpt) <= 200
    rejected.excerpt.encode()


def test_vectors_with_gaps_and_batches_stay_with_their_rows(tmp_path: Path) -> None:
    n_rows = 1500
    lists = [None if n % 3 == 0 else [float(n), 1.0] for n in range(n_rows)]
    for name, kind in {"fixed": pa.list_(pa.float32(), 2), "list": pa.list_(pa.float32())}.items():
        path = parquet(
            tmp_path / f"{name}.parquet", n_rows, policy_embedding=pa.array(lists, type=kind)
        )
        items = read(path)
        assert len(items) == n_rows
        for expected, item in zip(lists, items, strict=True):
            assert isinstance(item, Rollout)
            found = item.policy_embedding
            assert (found is None) == (expected is None)
            if found is not None:
                assert found.tolist() == expected


def test_dictionary_and_view_columns_are_text(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        dataset=pa.array(["x", "y"]).dictionary_encode(),
        domain=pa.array(["x", "y"], pa.large_string()),
        query_id=pa.array([1, 2]),
    )
    items = [item for item in read(path) if isinstance(item, Rollout)]
    assert [(item.dataset, item.source_query_id) for item in items] == [("x", "1"), ("y", "2")]


# Files that cannot be used


def refused(path: Path, options: ReadOptions = OPTIONS) -> str:
    with pytest.raises(InputError) as error:
        list(read_rollouts([path], options))
    message = str(error.value)
    assert message.startswith(str(path)), "the message must name the file"
    return message


def test_no_file_is_refused() -> None:
    with pytest.raises(InputError, match="no file is given"):
        inspect_files([])


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.jsonl")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "a.jsonl"
    folder.mkdir()
    assert "no file in this folder" in refused(folder)


def test_an_unknown_extension_is_refused(tmp_path: Path) -> None:
    assert "unknown extension" in refused(jsonl(tmp_path / "a.tsv", ROW))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    assert "the file is empty" in refused(path)


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    blank = tmp_path / "a.jsonl"
    blank.write_text("\n\n")
    assert "holds no rows" in refused(blank)
    assert "holds no rows" in refused(parquet(tmp_path / "a.parquet", 0))
    zipped = tmp_path / "a.jsonl.gz"
    zipped.write_bytes(gzip.compress(b""))
    assert "holds no rows" in refused(zipped)


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROW)
    (tmp_path / "b.jsonl").symlink_to(path)
    with pytest.raises(InputError, match=r"b.jsonl: given twice"):
        inspect_files([path, tmp_path / "b.jsonl"])


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ({"prompt": "a", "answer": "1"}, "missing `query` (found: answer, prompt)"),
        ({"query": "a", "response": "1"}, "missing `answer` (found: query, response)"),
        ({"x": 1}, "missing `query` and `answer` (found: x)"),
    ],
)
def test_missing_columns_are_refused(tmp_path: Path, row: dict[str, Any], missing: str) -> None:
    assert missing in refused(jsonl(tmp_path / "a.jsonl", row))
    pq.write_table(pa.table({name: [value] for name, value in row.items()}), tmp_path / "a.parquet")
    assert missing in refused(tmp_path / "a.parquet")


def test_a_file_of_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("query,answer\n1,2\n")
    assert "no line is a JSON object; line 1: not JSON" in refused(path)


def test_contents_under_the_wrong_extension_are_refused(tmp_path: Path) -> None:
    plain = jsonl(tmp_path / "plain.jsonl.gz", ROW)
    assert "not a gzip file" in refused(plain)
    zipped = tmp_path / "zipped.jsonl"
    zipped.write_bytes(gzip.compress(b"{}"))
    assert "rename it to .jsonl.gz" in refused(zipped)
    assert "rename it to .parquet" in refused(
        parquet(tmp_path / "a.parquet").rename(tmp_path / "table.jsonl")
    )
    assert "not a whole Parquet file" in refused(jsonl(tmp_path / "text.parquet", ROW))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_gzip_is_refused(tmp_path: Path, share: float) -> None:
    rng = np.random.default_rng(0)
    rows = [{"query": f"q{n}", "answer": rng.bytes(400).hex()} for n in range(2000)]
    whole = gzip.compress("\n".join(map(json.dumps, rows)).encode())
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damaged or cut off" in refused(path)


def test_a_gzip_with_changed_bytes_is_refused(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(json.dumps(ROW).encode() * 50))
    whole[-6] ^= 0xFF
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole)
    assert "damaged or cut off" in refused(path)


@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_a_truncated_parquet_is_refused(tmp_path: Path, share: float) -> None:
    path = parquet(tmp_path / "a.parquet", 500)
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, int(len(whole) * share))])
    assert "not a whole Parquet file" in refused(path)


def test_a_parquet_with_damaged_pages_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", 2000)
    whole = bytearray(path.read_bytes())
    whole[4:2000] = bytes(1996)
    path.write_bytes(whole)
    assert "damaged after row 0" in refused(path)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("query", pa.array([1, 2])),
        ("query", pa.array([b"a", b"b"])),
        ("reward", pa.array(["1", "0"])),
        ("rollout", pa.array(["1", "0"])),
        ("query_id", pa.array([1.5, 2.5])),
        ("query_embedding", pa.array(["a", "b"])),
        ("query_embedding", pa.array([["a"], ["b"]])),
        ("policy_embedding", pa.array([1.0, 2.0])),
    ],
)
def test_a_column_of_the_wrong_type_is_refused(tmp_path: Path, name: str, values: Any) -> None:
    message = refused(parquet(tmp_path / "a.parquet", **{name: values}))
    assert f"column `{name}` is" in message


def test_a_parquet_of_another_embedding_size_is_refused_as_a_whole(tmp_path: Path) -> None:
    vectors = pa.array([[1.0] * 5] * 2, type=pa.list_(pa.float32(), 5))
    path = parquet(tmp_path / "a.parquet", query_embedding=vectors)
    assert "`query_embedding` has 5 numbers, 3 are expected" in refused(path)
    items = read(path, file_encoder="another")
    assert all(isinstance(item, Rollout) and item.encoder is None for item in items)


# The survey and its file


def test_a_survey_counts_and_writes_the_rejects(tmp_path: Path) -> None:
    bad = ROW | {"reward": 2}
    path = jsonl(tmp_path / "a.jsonl", ROW, ROW, *[bad] * 7, {"query": "b", "answer": "1", "x": 1})
    rejects = tmp_path / "rejects.jsonl"
    seen: list[int] = []
    reader = RolloutReader(inspect_files([path], OPTIONS), OPTIONS)
    survey = survey_rollouts(reader, rejects, seen.append)
    assert (survey.good, survey.rejected, survey.repeated, survey.rewarded) == (2, 7, 1, 1)
    assert survey.ignored_columns == ("x",)
    assert seen == list(range(1, 10))
    assert [str(row)[: len(str(path)) + 2] for row in survey.rejects.first] == [
        f"{path}:{line}" for line in range(3, 8)
    ]
    records = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [record["line"] for record in records] == list(range(3, 10))
    assert records[0].keys() == {"path", "line", "reason", "excerpt"}
    assert "`reward` is 2" in records[0]["reason"]


def test_a_survey_without_rejects_leaves_no_file(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", ROW)
    rejects = tmp_path / "rejects.jsonl"
    survey = survey_rollouts(RolloutReader(inspect_files([path], OPTIONS), OPTIONS), rejects)
    assert (survey.good, survey.rejected) == (1, 0)
    assert not rejects.exists()


def test_the_shipped_sample_is_whole(tmp_path: Path) -> None:
    sample = Path(memreward.__file__).parent / "data" / "rollouts-gym.parquet"
    assert sample.stat().st_size <= 5_000_000
    reader = RolloutReader(inspect_files([sample]))
    survey = survey_rollouts(reader, tmp_path / "rejects.jsonl")
    assert (survey.good, survey.rejected, survey.rewarded) == (3152, 0, 3152)


# Messages


def test_queries_and_completions_may_be_messages(tmp_path: Path) -> None:
    user = {"role": "user", "content": "What is 2 + 2?"}
    said = [{"role": "assistant", "content": "4", "reasoning_content": "Two and two."}]
    chat = [{"role": "system", "content": "Be brief."}, user]
    path = jsonl(
        tmp_path / "a.jsonl",
        {"query": [user], "completion": said},
        {"query": "What is 2 + 2?", "completion": "4"},
        {"query": chat, "completion": [*said]},
    )
    first, second, third = read(path)
    assert isinstance(first, Rollout)
    assert isinstance(second, Rollout)
    assert isinstance(third, Rollout)
    assert (first.query, first.thinking, first.answer) == ("What is 2 + 2?", "Two and two.", "4")
    assert first.source_query_id == second.source_query_id != third.source_query_id
    assert (first.place, second.place, third.place) == (0, 1, 0)
    assert third.query == "<|system|>\nBe brief.\n<|user|>\nWhat is 2 + 2?"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"query": [{"from": "human"}], "completion": "4"}, "no usable `role`"),
        ({"query": "q", "completion": [5]}, "message 0 is of type int"),
        ({"query": "q", "completion": [], "thinking": "t"}, "messages in `completion`"),
        ({"query": {"role": "user"}, "completion": "4"}, "`query` is a value of type dict"),
    ],
)
def test_messages_that_are_none_are_rejected(tmp_path: Path, row: Any, said: str) -> None:
    assert said in reason(jsonl(tmp_path / "a.jsonl", row))


# Which column is meant


def test_a_row_with_answer_and_completion_is_refused_unless_told(tmp_path: Path) -> None:
    both = {"query": "q", "answer": "the gold one", "completion": "Hm.\n#### 4"}
    path = jsonl(tmp_path / "a.jsonl", both, {"query": "q", "answer": None, "completion": "5"})
    refused, kept = read(path)
    assert isinstance(refused, RejectedRow)
    assert "both `answer` and `completion`" in refused.reason
    assert isinstance(kept, Rollout)
    first = read(path, prefer="completion")[0]
    assert isinstance(first, Rollout)
    assert (first.thinking, first.answer) == ("Hm.", "4")
    first = read(path, prefer="answer")[0]
    assert isinstance(first, Rollout)
    assert (first.thinking, first.answer) == ("", "the gold one")


# Files that change


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"query": "q", "answer": "4"})
    files = inspect_files([path], OPTIONS)
    with path.open("ab") as stream:
        stream.write(b'{"query": "q", "answer": "5"}\n')
    with pytest.raises(InputError, match="changed since it was checked"):
        list(RolloutReader(files, OPTIONS))
    files = inspect_files([path], OPTIONS)
    jsonl(tmp_path / "b.jsonl", {"query": "q", "answer": "4"}, {"query": "q", "answer": "6"})
    (tmp_path / "b.jsonl").replace(path)
    with pytest.raises(InputError, match="changed since it was checked"):
        list(RolloutReader(files, OPTIONS))
    files = inspect_files([path], OPTIONS)
    path.unlink()
    with pytest.raises(InputError, match="changed since it was checked"):
        list(RolloutReader(files, OPTIONS))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    rows = [{"query": "q", "answer": str(number)} for number in range(3)]
    path = jsonl(tmp_path / "a.jsonl", *rows)
    reading = iter(RolloutReader(inspect_files([path], OPTIONS), OPTIONS))
    next(reading)
    with path.open("ab") as stream:
        stream.write(b'{"query": "q", "answer": "5"}\n')
    with pytest.raises(InputError, match="changed since it was checked"):
        list(reading)


def test_a_change_that_keeps_size_and_time_is_seen_at_its_row(tmp_path: Path) -> None:
    rows = [{"query": "q", "answer": str(number)} for number in range(4)]
    path = jsonl(tmp_path / "a.jsonl", *rows)
    files = inspect_files([path], OPTIONS)
    survey = survey_rollouts(RolloutReader(files, OPTIONS), None)
    times = path.stat()
    with path.open("r+b") as stream:
        stream.write(path.read_bytes().replace(b'"2"', b'"7"'))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    good: list[Rollout | RejectedRow] = []
    with pytest.raises(InputError, match=r"a\.jsonl:3: changed since"):
        good.extend(RolloutReader(files, OPTIONS, survey.marks))
    with pytest.raises(InputError, match="changed since"):
        list(RolloutReader(files, OPTIONS, survey.marks[:-MARK_BYTES]))
