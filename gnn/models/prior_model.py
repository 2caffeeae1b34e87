"""The prior that comes with the package as a reward model: it needs no label, and uses any."""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit
from torch import Tensor

from gnn.base import FitReport, ModelState, ProgressReport, n_labelled_queries, no_progress
from gnn.evidence import CommonWords, Opinions, Prior, Reliability, number_table
from gnn.prior import prior_for, prior_from, prior_tensors
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.score import Reach

#: Standard deviation of the shift of a memory's log-odds against the prior's, before any label.
SHIFT: Final = 1.0


class PriorModel:
    """What other memories taught of evidence (`gnn.evidence`), moved by the labels there are.

    Without a fit it takes the policies for alike. A fit counts their accuracy, and shifts all
    log-odds by what makes the labels likeliest; few labels shift little.
    """

    name: ClassVar[str] = "prior"
    reach: ClassVar[Reach] = Reach(hops=0, text_embeddings=False)
    features: tuple[str, ...] = ()

    def __init__(self) -> None:
        """See the class."""
        self._prior: Prior | None = None
        self._reliability: Reliability | None = None
        self._common_words = CommonWords()
        self._shift = 0.0

    def fit(
        self, graph: MemoryGraph, *, seed: int, progress: ProgressReport = no_progress
    ) -> FitReport:
        """Count the labels of `graph`; there may be none. See RewardModel."""
        started = time.monotonic()
        self._prior = prior_for(graph.query_text_Q)
        self._common_words = CommonWords.fit(graph)
        opinions = Opinions.of(graph, self._common_words)
        self._reliability = Reliability.fit(graph, opinions, graph.verified_R)
        labelled_R = graph.labelled_R & (graph.query_of_rollout_R >= 0)
        n_queries = n_labelled_queries(graph, labelled_R)
        hidden_R = np.full_like(graph.verified_R, np.nan)
        self._shift = 0.0
        logit_R = self._logits(graph, opinions, hidden_R)
        self._shift = _shift(
            logit_R[labelled_R],
            graph.verified_R[labelled_R],
            graph.query_of_rollout_R[labelled_R],
        )
        return FitReport(
            n_rollouts=int(labelled_R.sum()),
            n_queries=n_queries,
            seconds=time.monotonic() - started,
        )

    def predict(self, graph: MemoryGraph, *, queries: Ints | None = None) -> Floats:
        """Probability that each rollout is right, [R]; see RewardModel."""
        opinions = Opinions.of(graph, self._common_words)
        probability_R = expit(self._logits(graph, opinions, graph.verified_R))
        return np.where(graph.query_of_rollout_R < 0, np.nan, probability_R).astype(np.float32)

    def _logits(self, graph: MemoryGraph, opinions: Opinions, reward_R: Floats) -> Floats:
        prior = self._prior or prior_for(graph.query_text_Q)
        hidden_R = np.full_like(reward_R, np.nan)
        known = self._reliability or Reliability.fit(graph, opinions, hidden_R)
        voters = known.of_voters(graph, opinions)
        return prior(number_table(opinions, voters, reward_R)) + np.float32(self._shift)

    def state(self) -> ModelState:
        """The prior, the policies' accuracies, the common words, and the shift."""
        prior, reliability = self._prior or prior_for(()), self._reliability
        return prior_tensors(prior), {
            "reliability": None if reliability is None else reliability.to_json(),
            "common_words": self._common_words.to_json(),
            "shift": self._shift,
        }

    @classmethod
    def from_state(cls, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Self:
        """The model that `state` described."""
        model, found = cls(), config["reliability"]
        model._prior = prior_from(tensors)
        model._reliability = None if found is None else Reliability.from_json(found)
        model._common_words = CommonWords.from_json(config["common_words"])
        model._shift = config["shift"]
        return model


def _shift(logit_L: Floats, reward_L: Floats, query_L: Ints) -> float:
    """The likeliest shift of all log-odds; a query counts once."""
    if not len(logit_L):
        return 0.0
    _, query_N, size_N = np.unique(query_L, return_inverse=True, return_counts=True)
    weight_L = 1 / size_N[query_N]

    def loss(shift: float) -> float:
        moved_L = logit_L + shift
        losses_L = np.logaddexp(0, moved_L) - reward_L * moved_L
        return float((weight_L * losses_L).sum() + 0.5 * (shift / SHIFT) ** 2)

    found: Any = minimize_scalar(loss, bounds=(-6, 6), method="bounded")
    return float(found.x)
