"""A real memory as the source of a run's rewards; no policy is needed."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.rollout_factory import make_rollout
from support.store_fixtures import MemoryUnderTest

from memreward.runs.run_request import ScorerSource
from memreward.runs.scorer_source import memory_source
from memstore.changes.propagated_rewards import list_models
from memstore.reads.full_graph import read_graph
from memstore.reads.label_spend import paid_queries
from memstore.settings import Settings
from schema.errors import InputError
from schema.rollout import Rollout
from schema.score import ScoreSource


def group(question: int, *, step: int = 0, reward: bool = False) -> list[Rollout]:
    rollouts = [make_rollout(question, place, step=step) for place in range(4)]
    if reward:
        return rollouts
    return [make_rollout(question, place, step=step, reward=None) for place in range(4)]


@contextmanager
def opened(
    memory: MemoryUnderTest, settings: Settings, *, run: str = "r", begun: bool = False
) -> Iterator[ScorerSource]:
    with memory_source(memory.stores, settings, memory.name, run, begun=begun) as source:
        yield source


def test_a_memory_learns_while_it_is_used(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    with opened(memory, server_settings) as source:
        scorer = source.scorer
        assert {s.source for s in scorer.score(group(0), store=False)} == {ScoreSource.NONE}
        assert paid_queries(memory.stores, memory.name) == {}
        unlearned = scorer.score(group(1) + group(2, reward=True))
        assert [s.source for s in unlearned] == [ScoreSource.NONE] * 4 + [ScoreSource.VERIFIED] * 4
        assert source.refresh is not None
        source.refresh()  # One labelled query is too few for a model of its own.
        told = scorer.score(group(1), store=False)
        assert {s.source for s in told} == {ScoreSource.PROPAGATED}
        assert all(s.model is not None and s.model.startswith("prior-") for s in told)
        for question in range(3, 14):
            scorer.score(group(question, reward=True))
        source.refresh()
        seq = read_graph(memory.stores, memory.name).seq
        looked = scorer.score(group(20), store=False)
        assert {s.source for s in looked} == {ScoreSource.PROPAGATED}
        scorer.flush()
        assert read_graph(memory.stores, memory.name).seq == seq
        stored = scorer.score(group(20))
        assert [s.value for s in stored] == pytest.approx([s.value for s in looked], abs=1e-5)
        texts = [f"What is {n} + {n}?" for n in range(30)]
        random.shuffle(texts)
        assert source.paid(texts) == {f"What is {n} + {n}?" for n in range(2, 14)}
        scorer.score(group(15, reward=True))
        source.refresh()
        (_, manifest), (first, _), (by_prior, _) = list_models(memory.stores, memory.name)
        assert by_prior.startswith("prior-")
        assert manifest["resumed"] == first
    graph = read_graph(memory.stores, memory.name)
    assert len(graph.rollout_id_R) == 15 * 4
    assert graph.labelled_R.sum() == 13 * 4


def test_a_run_of_that_name_from_elsewhere_is_refused(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    memory.add(group(1), run="r")
    with (
        pytest.raises(InputError, match="whose journal is not here"),
        opened(memory, server_settings),
    ):
        pass
    with opened(memory, server_settings, begun=True) as source:
        # The same again, from before the process was killed: nothing is doubled.
        source.scorer.score(group(1))
    assert len(read_graph(memory.stores, memory.name).rollout_id_R) == 4
