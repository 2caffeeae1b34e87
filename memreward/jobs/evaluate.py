"""Evaluation as a job: a scratch memory, models fitted on a few labels, the rest scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gnn.base import ProgressReport, RewardModel, final_queries
from gnn.evaluation import BudgetCurve, CallCurve, Evaluation, Trial, evaluate, evaluate_calls
from gnn.models import reward_model
from gnn.models.memreward import ABLATIONS
from memreward.base import Bars
from memreward.jobs.hidden_rewards import (
    FINAL,
    MODEL,
    TRAIN_RUN,
    UNLABELLED,
    EvaluationRequest,
    read_files,
)
from memstore.db import Stores
from schema.errors import InputError
from schema.memory_graph import Bools, MemoryGraph
from trainer import choose_labelled_queries


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
        progress=_labelled_progress(progress, share) if request.is_curve else progress,
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


def _labelled_progress(progress: Bars, share: float) -> ProgressReport:
    """The same bars, with the label share before the name of each."""
    return lambda what, done, total: progress(f"{share:.0%} {what}", done, total)


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
    counted_Q = in_train_Q & ~final_Q if request.is_curve else in_train_Q
    dataset_of = {graph.query_text_Q[q]: graph.dataset_Q[q] for q in np.flatnonzero(counted_Q)}
    never = {graph.query_text_Q[q] for q in np.flatnonzero(final_Q)}

    def labelled(fraction: float) -> Bools:
        chosen = choose_labelled_queries(dataset_of.items(), fraction, seed, never=never)
        return in_train_Q & np.isin(graph.query_text_Q, list(chosen))

    labelled_Q = labelled(share)
    spared_Q = ~labelled(max(request.labels)) if request.is_curve else ~labelled_Q
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
