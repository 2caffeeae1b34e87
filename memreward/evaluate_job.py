"""Evaluation as a job: a scratch memory, models fitted on a few labels, the rest scored."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gnn.evaluate import Evaluation, Trial, evaluate
from gnn.registry import reward_model
from gnn.split import final_queries
from memreward.console import Bars
from memreward.ingest_job import IngestRequest, ingest_files
from memstore.delete import delete_memory
from memstore.input_files import inspect_files
from memstore.prepare import prepare
from memstore.read_graph import read_graph
from memstore.reader import RolloutReader
from memstore.stores import Stores
from schema.errors import InputError
from schema.memory_graph import MemoryGraph
from schema.rollout import POLICY_SIGNALS, Rollout
from trainer.budget import choose_labelled_queries

MODEL = "memreward"
BASELINES = ("constant", "majority", "knn", "logistic", "published")
UNLABELLED, FINAL = "unlabelled", "final"
TRAIN_RUN = "train"


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What `memreward evaluate` was asked for."""

    train: Path
    tests: Sequence[Path] = ()
    #: Share of each dataset's queries of `train` that are labelled.
    labels: float = 0.2
    seeds: int = 3
    baselines: Sequence[str] = BASELINES
    #: Also score the set that choices are made without.
    final: bool = False
    #: Ignore the policy's own signals.
    text_only: bool = False


def evaluate_files(stores: Stores, request: EvaluationRequest, progress: Bars) -> Evaluation:
    """Ingest the files without a single reward, then label, fit and score for each seed.

    30 % of the queries of `train`, by a hash of their text, are never labelled, and scored only
    with `final`.

    Raises:
        InputError: if a file or an option cannot be used.
    """
    models = {name: reward_model(name) for name in (MODEL, *request.baselines)}
    graphs, truth = read_files(stores, request, progress)
    fit_graph, predict_graph = graphs[0], graphs[-1]
    reward_of = {id_: reward for rewards in truth.values() for id_, reward in rewards.items()}
    return evaluate(
        fit_graph=fit_graph,
        predict_graph=predict_graph,
        truth_R=np.array([reward_of[id_] for id_ in predict_graph.rollout_id_R], np.float32),
        trials=[trial(request, seed, predict_graph, truth) for seed in range(request.seeds)],
        models=models,
        labels=request.labels,
        progress=progress,
    )


def read_files(
    stores: Stores, request: EvaluationRequest, progress: Bars
) -> tuple[list[MemoryGraph], dict[str, dict[str, float]]]:
    """The graph after each file has come in without its rewards, and the true rewards by run.

    Raises:
        InputError: if a file or an option cannot be used.
    """
    run_of = _runs(request)
    with _scratch_memory(stores) as memory:
        graphs = [_ingested(stores, memory, run, path, progress) for run, path in run_of.items()]
        truth = {run: _true_rewards(memory, run, path) for run, path in run_of.items()}
    if request.text_only:
        graphs = [_without_signals(graph) for graph in graphs]
    return graphs, truth


def _runs(request: EvaluationRequest) -> dict[str, Path]:
    """Run name to file; a test file is its own run and set, named by its stem."""
    if request.seeds < 1:
        raise InputError(f"--seeds {request.seeds}: give at least 1")
    if not 0 < request.labels <= 1:
        raise InputError(f"--labels {request.labels}: give a share above 0 and at most 1")
    runs = {TRAIN_RUN: request.train}
    for path in request.tests:
        if path.stem in (*runs, UNLABELLED, FINAL):
            raise InputError(f"{path}: its name is taken by another set; rename the file")
        runs[path.stem] = path
    return runs


@contextmanager
def _scratch_memory(stores: Stores) -> Iterator[str]:
    """A memory that is gone afterwards, whatever happens."""
    memory = f"scratch-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield memory
    finally:
        delete_memory(stores, memory)


def _ingested(stores: Stores, memory: str, run: str, path: Path, progress: Bars) -> MemoryGraph:
    """The memory after every rollout of a file, and no reward, has come in.

    Test files are tied on arrival only, which leaves the edges of the queries before them alone.
    """
    request = IngestRequest(
        files=[path], memory=memory, run=run, labels=0.0, relink=run == TRAIN_RUN
    )
    ingest_files(stores, request, progress)
    return read_graph(stores, memory)


def _true_rewards(memory: str, run: str, path: Path) -> dict[str, float]:
    """True reward by rollout id, NaN where the file has none; they stay outside the memory."""
    return {
        prepare(memory, run, row).id: np.nan if row.reward is None else row.reward
        for row in RolloutReader(inspect_files([path]))
        if isinstance(row, Rollout)
    }


def _without_signals(graph: MemoryGraph) -> MemoryGraph:
    count = len(graph.rollout_id_R)
    return replace(
        graph,
        policy_signals_R6=np.full((count, len(POLICY_SIGNALS)), np.nan, dtype=np.float32),
        policy_embedding_RP=np.zeros((count, 0), dtype=np.float32),
    )


def trial(
    request: EvaluationRequest,
    seed: int,
    graph: MemoryGraph,
    truth: Mapping[str, Mapping[str, float]],
) -> Trial:
    """Which queries seed `seed` labels, and which rollouts are scored then."""
    run_R = np.array([run_of_rollout(truth, id_) for id_ in graph.rollout_id_R])
    query_R = graph.query_of_rollout_R
    in_train_Q = np.zeros(len(graph.query_id_Q), dtype=np.bool_)
    in_train_Q[query_R[run_R == TRAIN_RUN]] = True
    final_Q = in_train_Q & final_queries(graph)
    dataset_of = {graph.query_text_Q[q]: graph.dataset_Q[q] for q in np.flatnonzero(in_train_Q)}
    never = {graph.query_text_Q[q] for q in np.flatnonzero(final_Q)}
    chosen = choose_labelled_queries(dataset_of.items(), request.labels, seed, never=never)
    labelled_Q = in_train_Q & np.isin(graph.query_text_Q, list(chosen))
    open_R = (run_R == TRAIN_RUN) & ~labelled_Q[query_R]
    sets = {UNLABELLED: open_R & ~final_Q[query_R]}
    if request.final:
        sets[FINAL] = open_R & final_Q[query_R]
    sets |= {run: run_R == run for run in truth if run != TRAIN_RUN}
    return Trial(
        seed=seed,
        labelled_query_ids={graph.query_id_Q[q] for q in np.flatnonzero(labelled_Q)},
        sets={name: in_R for name, in_R in sets.items() if in_R.any()},
    )


def run_of_rollout(truth: Mapping[str, Mapping[str, float]], rollout: str) -> str:
    """The run whose file a rollout came from."""
    return next(run for run, rewards in truth.items() if rollout in rewards)
