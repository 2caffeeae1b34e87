"""What a training script is told: who gives the rewards, how many there are, and why not more."""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Final

from schema.calls import calls_allowed
from schema.score import FEWEST_LABELLED, Scorer, ScoreSource
from trainer.rewards.call_budget import CallBudget
from trainer.rewards.journal import Assigned, Journal
from trainer.rewards.types import RewardCall

LOGGER: Final = logging.getLogger("memreward")
#: What the version of a model begins with that is not the memory's own.
PRIOR: Final = "prior"


class TrainingLog:
    """Counts rewards, and logs a line whenever the memory has learned."""

    def __init__(self, scorer: Scorer, journal: Journal) -> None:
        """Nothing is counted yet; what the script does not configure is shown as it is logged."""
        self._scorer = scorer
        #: The owners' ids of the queries of which this run had something verified.
        self._labelled = set(journal.verified)
        self._model = _model(scorer)
        self._since: int | None = None
        self._counts: Counter[str] = Counter()
        if not LOGGER.hasHandlers():
            LOGGER.addHandler(logging.StreamHandler())
            LOGGER.propagate = False  # Else a root handler that comes later says all again.
            LOGGER.setLevel(logging.INFO)

    def warn_of_labels(self, labelled: Collection[str]) -> None:
        """Warn if so few queries are labelled that the memory will never have its own model."""
        if len(labelled) < FEWEST_LABELLED and _has_no_own_model(self._scorer):
            LOGGER.warning(
                f"{len(labelled)} queries are labelled, and a memory learns a model of its own "
                f"from {FEWEST_LABELLED}: {_WITHOUT_MODEL}"
            )

    def warn_of_calls(self, budget: CallBudget, completions: int, state: Any) -> None:
        """Before the first step, warn if all calls of the run can verify too few queries."""
        steps = getattr(state, "max_steps", 0)
        if self._since is not None or steps <= 0 or not _has_no_own_model(self._scorer):
            return
        per_step, share = budget.per_step, budget.share or 0.0
        calls = calls_allowed(share, steps * completions) if per_step is None else per_step * steps
        if calls < FEWEST_LABELLED:
            LOGGER.warning(
                f"{calls} calls of the verifier in {steps} steps label at most as many queries, "
                f"and a memory learns a model of its own from {FEWEST_LABELLED}: {_WITHOUT_MODEL}"
            )

    def add(
        self, call: RewardCall, assigned: Sequence[Assigned], rewards: Sequence[float | None]
    ) -> None:
        """Count what one call was given; first, say so if the memory has learned since."""
        step, model = call.step, _model(self._scorer)
        if model != self._model and self._since is not None:
            LOGGER.info(self._line(step, model))
            self._counts.clear()
            self._since = step
        self._model = model
        self._since = step if self._since is None else self._since
        for row, one, reward in zip(call.rows, assigned, rewards, strict=True):
            flat = reward is None and one.value is not None
            self._counts["flat" if flat else one.source] += 1
            if one.source is ScoreSource.VERIFIED:
                self._labelled.add(row.source_query_id)

    def _line(self, step: int, model: str | None) -> str:
        labelled, counts = len(self._labelled), self._counts
        needed = f" of the {FEWEST_LABELLED} that a model of its own needs"
        total = counts.total()
        none = counts[ScoreSource.NONE]
        return (
            f"step {step}: {model} scores from here on; {labelled} labelled queries in this run"
            f"{needed if labelled < FEWEST_LABELLED else ''}. Since step {self._since}: "
            f"{(total - none - counts['flat']) / total:.0%} of {total} completions had a reward "
            f"({counts[ScoreSource.VERIFIED]} verified, {counts[ScoreSource.SAME_CONCLUSION]} "
            f"taken over, {counts[ScoreSource.PROPAGATED]} propagated); masked: {none} without an "
            f"opinion or a verdict, {counts['flat']} in groups whose rewards hardly differ"
        )


_WITHOUT_MODEL: Final = (
    "unless others label more, all other completions are scored by the prior that comes with the "
    "package, or masked where the memory was opened with prior=False. Give more labels"
)


def _model(scorer: Scorer) -> str | None:
    """Version of the checkpoint that scores, where the scorer says it."""
    return getattr(scorer, "model", None)


def _has_no_own_model(scorer: Scorer) -> bool:
    """Whether the scorer is known to have learned no model yet; a service does not say."""
    return hasattr(scorer, "model") and (_model(scorer) or PRIOR).startswith(PRIOR)
