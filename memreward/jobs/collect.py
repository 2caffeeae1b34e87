"""Collecting as a job: what is stored, what may be verified, and where new rollouts go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memreward import Memory
from memreward.base import Bars
from memreward.scoring import PlannedCalls
from memstore import Settings
from memstore.changes import RolloutWriter, link, needs_link
from memstore.db import Stores
from memstore.formats import RolloutFile
from memstore.reads import calls_of_run
from schema.calls import Reuse
from schema.errors import InputError
from schema.ids import checked_name, rollout_id
from schema.rollout import Rollout
from schema.validation import check_rollout
from trainer import choose_labelled_queries
from trainer.policy import Policy, Sampling, load_policy
from trainer.rewards import check_call_budget
from trainer.runs import Choose, CollectReport, Ingest, Place, collect
from trainer.tasks import TaskSet, load_tasks
from trainer.verifiers import Verifiers


@dataclass(frozen=True, kw_only=True)
class CollectRequest:
    """What `memreward collect` was asked for."""

    policy: str
    tasks: str
    sampling: Sampling
    #: Share in [0, 1] of each data set's queries whose rollouts are verified.
    labels: float = 0.2
    #: Instead of `labels`: share of the rollouts that may be verified; the memory plans which.
    calls: float | None = None
    run_code: bool = False


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A collection that was looked at and can begin."""

    request: CollectRequest
    tasks: TaskSet
    labelled: frozenset[str]
    policy: Policy

    def choose(self, rollouts: Sequence[Rollout]) -> list[int]:
        """Rows of those that answer a labelled query."""
        return [row for row, one in enumerate(rollouts) if one.query in self.labelled]


def prepared(request: CollectRequest) -> Collection:
    """Read the tasks, spend the budget, and load the policy.

    Raises:
        InputError: if tasks, policy or budget cannot be used.
    """
    tasks = load_tasks(request.tasks)
    labelled = frozenset[str]()
    check_call_budget(request.calls, None)
    if request.calls is None and request.labels != 0.0:
        labelled = choose_labelled_queries(
            [(task.query, task.dataset) for task in tasks], request.labels, request.sampling.seed
        )
    return Collection(
        request=request, tasks=tasks, labelled=labelled, policy=load_policy(request.policy)
    )


def collect_into_memory(
    stores: Stores,
    settings: Settings,
    memory: str,
    run: str,
    collection: Collection,
    progress: Bars,
) -> CollectReport:
    """Ingest what the policy writes, a batch at a time, and link at the end.

    Raises:
        InputError: if a name or a rollout cannot be used.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory is deleted in between.
    """
    checked_name(memory, "memory")
    checked_name(run, "run")
    stored = _stored(stores, memory, run, collection)
    if collection.request.calls is None:
        report = _collected(
            collection, _ingest(stores, memory, run), collection.choose, stored, progress
        )
    else:
        with Memory(stores, settings, memory, run, reuse=Reuse()) as opened:
            made = calls_of_run(stores, memory, run)
            calls = PlannedCalls(opened, collection.request.calls, rollouts=len(stored), made=made)
            report = _collected(collection, calls.store, calls.plan, stored, progress)
            report.taken_over = calls.taken_over
    if needs_link(stores, memory):
        link(stores, memory, progress=lambda at, total: progress("link queries", at, total))
    return report


def _ingest(stores: Stores, memory: str, run: str) -> Ingest:
    writer = RolloutWriter(stores, memory, run)

    def ingest(rollouts: Sequence[Rollout]) -> None:
        for rollout in rollouts:
            check_rollout(rollout, writer.encoder.dimension)
        writer.add(rollouts)

    return ingest


def collect_into_file(path: Path, collection: Collection, progress: Bars) -> CollectReport:
    """Write what the policy writes to a file that `memreward ingest` and `evaluate` read.

    Raises:
        InputError: if the file cannot be used.
    """
    file = RolloutFile(path)
    if collection.request.calls is not None:
        raise InputError("--calls are planned by a memory: give --memory NAME instead of --out")
    stored = frozenset(file.stored)
    return _collected(collection, file.append, collection.choose, stored, progress)


def _collected(
    collection: Collection,
    ingest: Ingest,
    choose: Choose,
    stored: frozenset[Place],
    progress: Bars,
) -> CollectReport:
    request = collection.request
    with Verifiers(run_code=request.run_code) as verifiers:
        return collect(
            collection.policy,
            collection.tasks,
            request.sampling,
            ingest=ingest,
            stored=stored,
            choose=choose,
            verifiers=verifiers,
            progress=progress,
        )


def _stored(stores: Stores, memory: str, run: str, collection: Collection) -> frozenset[Place]:
    """Places of the rollouts that the memory holds of this run."""
    place_of = {
        rollout_id(memory, run, task.source_query_id, 0, place): (task.source_query_id, place)
        for task in collection.tasks
        for place in range(collection.request.sampling.rollouts)
    }
    with stores.vectors.transaction("outbox.sql") as session:
        memories = [memory] * len(place_of)
        known = session.rows("known_rollouts", memories=memories, ids=list(place_of))
        return frozenset(place_of[row[0]] for row in known)


def check_targets(memory: str | None, out: Path | None) -> None:
    """Check that rollouts go to exactly one place.

    Raises:
        InputError: if none or both are named.
    """
    if (memory is None) == (out is None):
        raise InputError("say where rollouts go: either --memory NAME or --out FILE.jsonl")
