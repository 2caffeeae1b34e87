"""`memreward.Memory` with rows as files have them: scores, labels, questions, kept scores."""

import logging
from typing import Any

import pytest
from support.store_fixtures import MemoryUnderTest

from memreward.memory import Memory
from memstore.settings import Settings
from schema.errors import InputError, QueryRefusedError
from schema.ids import rollout_id
from schema.score import ScoreSource


def rows_of(question: int, places: int = 3, **more: Any) -> list[dict[str, Any]]:
    """Rows as somebody types them."""
    text = f"What is {question} + {question}?"
    return [
        {"query": text, "query_id": f"q{question}", "rollout": place, "completion": f"#### {place}"}
        | more
        for place in range(places)
    ]


def test_rows_are_scored_as_a_file_would_be(
    opened: Memory, trained: MemoryUnderTest, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**rows_of(40)[0], "reward": 1}, *rows_of(41, colour="red", size=3)]
    with caplog.at_level(logging.WARNING):
        scores = opened.score(rows)
        again = opened.score(rows)
    assert [score.source for score in scores] == [
        ScoreSource.VERIFIED,
        *3 * [ScoreSource.PROPAGATED],
    ]
    assert [score.rollout_id for score in again] == [score.rollout_id for score in scores]
    assert scores[1].rollout_id == rollout_id(trained.name, "run-1", "q41", 0, 0)
    named = [record.getMessage() for record in caplog.records if "ignored" in record.getMessage()]
    assert named == ["ignored, since they mean nothing here: colour, size"], "once, and by name"


def test_a_wrong_row_is_named_and_nothing_is_stored(
    opened: Memory, trained: MemoryUnderTest
) -> None:
    count = "MATCH (a:Answer {memory: $memory}) RETURN count(a) AS n"
    before = trained.ask(count)
    with pytest.raises(InputError, match="rollout 1 of 2: `query` is missing"):
        opened.score([rows_of(50)[0], {"completion": "4"}])
    not_a_row: Any = "What is 2 + 2?"
    with pytest.raises(InputError, match="rollout 0 of 1 is a str: give a dict"):
        opened.score([not_a_row])
    assert opened.query(count) == before


def test_labels_are_rows_too(opened: Memory) -> None:
    first, second, third = opened.score(rows_of(60))
    report = opened.label(
        [
            {"rollout_id": first.rollout_id, "reward": 1},
            {"query_id": "q60", "rollout": 2, "reward": 0.0, "annotator": "bob"},
            {"query_id": "q60", "better": 0, "worse": 1},
        ],
        annotator="ann",
    )
    assert (report.rewards, report.preferences) == (2, 1)
    found = opened.query(
        "MATCH (q:Query {memory: $memory, text: $text})-[:GENERATED]->()-[:LEADS_TO]->(a:Answer) "
        "RETURN a.id AS id, a.verified_reward AS reward, a.verified_source AS source "
        "ORDER BY a.place",
        text="What is 60 + 60?",
    )
    assert [tuple(row.values()) for row in found] == [
        (first.rollout_id, 1.0, "ann"),
        (second.rollout_id, None, None),
        (third.rollout_id, 0.0, "bob"),
    ]
    with pytest.raises(InputError, match="no rollout"):
        opened.label([{"query_id": "q61", "rollout": 0, "reward": 1}], annotator="ann")


def test_questions_only_read(opened: Memory) -> None:
    with pytest.raises(QueryRefusedError):
        opened.query("MATCH (n {memory: $memory}) DETACH DELETE n")


def test_scores_are_kept_where_it_is_asked_for(
    trained: MemoryUnderTest, server_settings: Settings
) -> None:
    told = (
        "MATCH (a:Answer {memory: $memory}) WHERE a.propagated_at IS NOT NULL "
        "RETURN a.id AS id, a.propagated_reward AS value, a.propagated_model AS model ORDER BY id"
    )
    with Memory(trained.stores, server_settings, trained.name, "run-1") as memory:
        memory.score(rows_of(70))
        assert memory.query(told) == []
    kept = Memory(trained.stores, server_settings, trained.name, "run-1", keep_scores=True)
    with kept as memory:
        scores = memory.score([*rows_of(71), {**rows_of(72)[0], "reward": 1}])
        memory.score(rows_of(73), store=False)
        found = [tuple(row.values()) for row in memory.query(told)]
    expected = [(s.rollout_id, s.value, s.model) for s in scores if s.model is not None]
    assert len(expected) == 3
    assert found == sorted(expected)
