"""Evaluation as a job: a scratch memory, models fitted on a few labels, the rest scored."""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gnn.base import ProgressReport, RewardModel, final_queries
from gnn.evaluation import BudgetCurve, CallCurve, Evaluation, Trial, evaluate, evaluate_calls
from gnn.models import reward_model
from gnn.models.memreward import ABLATIONS, MemrewardModel
from memreward.base import Bars
from memreward.jobs.ingest import IngestRequest, ingest_files
from memstore.db import Stores
from memstore.formats import RolloutReader, inspect_files
from memstore.outbox import delete_memory
from memstore.reads import list_memories, read_graph
from schema.errors import InputError
from schema.keyed_rollout import prepare
from schema.memory_graph import Bools, MemoryGraph
from schema.rollout import POLICY_SIGNALS, Rollout
from trainer import choose_labelled_queries

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


@dataclass(frozen=True, kw_only=True)
class _Material:
    """What is fitted on and scored, with the rewards that stay outside the memory."""

    fit_graph: MemoryGraph
    predict_graph: MemoryGraph
    #: True reward by rollout id, by run.
    truth: Mapping[str, Mapping[str, float]]


def evaluate_files(
    stores: Stores, request: EvaluationRequest, progress: Bars
) -> Evaluation | BudgetCurve:
    """Ingest the files without a single reward, then label, fit and score for each seed.

    30 % of the queries of `train`, by a hash of their text, are never labelled, and scored only
    with `final`.

    Returns:
        A curve where several label shares were asked for.

    Raises:
        InputError: if a file or an option cannot be used.
    """
    models = {name: _compared(name) for name in (MODEL, *request.baselines)}
    graphs, truth = read_files(stores, request, progress)
    material = _Material(fit_graph=graphs[0], predict_graph=graphs[-1], truth=truth)
    shares = sorted(set(request.labels))
    found = {share: _evaluated(request, material, models, share, progress) for share in shares}
    return BudgetCurve(evaluations=found) if len(found) > 1 else found[shares[0]]


def _compared(name: str) -> type[RewardModel]:
    return ABLATIONS[name] if name in ABLATIONS else reward_model(name)


def _evaluated(
    request: EvaluationRequest,
    material: _Material,
    models: Mapping[str, type[RewardModel]],
    share: float,
    progress: Bars,
) -> Evaluation:
    """All models in all trials at one label share."""
    graph = material.predict_graph
    rewards = material.truth.values()
    reward_of = {id_: reward for of_run in rewards for id_, reward in of_run.items()}
    seeds = range(request.seeds)
    return evaluate(
        fit_graph=material.fit_graph,
        predict_graph=graph,
        truth_R=np.array([reward_of[id_] for id_ in graph.rollout_id_R], np.float32),
        trials=[trial(request, seed, share, graph, material.truth) for seed in seeds],
        models=models,
        labels=share,
        progress=_labelled_progress(progress, share) if len(set(request.labels)) > 1 else progress,
    )


