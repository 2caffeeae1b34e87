"""A served memory as a scorer: nothing of a rollout is lost on the way."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import numpy as np
import pytest
from support.rollout_factory import make_rollout
from support.serving import TOKEN, ServedFake, Service, serving

from memreward.client.remote_memory import RemoteMemory
from schema.calls import CallPlanner
from schema.errors import InputError
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Scorer
from trainer.rewards.from_memory import memory_reward


@pytest.fixture
def memory() -> ServedFake:
    return ServedFake(lambda rollout: 0.1 if rollout.answer == "5" else 0.9)


@pytest.fixture
def service(memory: ServedFake) -> Iterator[Service]:
    with serving(memory) as running:
        yield running


def test_rollouts_arrive_as_they_are(service: Service, memory: ServedFake) -> None:
    remote: Scorer = RemoteMemory(service.url, TOKEN)
    sent = [
        make_rollout(3, 1, step=7, checkpoint="c"),
        make_rollout(3, 2, reward=None, thinking="", truncated=None, policy_signals=None),
        Rollout(query="Cut?", thinking="Hm", answer="", source_query_id="q", place=0),
    ]
    scores = remote.score(sent)
    assert list(memory.stored) == [score.rollout_id for score in scores]
    for before, after in zip(sent, memory.stored.values(), strict=True):
        for name, value in asdict(before).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, getattr(after, name)), name
            else:
                assert value == getattr(after, name), name
    assert [score.value for score in scores] == [sent[0].reward, 0.9, 0.9]
    remote.score(sent, store=False)
    assert memory.calls[-1] == (3, False)
    rows = [{"query": "What is 2 + 2?", "completion": f"#### {n}", "rollout": n} for n in (4, 5)]
    assert [score.value for score in remote.score(rows)] == [0.9, 0.1]
    remote.flush()
    assert memory.flushed == 1
    with pytest.raises(InputError, match="NUL"):
        remote.score([make_rollout(9, answer="a\0")])


def test_calls_are_planned_over_http(service: Service, memory: ServedFake) -> None:
    remote = RemoteMemory(service.url, TOKEN)
    assert isinstance(remote, CallPlanner)
    sent = [make_rollout(3, place, reward=None) for place in range(3)]
    assert remote.plan_calls(sent, 2) == [0, 1]
    ((seen, budget),) = memory.planned
    assert ([rollout.place for rollout in seen], budget, memory.stored) == ([0, 1, 2], 2, {})
    with pytest.raises(InputError, match="rollout 1 of 2"):
        remote.plan_calls([sent[0], make_rollout(9, answer="a\0")], 1)
    with pytest.raises(InputError, match="budget"):
        remote.plan_calls(sent, -1)


def test_rows_are_planned_labelled_and_learned_from(service: Service, memory: ServedFake) -> None:
    remote = RemoteMemory(service.url, TOKEN)
    rows = [{"query": "What is 2 + 2?", "completion": f"#### {n}", "rollout": n} for n in (4, 5)]
    assert remote.plan_calls(rows, 1) == [0]
    scores = remote.score(rows)
    labels = [{"rollout_id": score.rollout_id, "reward": 1.0} for score in scores]
    assert remote.label(labels, annotator="ann") == LabelReport(rewards=2)
    assert [(row["rollout_id"], who) for row, who in memory.labels] == [
        (score.rollout_id, "ann") for score in scores
    ]
    with pytest.raises(InputError, match="no rollout none"):
        remote.label([{"rollout_id": "none", "reward": 1}], annotator="ann")
    assert remote.learn() == "learned 1"


def test_trl_verifies_what_a_served_memory_plans(service: Service) -> None:
    asked: list[str] = []

    def verify(
        prompts: Sequence[str], completions: Sequence[str], completion_ids: object, **_: object
    ) -> list[float | None]:
        asked.extend(completions)
        return [1.0] * len(completions)

    reward = memory_reward(
        RemoteMemory(service.url, TOKEN), verify=verify, calls_per_step=1, training=lambda: True
    )
    given = reward(prompts=["2 + 2?"] * 3, completions=["4", "5", "4"], completion_ids=[[1]] * 3)
    assert (asked, given[0]) == (["4"], 1.0)


def test_trl_is_rewarded_by_a_served_memory(service: Service, memory: ServedFake) -> None:
    reward = memory_reward(RemoteMemory(service.url, TOKEN), training=lambda: True)
    given = reward(prompts=["2 + 2?"] * 3, completions=["4", "5", ""], completion_ids=[[1]] * 3)
    assert given == [0.9, 0.1, None]
    assert len(memory.stored) == 2
