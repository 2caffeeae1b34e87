"""What wrong labels cost a model, and how well the memory finds them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gnn.base import Metrics, ProgressReport, RewardModel, auc, measure, no_progress
from gnn.evaluation.flipped_labels import SOURCES, SPOILT, flip_labels
from gnn.evaluation.protocol import Trial, mean_metrics
from gnn.labelling import contradiction, predict_unseen
from gnn.models.memreward import MemrewardModel
from schema.memory_graph import Bools, Floats, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Spoiling:
    """A share of labels that goes wrong in some way (a key of FLIPS)."""

    kind: str
    share: float


@dataclass(frozen=True, kw_only=True)
class Finding:
    """How well wrong labels are found by how much the memory contradicts them."""

    #: Share of wrong ones among as many of the most suspected as there are wrong ones.
    precision: float
    #: Probability that a wrong label is suspected more than a right one.
    auc: float | None
    #: Whether the spoilt source is the most contradicted; None: no source is spoilt.
    source_named: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One model, one way to go wrong, one seed; without one, the labels as they are."""

    model: str
    spoiling: Spoiling | None
    metrics: Metrics
    finding: Finding | None = None


def robustness(
    *,
    graph: MemoryGraph,
    truth_R: Floats,
    trials: Sequence[Trial],
    spoilings: Sequence[Spoiling],
    models: Mapping[str, Callable[[], RewardModel]],
    progress: ProgressReport = no_progress,
) -> list[Outcome]:
    """Fit each model on the labels as they are and on spoilt ones, and measure on true rewards.

    Args:
        graph: a memory; its own verified rewards are not looked at.
        truth_R: true reward of each rollout, NaN where unknown.
        trials: which queries are labelled; their first set is scored.
        spoilings: what goes wrong, one after another.
        models: name to a maker of unfitted models.
        progress: told after each fit.
    """
    cases = [None, *spoilings]
    total = len(trials) * len(cases) * len(models)
    outcomes: list[Outcome] = []
    for trial in trials:
        honest = _labelled(graph, truth_R, trial)
        for case in cases:
            known, flipped_R = honest, np.zeros(len(truth_R), dtype=np.bool_)
            if case is not None:
                known, flipped_R = flip_labels(honest, case.kind, case.share, seed=trial.seed)
            for name, make in models.items():
                model = make()
                model.fit(known, seed=trial.seed, progress=progress)
                outcomes.append(_outcome(name, model, known, truth_R, flipped_R, trial, case))
                progress("labels gone wrong", len(outcomes), total)
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """A row for each model and way to go wrong: means and spreads over seeds, and the losses.

    `<measure>_loss` is how much the mean is lower than with the labels as they are.
    """
    found: dict[tuple[str, Spoiling | None], list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault((outcome.model, outcome.spoiling), []).append(outcome)
    rows = {key: mean_metrics([o.metrics for o in group]) for key, group in found.items()}
    return [
        {
            "model": model,
            "kind": spoiling.kind if spoiling else "none",
            "share": spoiling.share if spoiling else 0.0,
            **row,
            **{
                f"{name}_loss": _difference(rows[model, None][name], row[name])
                for name in ("auc", "within_query", "accuracy", "brier_skill", "ece")
            },
            **_findings([o.finding for o in found[model, spoiling] if o.finding]),
        }
        for (model, spoiling), row in rows.items()
    ]


def _labelled(graph: MemoryGraph, truth_R: Floats, trial: Trial) -> MemoryGraph:
    wanted = set(trial.labelled_query_ids)
    labelled_Q = np.array([*(id_ in wanted for id_ in graph.query_id_Q), False])
    known_R = np.where(labelled_Q[graph.query_of_rollout_R], truth_R, np.nan)
    return replace(graph, verified_R=known_R.astype(np.float32))


def _outcome(
    name: str,
    model: RewardModel,
    known: MemoryGraph,
    truth_R: Floats,
    flipped_R: Bools,
    trial: Trial,
    case: Spoiling | None,
) -> Outcome:
    in_R = next(iter(trial.sets.values())) & ~np.isnan(truth_R)
    probability_R = model.predict(known)
    finding = None
    if case is not None and isinstance(model, MemrewardModel):
        finding = _finding(model, known, flipped_R, case)
    query_R = known.query_of_rollout_R
    return Outcome(
        model=name,
        spoiling=case,
        metrics=measure(probability_R[in_R], truth_R[in_R], query_R[in_R]),
        finding=finding,
    )


def _finding(
    model: MemrewardModel, known: MemoryGraph, flipped_R: Bools, case: Spoiling
) -> Finding:
    distance_R, known_R = contradiction(known, predict_unseen(model, known))
    distance_L, wrong_L = distance_R[known_R], flipped_R[known_R]
    most = np.argsort(-distance_L, kind="stable")[: wrong_L.sum()]
    return Finding(
        precision=float(wrong_L[most].mean()) if len(most) else 0.0,
        auc=auc(distance_L, wrong_L.astype(np.float32)),
        source_named=model.trust.most_contradicted[0] == SPOILT if case.kind in SOURCES else None,
    )


def _findings(findings: Sequence[Finding]) -> dict[str, float | None]:
    if not findings:
        return {}
    areas = [finding.auc for finding in findings if finding.auc is not None]
    precisions = [finding.precision for finding in findings]
    named = [finding.source_named for finding in findings if finding.source_named is not None]
    return {
        "found_precision": float(np.mean(precisions)),
        "found_precision_spread": float(np.std(precisions, ddof=1)) if precisions[1:] else None,
        "found_auc": float(np.mean(areas)) if areas else None,
        "source_named": float(np.mean(named)) if named else None,
    }


def _difference(before: float | int | None, after: float | int | None) -> float | None:
    return None if before is None or after is None else before - after
