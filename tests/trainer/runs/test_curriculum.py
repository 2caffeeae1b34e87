"""Which queries a curriculum draws."""

from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from schema.errors import InputError
from schema.score import ScoreSource
from trainer.rewards.journal import Assigned, Journal
from trainer.runs.curriculum import LEAST, Curriculum

QUERIES = ["right", "wrong", "open", "new"]


def told(*visits: dict[str, list[float | None]]) -> Journal:
    """A journal in which queries got these rewards, a step a visit."""
    journal = Journal()
    for step, rewards in enumerate(visits):
        rows = [(query, f"{n}") for query, given in rewards.items() for n in range(len(given))]
        values = [value for given in rewards.values() for value in given]
        placed = journal.place(step, rows)
        assigned = [Assigned(value=value, source=ScoreSource.PROPAGATED) for value in values]
        journal.record(step, list(zip(placed, assigned, strict=True)))
    return journal


def curriculum(journal: Journal, kept: Path, batch: int = 1, seed: int = 0) -> Curriculum:
    return Curriculum(QUERIES, journal, kept, batch=batch, seed=seed)


def test_queries_with_spread_and_new_ones_are_drawn_more(tmp_path: Path) -> None:
    journal = told({"right": [1, 1], "wrong": [0, 0], "open": [0.1, None, 0.9]})
    rows = islice(curriculum(journal, tmp_path / "drawn.jsonl").draws(), 2_000)
    counts = Counter(QUERIES[row] for [row] in rows)
    weights = {"right": LEAST, "wrong": LEAST, "open": 1.0, "new": 1.0}
    for query, weight in weights.items():
        share = weight / sum(weights.values())
        assert counts[query] / 2_000 == pytest.approx(share, abs=4 * (share / 2_000) ** 0.5)


def test_only_the_last_visits_count(tmp_path: Path) -> None:
    journal = told({"open": [1, 0]}, {"open": [0, 0]}, {"open": [0, 0]})
    rows = islice(curriculum(journal, tmp_path / "drawn.jsonl").draws(), 500)
    assert sum(QUERIES[row] == "open" for [row] in rows) < 50


def test_no_query_twice_in_a_step_and_no_more_than_there_are(tmp_path: Path) -> None:
    draws = curriculum(told(), tmp_path / "drawn.jsonl", batch=9).draws()
    assert sorted(next(draws)) == [0, 1, 2, 3]


def test_what_was_drawn_is_drawn_again(tmp_path: Path) -> None:
    kept = tmp_path / "drawn.jsonl"
    first = list(islice(curriculum(told(), kept).draws(), 5))
    again = list(islice(curriculum(told({"open": [1, 1]}), kept, seed=1).draws(), 8))
    assert again[:5] == first
    kept.write_text("nothing" + chr(10) + kept.read_text())
    with pytest.raises(InputError):
        next(curriculum(told(), kept).draws())
