"""Malformed rows leave nothing in either database, and each is told why."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.dump import dump, is_gone
from support.malformed_rows import BAD_ROWS, ROW, VECTORS

from memreward.base.progress import Bars, bars
from memreward.jobs.ingest import IngestRequest, ingest_files
from memstore.changes.rollout_writer import RolloutWriter
from memstore.db.stores import Stores
from memstore.encoders.default import DEFAULT_DIMENSION
from schema.errors import InputError

pytestmark = pytest.mark.faults
MEMORY = "malformed"
WHOLE = ROW | {name: [1.0] + [0.0] * (DEFAULT_DIMENSION - 1) for name in VECTORS}
TEXTS = ("query", "answer", "thinking", "query_id", "dataset", "domain", "policy", "checkpoint")
BAD_TEXTS: tuple[Any, ...] = (0.5, True, [], ["a"], {}, "\x00", "a\x00b", "\ud800", "x\udfff")
COUNTS = ("rollout", "step", "completion_tokens")
BAD_COUNTS: tuple[Any, ...] = (-1, 0.5, 2**31, 2**70, "1", True, [1], {}, float("nan"))
SHARES = ("reward",)
BAD_SHARES: tuple[Any, ...] = (-1e-9, 1.0000001, float("nan"), float("inf"), "0.5", [], {}, 1e300)
BAD_NUMBERS: tuple[Any, ...] = (float("nan"), float("inf"), -float("inf"), None, "1", [1.0], {})


def line(row: dict[str, Any] | bytes) -> bytes:
    return row if isinstance(row, bytes) else json.dumps(row).encode()


def fixed() -> Iterator[bytes]:
    for bad, _ in BAD_ROWS:
        if isinstance(bad, bytes):
            yield bad
            continue
        longer = {
            name: value + [value[-1]] * (DEFAULT_DIMENSION - len(value))
            for name, value in bad.items()
            if name in VECTORS and isinstance(value, list) and len(value) == 3
        }
        yield line(WHOLE | bad | longer)


def generated(count: int) -> Iterator[bytes]:
    rng = random.Random(4)
    for _ in range(count):
        yield rng.choice((_bad_field, _bad_vector, _cut, _not_utf8))(rng)


def _bad_field(rng: random.Random) -> bytes:
    fields, values = rng.choice(((TEXTS, BAD_TEXTS), (COUNTS, BAD_COUNTS), (SHARES, BAD_SHARES)))
    return line(WHOLE | {rng.choice(fields): rng.choice(values)})


def _bad_vector(rng: random.Random) -> bytes:
    name = rng.choice(tuple(VECTORS))
    vector: list[Any] = list(WHOLE[name])
    how = rng.randrange(4)
    if how == 0:
        vector[rng.randrange(len(vector))] = rng.choice(BAD_NUMBERS)
    elif how == 1:
        vector = vector[: rng.randrange(1, len(vector))]
    elif how == 2:
        vector = [0.0] * len(vector)
    else:
        vector = vector + [1.0] * rng.randrange(1, 9)
    return line(WHOLE | {name: vector})


def _cut(rng: random.Random) -> bytes:
    whole = line(WHOLE)
    return whole[: rng.randrange(1, len(whole))]


def _not_utf8(rng: random.Random) -> bytes:
    whole = line(WHOLE)
    place = rng.randrange(len(whole) + 1)
    return whole[:place] + b"\xff" + whole[place:]


@pytest.fixture
def progress() -> Iterator[Bars]:
    with bars() as shown:
        yield shown


@pytest.mark.parametrize("kind", ["fixed", "generated"])
def test_nothing_of_a_malformed_row_is_stored(
    kind: str,
    fault_stores: Stores,
    progress: Bars,
    tmp_path: Path,
    times: Callable[[int, int], int],
) -> None:
    lines = list(fixed() if kind == "fixed" else generated(times(200, 2_000)))
    assert kind != "fixed" or len(lines) >= 60
    path, rejects = tmp_path / "bad.jsonl", tmp_path / "rejected.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    request = IngestRequest(files=[path], memory=MEMORY, run="run-1", rejects=rejects)
    writer = RolloutWriter(fault_stores, MEMORY, "run-1")
    with pytest.raises(InputError, match=f"{len(lines)} rows are rejected, nothing was written"):
        ingest_files(writer, request, progress)
    told = [json.loads(row) for row in rejects.read_text().splitlines()]
    assert [row["line"] for row in told] == list(range(1, len(lines) + 1))
    assert all(row["reason"] for row in told)
    skipping = IngestRequest(files=[path], memory=MEMORY, run="run-1", skip_rejected=True)
    outcome = ingest_files(writer, skipping, progress)
    assert (outcome.survey.good, outcome.report.new) == (0, 0)
    assert is_gone(dump(fault_stores, MEMORY))
