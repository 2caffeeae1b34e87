"""Files in a scratch memory without their rewards, which stay outside: to be scored against."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gnn.base import is_final
from gnn.models.memreward import MemrewardModel
from memreward.base import Bars
from memreward.jobs.ingest import IngestRequest, ingest_files
from memstore.changes import RolloutWriter
from memstore.db import Stores
from memstore.formats import ReadOptions, RolloutReader, inspect_files
from memstore.mapping import ShapeOptions
from memstore.outbox import delete_memory
from memstore.reads import list_memories, read_graph
from schema.errors import InputError
from schema.keyed_rollout import prepare
from schema.memory_graph import MemoryGraph
from schema.rollout import POLICY_SIGNALS, Rollout

MODEL = "memreward"
BASELINES = ("constant", "majority", "knn", "logistic", "published")
UNLABELLED, FINAL = "unlabelled", "final"
TRAIN_RUN = "train"


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What `memreward evaluate` was asked for."""

    train: Path
    tests: Sequence[Path] = ()
    #: Share of each dataset's queries of `train` that are labelled. Of several, each is a share
    #: of the queries outside the final set, and at all of them the same queries are scored: those
    #: that the largest leaves.
    labels: Sequence[float] = (0.2,)
    seeds: int = 3
    baselines: Sequence[str] = BASELINES
    #: Also score the set that no choice was based on.
    final: bool = False
    #: Ignore the policy's own signals.
    text_only: bool = False
    #: How other tools' files are read: all files, `train` and `tests`.
    shape: ShapeOptions = field(default_factory=ShapeOptions)
    #: The file of prompts that belongs to files which have none.
    prompts: Path | None = None
    #: Which of `answer` and `completion` counts where a row has both.
    prefer: Literal["answer", "completion"] | None = None

    @property
    def is_curve(self) -> bool:
        """Whether several label shares are asked for."""
        return len(set(self.labels)) > 1

    def ingestion(self, path: Path, memory: str = "", run: str = "") -> IngestRequest:
        """The file as `memreward ingest` reads it, without its rewards.

        Test files are tied on arrival only, which leaves the edges of queries before them alone.
        """
        return IngestRequest(
            files=[path],
            memory=memory,
            run=run,
            labels=0.0,
            prefer=self.prefer,
            shape=self.shape,
            prompts=self.prompts,
            relink=run == TRAIN_RUN,
        )


def read_files(
    stores: Stores, request: EvaluationRequest, progress: Bars
) -> tuple[list[MemoryGraph], dict[str, dict[str, float]]]:
    """The graph after each file has come in without its rewards, and the true rewards by run.

    Raises:
        InputError: if a file or an option cannot be used.
    """
    run_of = _runs(request)
    options = request.ingestion(request.train).options()
    _check_labels(request, options)
    with _scratch_memory(stores, run_of.values(), options) as memory:
        graphs, truth = [], {}
        for run, path in run_of.items():
            writer = RolloutWriter(stores, memory, run)
            ingest_files(writer, request.ingestion(path, memory, run), progress)
            graphs.append(read_graph(stores, memory))
            truth[run] = true_rewards(memory, run, path, options)
    if request.text_only:
        graphs = [_without_signals(graph) for graph in graphs]
    return graphs, truth


def _runs(request: EvaluationRequest) -> dict[str, Path]:
    """Run name to file; a test file is its own run and set, named by its stem."""
    if request.seeds < 1:
        raise InputError(f"--seeds {request.seeds}: give at least 1")
    for share in request.labels:
        if not 0 < share <= 1:
            raise InputError(f"--labels {share}: give a share above 0 and at most 1")
    if request.is_curve and max(request.labels) == 1:
        raise InputError("--labels: where all queries are labelled, none is left to be scored")
    runs = {TRAIN_RUN: request.train}
    for path in request.tests:
        if path.stem in (*runs, UNLABELLED, FINAL):
            raise InputError(f"{path}: its name is taken by another set; rename the file")
        runs[path.stem] = path
    return runs


def _check_labels(request: EvaluationRequest, options: ReadOptions) -> None:
    """Refuse, before anything is stored, what would leave the default model too few labels."""
    if options.mapping is not None and options.mapping.is_preference:
        raise InputError(
            f"--format {request.shape.format}: preferences say which of two is better, not what is "
            "right, and the rewards are compared with that: give a file of verified rollouts"
        )
    rewarded = {
        row.query
        for row in RolloutReader(inspect_files([request.train], options), options)
        if isinstance(row, Rollout) and row.reward is not None
    }
    if not rewarded:
        raise InputError(
            f"{request.train}: no row has a `reward`, and the rewards are compared with these: "
            "give a file of verified rollouts, of which a share is then shown as labels, or say "
            "with --map reward=COLUMN where it is"
        )
    pool = len([query for query in rewarded if not (request.is_curve and is_final(query))])
    few, needed = min(request.labels), MemrewardModel().fewest_queries
    if round(few * pool) < needed:
        apart = " outside the final set" if request.is_curve else ""
        raise InputError(
            f"--labels {few:g} shows the rewards of {round(few * pool)} of {pool} queries{apart}, "
            f"and {MODEL} learns from {needed} at least: give a larger share, or a file with more "
            "queries"
        )


@contextmanager
def _scratch_memory(stores: Stores, files: Iterable[Path], options: ReadOptions) -> Iterator[str]:
    """A memory that is gone afterwards, whatever happens.

    Ids, and with them the order of everything, come from its name. The same files get the same
    name, and so the same figures to the last bit; another one if that is taken, because such an
    evaluation is under way or was killed.
    """
    digest = hashlib.sha256()
    for path in files:
        for found in inspect_files([path], options):
            digest.update(_digest(found.path))
    memory = f"scratch-{digest.hexdigest()[:12]}"
    if memory in list_memories(stores):
        memory += f"-{secrets.token_hex(4)}"
    try:
        yield memory
    finally:
        delete_memory(stores, memory)


def _digest(path: Path) -> bytes:
    """Of a file's content; of a folder, of all its files' contents by name."""
    if path.is_dir():
        parts = sorted(part for part in path.rglob("*") if part.is_file())
        return hashlib.sha256(b"".join(map(_digest, parts))).digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def true_rewards(
    memory: str, run: str, path: Path, options: ReadOptions | None = None
) -> dict[str, float]:
    """True reward by rollout id, NaN where the file has none; they stay outside the memory."""
    return {
        prepare(memory, run, row).id: np.nan if row.reward is None else row.reward
        for row in RolloutReader(inspect_files([path], options), options)
        if isinstance(row, Rollout)
    }


def _without_signals(graph: MemoryGraph) -> MemoryGraph:
    count = len(graph.rollout_id_R)
    return replace(
        graph,
        policy_signals_R6=np.full((count, len(POLICY_SIGNALS)), np.nan, dtype=np.float32),
        policy_embedding_RP=np.zeros((count, 0), dtype=np.float32),
    )
