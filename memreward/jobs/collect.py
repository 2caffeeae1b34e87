"""Collecting as a job: what is stored, what may be verified, and where new rollouts go."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gnn.jobs import OnlineScorer
from memreward import Memory, ShardedMemory
from memreward.base import Bars
from memreward.scoring import PlannedCalls
from memstore import Settings
from memstore.changes import BatchWriter
from memstore.db import Stores, VectorStore
from memstore.formats import RolloutFile
from memstore.reads import calls_of_run
from memstore.shards import Shards, writer_of
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
    shards: Shards | None = None,
) -> CollectReport:
    """Ingest what the policy writes, a batch at a time, and link at the end.

    Args:
        stores: both databases.
        settings: tell where checkpoints and snapshots are.
        memory: its name.
        run: that makes the rollouts.
        collection: see there.
        progress: told how far it is.
        shards: of a memory that is divided.

    Raises:
        InputError: if a name or a rollout cannot be used.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory is deleted in between.
    """
    checked_name(memory, "memory")
    checked_name(run, "run")
    writer = writer_of(stores, memory, run, shards)
    stored = _stored(writer, collection)
    if collection.request.calls is None:
        report = _collected(collection, _ingest(writer), collection.choose, stored, progress)
    else:
        with _opened(stores, settings, memory, run, shards) as opened:
            made = calls_of_run(_places(stores, memory, shards), run)
            calls = PlannedCalls(opened, collection.request.calls, rollouts=len(stored), made=made)
            report = _collected(collection, calls.store, calls.plan, stored, progress)
            report.taken_over = calls.taken_over
    writer.link_new(partial(progress, "link queries"))
    return report


def _opened(
    stores: Stores, settings: Settings, memory: str, run: str, shards: Shards | None
) -> Memory | ShardedMemory:
    """What plans the calls."""
    if shards is None:
        return Memory(stores, settings, memory, run, reuse=Reuse())
    scorer = OnlineScorer(stores, settings, memory, run, reuse=Reuse(), shards=shards)
    return ShardedMemory(scorer, shards, ExitStack())


def _places(stores: Stores, memory: str, shards: Shards | None) -> list[tuple[VectorStore, str]]:
    """Postgres of the memory, or of each of its shards, and its name there."""
    if shards is None:
        return [(stores.vectors, memory)]
    return [(part.stores.vectors, part.name) for part in shards.parts]


def _ingest(writer: BatchWriter) -> Ingest:
    def ingest(rollouts: Sequence[Rollout]) -> None:
        for rollout in rollouts:
            check_rollout(rollout, writer.encoder.dimension)
        writer.write([rollouts], lambda rows: None)

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


def _stored(writer: BatchWriter, collection: Collection) -> frozenset[Place]:
    """Places of the rollouts that the memory holds of this run."""
    place_of = {
        rollout_id(writer.memory, writer.run, task.source_query_id, 0, place): (
            task.source_query_id,
            place,
        )
        for task in collection.tasks
        for place in range(collection.request.sampling.rollouts)
    }
    return frozenset(place_of[id_] for id_ in writer.held(list(place_of)))


def check_targets(memory: str | None, out: Path | None) -> None:
    """Check that rollouts go to exactly one place.

    Raises:
        InputError: if none or both are named.
    """
    if (memory is None) == (out is None):
        raise InputError("say where rollouts go: either --memory NAME or --out FILE.jsonl")
