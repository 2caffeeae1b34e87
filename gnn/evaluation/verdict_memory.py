"""What a memory believes of every rollout while verdicts are bought one after another."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from gnn.base import ProgressReport, no_progress
from gnn.calls import closed_by_domain, pooled, settled_by
from gnn.models import PriorModel
from gnn.models.memreward import MemrewardModel
from schema.calls import Standing
from schema.memory_graph import Bools, Floats, MemoryGraph

#: Queries with a verdict at which the trained model counts as much as the prior. One verdict a
#: query, on a large conclusion in doubt, teaches less than a query that is labelled whole.
PRIOR_QUERIES: Final = 1500


class VerdictMemory:
    """A memory without labels, to which bought verdicts are shown.

    Before the first verdict its probabilities are the packaged prior's. `learn` trains the default
    model on the verdicts, those of the same conclusions included, and pools it with the prior, for
    bought verdicts are no fair sample: large conclusions in doubt are bought first. Neither reads a
    query's own verdicts; what these say of the query's other rollouts is `gnn.calls.beliefs`.
    """

    def __init__(
        self,
        graph: MemoryGraph,
        verifiable_R: Bools,
        *,
        seed: int,
        make: Callable[[], MemrewardModel] = MemrewardModel,
    ) -> None:
        """See the class.

        Args:
            graph: rewards in it are not read.
            verifiable_R: rollouts that a verdict can be bought of.
            seed: of the training.
            make: makes an unfitted model.
        """
        self._hidden = _with_verdicts(graph, np.full(len(graph.rollout_id_R), np.nan))
        self._verifiable_R = verifiable_R
        self._seed = seed
        self._make = make
        prior = PriorModel()
        prior.fit(self._hidden, seed=seed)
        self._prior_R = prior.predict(self._hidden)
        self.probability_R = self._prior_R
        self._closed_Q = closed_by_domain(graph.domain_Q)
        self._kind_Q = np.unique(graph.dataset_Q, return_inverse=True)[1].astype(np.int64)

    def standing(self, verdict_R: Floats) -> Standing:
        """What can be seen when these verdicts are known."""
        return Standing(
            query_R=self._hidden.query_of_rollout_R,
            conclusion_R=self._hidden.conclusion_of_rollout_R,
            probability_R=np.nan_to_num(self.probability_R),
            verdict_R=verdict_R,
            verifiable_R=self._verifiable_R,
            closed_Q=self._closed_Q,
            kind_Q=self._kind_Q,
        )

    def learn(self, verdict_R: Floats, progress: ProgressReport = no_progress) -> None:
        """Train on the verdicts; with fewer queries than the model needs, the prior stays alone."""
        model = self._make()
        known = _with_verdicts(self._hidden, settled_by(self.standing(verdict_R)))
        n_queries = len(np.unique(known.query_of_rollout_R[known.labelled_R]))
        if n_queries < model.fewest_queries:
            return
        model.fit(known, seed=self._seed, progress=progress)
        weight = n_queries / (n_queries + PRIOR_QUERIES)
        self.probability_R = pooled(self._prior_R, model.predict(self._hidden), weight)


def _with_verdicts(graph: MemoryGraph, verdict_R: Floats | np.ndarray) -> MemoryGraph:
    return replace(
        graph,
        verified_R=np.where(graph.query_of_rollout_R >= 0, verdict_R, np.nan).astype(np.float32),
        said_2W=np.zeros((2, 0), dtype=np.int64),
        said_reward_W=np.zeros(0, dtype=np.float32),
    )