def evaluate_calls_of_file(
    stores: Stores,
    request: EvaluationRequest,
    shares: Sequence[float],
    strategies: Sequence[str],
    progress: Bars,
) -> CallCurve:
    """Ingest the file without a single reward, then buy verdicts for each seed and strategy.

    Args:
        stores: both databases.
        request: the file, the seeds and `text_only`.
        shares: budgets, as shares of the rollouts.
        strategies: to compare with.
        progress: told how far it is.

    Raises:
        InputError: if the file or an option cannot be used.
    """
    if request.tests or request.final:
        raise InputError(
            "--calls buys verdicts on the rollouts of TRAIN and scores the same: leave out --test "
            "and --final"
        )
    (graph,), truth = read_files(stores, replace(request, labels=(1.0,)), progress)
    rewards = truth[TRAIN_RUN]
    return evaluate_calls(
        graph,
        np.array([rewards[id_] for id_ in graph.rollout_id_R], dtype=np.float32),
        shares=shares,
        seeds=request.seeds,
        strategies=strategies,
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
    _check_labels(request)
    with _scratch_memory(stores, run_of.values()) as memory:
        graphs = [_ingested(stores, memory, run, path, progress) for run, path in run_of.items()]
        truth = {run: true_rewards(memory, run, path) for run, path in run_of.items()}
    if request.text_only:
        graphs = [_without_signals(graph) for graph in graphs]
    return graphs, truth


def _labelled_progress(progress: Bars, share: float) -> ProgressReport:
    """The same bars, with the label share before the name of each."""
    return lambda what, done, total: progress(f"{share:.0%} {what}", done, total)


def _runs(request: EvaluationRequest) -> dict[str, Path]:
    """Run name to file; a test file is its own run and set, named by its stem."""
    if request.seeds < 1:
        raise InputError(f"--seeds {request.seeds}: give at least 1")
    for share in request.labels:
        if not 0 < share <= 1:
            raise InputError(f"--labels {share}: give a share above 0 and at most 1")
    if len(set(request.labels)) > 1 and max(request.labels) == 1:
        raise InputError("--labels: where all queries are labelled, none is left to be scored")
    runs = {TRAIN_RUN: request.train}
    for path in request.tests:
        if path.stem in (*runs, UNLABELLED, FINAL):
            raise InputError(f"{path}: its name is taken by another set; rename the file")
        runs[path.stem] = path
    return runs


def _check_labels(request: EvaluationRequest) -> None:
    """Refuse, before anything is stored, what would leave the default model too few labels."""
    rewarded = {
        row.query
        for row in RolloutReader(inspect_files([request.train]))
        if isinstance(row, Rollout) and row.reward is not None
    }
    if not rewarded:
        raise InputError(
            f"{request.train}: no row has a `reward`, and the rewards are compared with these: "
            "give a file of verified rollouts, of which a share is then shown as labels"
        )
    few, needed = min(request.labels), MemrewardModel().fewest_queries
    if round(few * len(rewarded)) < needed:
        raise InputError(
            f"--labels {few:g} shows the rewards of {round(few * len(rewarded))} of "
            f"{len(rewarded)} queries, and {MODEL} learns from {needed} at least: give a larger "
            "share, or a file with more queries"
        )


@contextmanager
def _scratch_memory(stores: Stores, files: Iterable[Path]) -> Iterator[str]:
    """A memory that is gone afterwards, whatever happens.

    Ids, and with them the order of everything, come from its name. The same files get the same
    name, and so the same figures to the last bit; another one if that is taken, because such an
    evaluation is under way or was killed.
    """
    digest = hashlib.sha256()
    for path in files:
        inspect_files([path])
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    memory = f"scratch-{digest.hexdigest()[:12]}"
    if memory in list_memories(stores):
        memory += f"-{secrets.token_hex(4)}"
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


def true_rewards(memory: str, run: str, path: Path) -> dict[str, float]:
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
    share: float,
    graph: MemoryGraph,
    truth: Mapping[str, Mapping[str, float]],
) -> Trial:
    """Which queries seed `seed` labels at a share, and which rollouts are scored then."""
    run_R = np.array([run_of_rollout(truth, id_) for id_ in graph.rollout_id_R])
    query_R = graph.query_of_rollout_R
    in_train_Q = np.zeros(len(graph.query_id_Q), dtype=np.bool_)
    in_train_Q[query_R[run_R == TRAIN_RUN]] = True
    final_Q = in_train_Q & final_queries(graph)
    several = len(set(request.labels)) > 1
    counted_Q = in_train_Q & ~final_Q if several else in_train_Q
    dataset_of = {graph.query_text_Q[q]: graph.dataset_Q[q] for q in np.flatnonzero(counted_Q)}
    never = {graph.query_text_Q[q] for q in np.flatnonzero(final_Q)}

    def labelled(fraction: float) -> Bools:
        chosen = choose_labelled_queries(dataset_of.items(), fraction, seed, never=never)
        return in_train_Q & np.isin(graph.query_text_Q, list(chosen))

    labelled_Q = labelled(share)
    spared_Q = ~labelled(max(request.labels)) if several else ~labelled_Q
    open_R = (run_R == TRAIN_RUN) & spared_Q[query_R]
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
