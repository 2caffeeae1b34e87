"""Compare reward models on rollouts whose rewards they never saw."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gnn.base import (
    MEASURES,
    Metrics,
    ProgressReport,
    RewardModel,
    mean_and_spread,
    measure,
    measure_groups,
    no_progress,
)
from gnn.confidence import Novelty, Thresholds, group_table, mean_selective, selective
from gnn.evaluation.best_of import Candidates, summary
from schema.errors import InputError, TrainingError
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One seed: which queries are labelled and which rollouts are scored."""

    seed: int
    labelled_query_ids: Collection[str]
    #: Name of a set to the rollouts of the *predict* graph that are in it, [R].
    sets: Mapping[str, Bools]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What one model said in one trial."""

    trial: Trial
    probability_R: Floats
    #: Rollouts of queries unlike anything labelled, [R]; the model's thresholds if it has any.
    out_of_distribution_R: Bools
    thresholds: Thresholds | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything a table or a report needs."""

    graph: MemoryGraph
    truth_R: Floats
    #: Model to its answers, one a trial.
    scored: Mapping[str, Sequence[Scored]]
    labels: float
    seconds: float

    @property
    def set_names(self) -> list[str]:
        """Names of the evaluated sets, in order."""
        return list(next(iter(self.scored.values()))[0].trial.sets)

    @property
    def query_R(self) -> Ints:
        """Query of each rollout."""
        return self.graph.query_of_rollout_R

    def group_R(self, by: str) -> NDArray[np.str_]:
        """`domain` or `dataset` of each rollout, [R]; empty where it has no query."""
        names_Q = {"domain": self.graph.domain_Q, "dataset": self.graph.dataset_Q}[by]
        return np.array([*names_Q, ""])[self.query_R]

    def scorable_R(self, trial: Trial, set_name: str) -> Bools:
        """Rollouts of a set whose true reward is known, [R]."""
        return trial.sets[set_name] & ~np.isnan(self.truth_R) & (self.query_R >= 0)

    def to_json(self) -> dict[str, Any]:
        """The result as `memreward evaluate --json` writes it; None means n/a.

        Each measure is the mean over seeds; its sample standard deviation is
        `<measure>_spread` (None with one seed). `best_of`: see `best_of.summary`.
        """
        return {
            "sets": {
                name: {model: self._summary(model, name) for model in self.scored}
                for name in self.set_names
            },
            "best_of": {name: self._best_of(name) for name in self.set_names},
            "queries": self.query_counts(),
            "labels": self.labels,
            "seeds": len(next(iter(self.scored.values()))),
            "seconds": round(self.seconds, 1),
        }

    def query_counts(self) -> dict[str, int]:
        """Queries with a reward: labelled, scored, and held out of both; means over seeds."""
        known = set(np.unique(self.query_R[~np.isnan(self.truth_R) & (self.query_R >= 0)]).tolist())
        rows = {id_: row for row, id_ in enumerate(self.graph.query_id_Q)}
        counts = []
        for scored in next(iter(self.scored.values())):
            trial = scored.trial
            labelled = {rows[id_] for id_ in trial.labelled_query_ids if id_ in rows} & known
            asked = {
                query
                for name in trial.sets
                for query in self.query_R[self.scorable_R(trial, name)].tolist()
            }
            counts.append((len(labelled), len(asked), len(known - labelled - asked)))
        means = np.round(np.mean(counts, axis=0)).astype(int).tolist()
        return dict(zip(("labelled", "scored", "held_out"), means, strict=True))

    def _summary(self, model: str, set_name: str) -> dict[str, Any]:
        whole: list[Metrics] = []
        groups: dict[str, list[dict[str, Metrics]]] = {"domain": [], "dataset": []}
        for scored in self.scored[model]:
            in_R = self.scorable_R(scored.trial, set_name)
            probability_R, query_R = scored.probability_R, self.query_R
            whole.append(measure(probability_R[in_R], self.truth_R[in_R], query_R[in_R]))
            for by, results in groups.items():
                group_R = self.group_R(by)
                results.append(measure_groups(probability_R, self.truth_R, query_R, group_R, in_R))
        return {
            **mean_metrics(whole),
            "selective": self._selective(model, set_name),
            **{
                f"by_{by}": {
                    name: mean_metrics([result[name] for result in results if name in result])
                    for name in sorted(set().union(*results))
                }
                for by, results in groups.items()
            },
        }

    def _best_of(self, set_name: str) -> dict[str, Any]:
        conclusion_R = self.graph.conclusion_of_rollout_R
        trials: list[Candidates] = []
        for place, scored in enumerate(next(iter(self.scored.values()))):
            in_R = self.scorable_R(scored.trial, set_name)
            trials.append(
                Candidates(
                    score={
                        model: of_trials[place].probability_R[in_R]
                        for model, of_trials in self.scored.items()
                    },
                    reward_R=self.truth_R[in_R],
                    query_R=self.query_R[in_R],
                    conclusion_R=conclusion_R[in_R],
                )
            )
        return summary(trials, np.array(self.graph.domain_Q))

    def _selective(self, model: str, set_name: str) -> dict[str, Any]:
        return mean_selective(
            [
                selective(
                    scored.out_of_distribution_R,
                    scored.thresholds,
                    scored.probability_R,
                    self.truth_R,
                    self.scorable_R(scored.trial, set_name),
                )
                for scored in self.scored[model]
            ]
        )


