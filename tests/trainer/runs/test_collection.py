"""Collecting: whole groups, rewards within the budget only, and the same after an interruption."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_policy import write_tiny_policy

from schema.rollout import Rollout
from schema.task import Check, Task, VerifierKind
from trainer.policy.policy import Policy, load_policy
from trainer.policy.sampling import Sampling
from trainer.runs import collection as collect_module
from trainer.runs.collection import CollectReport, collect
from trainer.tasks.task_sets import TaskSet
from trainer.verifiers.pool import Verifiers

SAMPLING = Sampling(rollouts=4, max_new_tokens=6)
TASKS = TaskSet(
    name="sums",
    tasks=tuple(
        Task(
            query=f"What is {n} + 1?",
            source_query_id=f"sum-{n}",
            dataset="sums",
            domain="math",
            check=Check(kind=VerifierKind.MATH, gold=str(n + 1)),
        )
        for n in range(6)
    ),
)
LABELLED = frozenset(task.query for task in TASKS.tasks[:2])


def choose(rollouts: Sequence[Rollout]) -> list[int]:
    return [row for row, rollout in enumerate(rollouts) if rollout.query in LABELLED]


class Interrupted(Exception):
    pass


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return load_policy(str(write_tiny_policy(tmp_path_factory.mktemp("tiny"))), device="cpu")


@pytest.fixture(scope="module")
def verifiers() -> Iterator[Verifiers]:
    with Verifiers(workers=1) as started:
        yield started


class Store:
    """Keeps rollouts; raises at batch number `fails_at`."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.batches: list[list[Rollout]] = []
        self.fails_at = fails_at

    def __call__(self, rollouts: Sequence[Rollout]) -> None:
        if len(self.batches) == self.fails_at:
            raise Interrupted
        self.batches.append(list(rollouts))

    @property
    def rollouts(self) -> list[Rollout]:
        return [rollout for batch in self.batches for rollout in batch]


def run(
    policy: Policy,
    verifiers: Verifiers,
    store: Store,
    stored: frozenset[tuple[str, int]] = frozenset(),
    tasks: TaskSet = TASKS,
    sampling: Sampling = SAMPLING,
) -> CollectReport:
    return collect(
        policy,
        tasks,
        sampling,
        ingest=store,
        stored=stored,
        choose=choose,
        verifiers=verifiers,
        progress=lambda what, done, total: None,
    )


def said(rollouts: Sequence[Rollout]) -> dict[tuple[str, int], tuple[str, str, float | None]]:
    return {
        (rollout.source_query_id, rollout.place): (rollout.thinking, rollout.answer, rollout.reward)
        for rollout in rollouts
    }


def test_only_what_the_budget_allows_is_verified(policy: Policy, verifiers: Verifiers) -> None:
    store = Store()
    report = run(policy, verifiers, store)
    assert report.sampled + report.empty == 24
    for rollout in store.rollouts:
        assert (rollout.reward is not None) <= (rollout.query in LABELLED)
        assert rollout.policy == policy.name
        assert rollout.policy_signals is not None
        assert isinstance(rollout.policy_embedding, np.ndarray)
    assert report.verified + report.undecided == sum(r.query in LABELLED for r in store.rollouts)
    assert report.verified > 0


def test_an_interrupted_collection_goes_on(
    policy: Policy, verifiers: Verifiers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect_module, "CPU_BATCH", 8)
    whole, first, second = Store(), Store(fails_at=2), Store()
    run(policy, verifiers, whole)
    assert len(whole.batches) == 3
    with pytest.raises(Interrupted):
        run(policy, verifiers, first)
    stored = frozenset((r.source_query_id, r.place) for r in first.rollouts)
    report = run(policy, verifiers, second, stored)
    assert report.existing == len(stored) > 0
    assert not stored & said(second.rollouts).keys()
    assert said(first.rollouts + second.rollouts) == said(whole.rollouts)


def test_more_rollouts_are_added_to_those_there(policy: Policy, verifiers: Verifiers) -> None:
    few, more = Store(), Store()
    run(policy, verifiers, few)
    stored = frozenset((r.source_query_id, r.place) for r in few.rollouts)
    run(policy, verifiers, more, stored, sampling=replace(SAMPLING, rollouts=5))
    assert {place for _, place in said(more.rollouts)} == {4}


def test_what_cannot_be_decided_has_no_reward(policy: Policy, verifiers: Verifiers) -> None:
    unknown = Check(kind=VerifierKind.OPTIONS, gold="Z")
    tasks = replace(TASKS, tasks=tuple(replace(task, check=unknown) for task in TASKS.tasks[:2]))
    store = Store()
    report = run(policy, verifiers, store, tasks=tasks)
    assert report.undecided == len(store.rollouts) > 0
    assert all(rollout.reward is None for rollout in store.rollouts)
    assert any("could not be verified" in line for line in report.lines())
