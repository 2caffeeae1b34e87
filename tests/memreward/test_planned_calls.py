"""A budget of calls on a real memory: verdicts are taken over, and no hidden one is ever seen."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from support.call_course import course, group, truth
from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from gnn.jobs import online_scorer
from memreward.memory import Memory
from memstore.outbox.deletion import delete_memory
from memstore.reads.stats import memory_stats
from memstore.settings import Settings
from schema.calls import ConclusionToJudge, Reuse
from schema.errors import InputError
from schema.score import ScoreSource


@pytest.fixture
def open_memory(memory: MemoryUnderTest, server_settings: Settings) -> Iterator[Any]:
    opened: list[Memory] = []

    def opener(reuse: Reuse | None) -> Memory:
        opened.append(Memory(memory.stores, server_settings, memory.name, "run-1", reuse=reuse))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


def test_what_was_never_bought_is_never_seen(memory: MemoryUnderTest, open_memory: Any) -> None:
    asked, rewards = course(open_memory(Reuse(audited=0.2)), truth, budget=0.15)
    bought = {pair for step in asked for pair in step}
    assert 0 < len(bought) <= 0.15 * 96

    def other(prompt: str, text: str) -> float:
        right = truth(prompt, text)
        return right if (prompt, text) in bought else 1 - right

    delete_memory(memory.stores, memory.name)  # the same name, as ids decide ties
    assert course(open_memory(Reuse(audited=0.2)), other, budget=0.15) == (asked, rewards)
    delete_memory(memory.stores, memory.name)
    lies = course(open_memory(Reuse(audited=0.2)), lambda *_: 0.5, budget=0.15)
    assert lies[1] != rewards  # what is bought does count


def test_calls_saved_grow_with_each_epoch(memory: MemoryUnderTest, open_memory: Any) -> None:
    asked, rewards = course(open_memory(Reuse(audited=0.0)), truth, budget=1.0)
    assert [len(step) for step in asked] == [4 * 5]  # one a conclusion, and never again
    assert rewards[2] == [truth(*pair) for question in range(4) for pair in group(question, 2)]
    calls = memory_stats(memory.stores, memory.name)["calls"]
    assert (calls["made"], calls["saved"], calls["audited"]) == (20, 96 - 20, 0)


def test_the_audit_asks_for_some_all_the_same(memory: MemoryUnderTest, open_memory: Any) -> None:
    asked, _ = course(open_memory(Reuse(audited=0.1)), truth, budget=1.0)
    calls = memory_stats(memory.stores, memory.name)["calls"]
    assert calls["made"] == sum(map(len, asked)) == 20 + calls["audited"]
    assert calls["audited"] == calls["agreed"] > 0
    assert calls["made"] + calls["saved"] == 96


def test_a_score_says_that_its_verdict_was_taken_over(
    memory: MemoryUnderTest, open_memory: Any
) -> None:
    opened = open_memory(Reuse())
    opened.score([make_rollout(1, 1)])
    new = make_rollout(1, 3, reward=None)
    assert opened.score([new], store=False)[0].source is ScoreSource.PROPAGATED
    for _ in range(2):
        (score,) = opened.score([new])
        assert (score.source, score.value, score.confidence) == (
            ScoreSource.SAME_CONCLUSION,
            1.0,
            1.0,
        )


def test_the_model_is_not_asked_where_all_verdicts_are_taken_over(
    open_memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_memory(Reuse())
    opened.score([make_rollout(1, 1)])
    asked: list[int] = []
    real = online_scorer.predict_queries

    def counted(*given: Any) -> Any:
        asked.append(len(given[3]))
        return real(*given)

    monkeypatch.setattr(online_scorer, "predict_queries", counted)
    same, other = make_rollout(1, 3, reward=None), make_rollout(2, 3, reward=None)
    opened.score([same])
    assert (asked, opened.seq) == ([], opened.batches()[0])
    scores = opened.score([same, other])
    assert asked == [1]
    assert [score.source for score in scores] == [
        ScoreSource.SAME_CONCLUSION,
        ScoreSource.PROPAGATED,
    ]


def test_calls_are_planned_where_verdicts_are_taken_over(open_memory: Any) -> None:
    with pytest.raises(InputError, match="without `reuse`"):
        open_memory(None).plan_calls([make_rollout(1, 1, reward=None)], 1)


def test_a_judge_is_asked_once_about_what_helps_most(
    memory: MemoryUnderTest, open_memory: Any
) -> None:
    memory.add(make_rollouts(4), labelled=frozenset())
    asked: list[ConclusionToJudge] = []

    def judge(items: Sequence[ConclusionToJudge]) -> list[float | None]:
        asked.extend(items)
        return [1.0, None, 0.0]

    report = open_memory(None).judge(judge, 3, "judge-1")
    assert (report.rewards, report.taken_over) == (2, 2)
    assert len(asked) == 3
    assert all(item.rollouts == 2 and item.answer and item.query for item in asked)
    assert [item.gain for item in asked] == sorted((item.gain for item in asked), reverse=True)
    with pytest.raises(InputError, match="gave 1 rewards for 2"):
        open_memory(None).judge(lambda items: [1.0], 2, "judge-1")