def evaluate(
    *,
    fit_graph: MemoryGraph,
    predict_graph: MemoryGraph,
    truth_R: Floats,
    trials: Sequence[Trial],
    models: Mapping[str, Callable[[], RewardModel]],
    labels: float,
    progress: ProgressReport = no_progress,
) -> Evaluation:
    """Fit each model in each trial on `fit_graph` and let it predict on `predict_graph`.

    A model is handed graphs whose `verified_R` is NaN outside the trial's labelled queries, and for
    every rollout that is not in `fit_graph`, so that it cannot reach a hidden reward.

    Args:
        fit_graph: the memory before any test file arrived.
        predict_graph: the memory with them; pass `fit_graph` where there are none.
        truth_R: true reward of each rollout of `predict_graph`, NaN where unknown.
        trials: the seeds.
        models: name to a maker of unfitted models.
        labels: the labelled fraction, for the record.
        progress: told after each fit.

    Raises:
        InputError: if a set holds labelled rollouts or no rollout at all, or a rollout of
            `fit_graph` is not in `predict_graph`.
        TrainingError: if a model gives no probability for a rollout of a set.
    """
    started = time.monotonic()
    fitted = _rows_of(fit_graph, predict_graph)
    # Rollouts that came later show no reward, even where their query is a labelled one.
    shown_R = np.full_like(truth_R, np.nan)
    shown_R[fitted] = truth_R[fitted]
    groups_before, groups_after = group_table(fit_graph), group_table(predict_graph)
    scored: dict[str, list[Scored]] = {name: [] for name in models}
    done, total = 0, len(trials) * len(models)
    for trial in trials:
        known = _labelled_only(fit_graph, truth_R[fitted], trial)
        known_later = _labelled_only(predict_graph, shown_R, trial)
        _check_sets(trial, known_later)
        ood_Q = Novelty.fit(known, groups_before).out_of_distribution(known_later, groups_after)
        ood_R = np.append(ood_Q, False)[known_later.query_of_rollout_R]
        for name, make in models.items():
            progress(f"evaluate {name}, seed {trial.seed}", done, total)
            scored[name].append(
                _scored(name, make(), known, known_later, trial, ood_R, progress=progress)
            )
            done += 1
            progress(f"evaluate {name}, seed {trial.seed}", done, total)
    return Evaluation(
        graph=predict_graph,
        truth_R=truth_R,
        scored=scored,
        labels=labels,
        seconds=time.monotonic() - started,
    )


def _rows_of(fit_graph: MemoryGraph, predict_graph: MemoryGraph) -> list[int]:
    """Row in `predict_graph` of each rollout of `fit_graph`."""
    row_of = {rollout: row for row, rollout in enumerate(predict_graph.rollout_id_R)}
    if missing := [r for r in fit_graph.rollout_id_R if r not in row_of]:
        raise InputError(
            f"{len(missing)} training rollouts (e.g. {missing[0]}) are missing from the "
            "prediction graph: read both graphs from the same memory, and delete no rollouts in "
            "between"
        )
    return [row_of[r] for r in fit_graph.rollout_id_R]


def _scored(
    name: str,
    model: RewardModel,
    known: MemoryGraph,
    known_later: MemoryGraph,
    trial: Trial,
    ood_R: Bools,
    *,
    progress: ProgressReport,
) -> Scored:
    """Fit a model to what is known, and let it predict what came later."""
    held = model.fit(known, seed=trial.seed, progress=progress).held
    probability_R = model.predict(known_later)
    _check_prediction(name, probability_R, trial, known_later)
    return Scored(
        trial=trial,
        probability_R=probability_R,
        out_of_distribution_R=ood_R,
        thresholds=None if held is None else Thresholds.fit(held),
    )


def mean_metrics(results: Sequence[Metrics]) -> dict[str, float | int | None]:
    """Mean and sample standard deviation of each measure over seeds, and mean counts."""
    row: dict[str, float | int | None] = {}
    for name in MEASURES:
        row[name], row[f"{name}_spread"] = mean_and_spread(getattr(r, name) for r in results)
    row["n_queries"] = round(float(np.mean([r.n_queries for r in results])))
    row["n_rollouts"] = round(float(np.mean([r.n_rollouts for r in results])))
    return row


def _labelled_only(graph: MemoryGraph, truth_R: Floats, trial: Trial) -> MemoryGraph:
    """The graph with the rewards of the trial's labelled queries and no others."""
    wanted = set(trial.labelled_query_ids)
    labelled_Q = np.array([*(q in wanted for q in graph.query_id_Q), False])
    shown_R = np.where(labelled_Q[graph.query_of_rollout_R], truth_R, np.nan)
    return replace(graph, verified_R=shown_R.astype(np.float32))


def _check_sets(trial: Trial, graph: MemoryGraph) -> None:
    """Refuse a set that is empty or whose rewards were shown."""
    for name, in_R in trial.sets.items():
        if not in_R.any():
            raise InputError(f"the evaluation set {name!r} is empty: leave it out")
        if (in_R & graph.labelled_R).any():
            raise InputError(
                f"the evaluation set {name!r} holds {int((in_R & graph.labelled_R).sum())} "
                f"labelled rollouts (seed {trial.seed}): score unlabelled ones only"
            )


def _check_prediction(name: str, probability_R: Floats, trial: Trial, graph: MemoryGraph) -> None:
    """Refuse a prediction that is no probability: every set is scored at coverage 1."""
    for set_name, in_R in trial.sets.items():
        asked_R = in_R & (graph.query_of_rollout_R >= 0)
        good_R = (probability_R >= 0) & (probability_R <= 1)
        if not good_R[asked_R].all():
            raise TrainingError(
                f"the model {name!r} gave no probability for {int((~good_R[asked_R]).sum())} "
                f"rollouts of the set {set_name!r} (seed {trial.seed}): it failed to train"
            )
