"""What the rest of a memory says of the rollouts that a source verified: a quick model's word.

It is a logistic regression on the texts' features and the evidence, in a second for thousands of
labels. It never sees a label of the sources that are judged by it. Where others have verified
rollouts of the same query, what they found of the same conclusion is in the evidence.
"""

from typing import Final

import numpy as np
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from gnn.base import Scaler
from gnn.evidence import (
    Opinions,
    Reliability,
    mask_rewards,
    number_table,
    out_of_fold,
    part_of,
)
from gnn.features import log_length, rollout_features
from gnn.sources.statements import Statements
from schema.ids import text_fraction
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: Labelled queries that are needed to learn anything from.
FEWEST_QUERIES: Final = 10
#: Inverse strength of the penalty on the weights.
INVERSE_PENALTY: Final = 0.01
#: Features of the texts are many and say less than the evidence: they count by this factor.
TEXT_SCALE: Final = 0.45
#: Folds of the queries to learn from; in each, reliability is counted from the others.
FOLDS: Final = 4
#: Log-odds that a rollout is right where another source says so of this very rollout.
ANOTHER_WORD: Final = float(logit(0.95))
#: Probabilities are kept this far from 0 and 1: no word is taken for certain.
EDGE: Final = 0.005


class Witness:
    """The labelled queries of a graph, ready to be learned from by other sources' labels."""

    def __init__(self, graph: MemoryGraph, statements: Statements) -> None:
        """See the class."""
        query_R = graph.query_of_rollout_R
        known = np.unique(query_R[statements.rollout_W])
        self._rows = np.flatnonzero(np.isin(query_R, known))
        self._graph = part_of(graph, self._rows)
        self._opinions = Opinions.of(self._graph)
        self._text_RF = _standardised_texts(graph, self._rows)
        self._length_R = log_length(graph)[self._rows]
        texts = [graph.query_text_Q[query] for query in known]
        self._fold_Q = np.array([int(FOLDS * text_fraction(text, "witness")) for text in texts])
        #: Row in the part of each statement's rollout.
        self._row_W = np.searchsorted(self._rows, statements.rollout_W)
        self._statements = statements

    @property
    def length_W(self) -> Floats:
        """Logarithm of the length of each statement's rollout."""
        return self._length_R[self._row_W]

    @property
    def query_W(self) -> Ints:
        """Query of each statement's rollout, numbered among the labelled ones."""
        return self._opinions.query_R[self._row_W]

    @property
    def conclusion_W(self) -> Ints:
        """Conclusion of each statement's rollout; an unread answer is one of its own."""
        return self._opinions.conclusion_R[self._row_W]

    def unseen(self, asked_W: Bools, others_W: Bools) -> Floats | None:
        """Probability that the rollouts of the statements `asked_W` are right, by `others_W` alone.

        Returns:
            One for each statement that is asked about; None where too little else is known.
        """
        others = self._statements.where(others_W)
        rows = np.searchsorted(self._rows, others.rollout_W)
        known = Statements(source_W=others.source_W, rollout_W=rows, reward_W=others.reward_W)
        rest_R = known.rewards(len(self._rows))
        model = self._learned(rest_R)
        if model is None:
            return None
        asked_N = self._row_W[asked_W]
        voters = Reliability.fit(self._graph, self._opinions, rest_R).of_voters(
            self._graph, self._opinions
        )
        evidence_NE = number_table(self._opinions, voters, rest_R)[asked_N]
        log_odds_N = model.log_odds(self._text_RF[asked_N], evidence_NE)
        own_N = rest_R[asked_N]
        log_odds_N += np.where(np.isnan(own_N), 0, ANOTHER_WORD * (2 * own_N - 1))
        return np.clip(expit(log_odds_N), EDGE, 1 - EDGE).astype(np.float32)

    def _learned(self, rest_R: Floats) -> "_Logistic | None":
        """Learned from these rewards, of which some are in sight and the others learned from."""
        query_R = self._opinions.query_R
        known_R = ~np.isnan(rest_R)
        if len(np.unique(query_R[known_R])) < FEWEST_QUERIES:
            return None
        shown_R = mask_rewards(rest_R, query_R, np.random.default_rng(0))
        learned_R = known_R & ~shown_R
        reward_N = rest_R[learned_R]
        if not 0 < reward_N.sum() < len(reward_N):
            return None
        part_Q = np.zeros(len(self._fold_Q), dtype=np.bool_)
        part_Q[query_R[known_R]] = True
        voters = out_of_fold(
            self._graph, self._opinions, rest_R, np.where(part_Q, self._fold_Q, -1)
        )
        seen_R = np.where(shown_R, rest_R, np.nan).astype(np.float32)
        evidence_NE = number_table(self._opinions, voters, seen_R)[learned_R]
        return _Logistic(self._text_RF[learned_R], evidence_NE, reward_N)


class _Logistic:
    """A logistic regression on both kinds of inputs; a graded reward is right and wrong in part."""

    def __init__(self, text_NF: Floats, evidence_NE: Floats, reward_N: Floats) -> None:
        self._scaler = Scaler.fit(evidence_NE)
        input_NF = self._inputs(text_NF, evidence_NE)
        weight_N = np.concatenate([reward_N, 1 - reward_N])
        used_N = weight_N > 0
        self._model = LogisticRegression(C=INVERSE_PENALTY, max_iter=200, tol=1e-3)
        self._model.fit(
            np.vstack([input_NF, input_NF])[used_N],
            np.repeat([1, 0], len(reward_N))[used_N],
            sample_weight=weight_N[used_N],
        )

    def _inputs(self, text_NF: Floats, evidence_NE: Floats) -> Floats:
        return np.hstack([text_NF, self._scaler(evidence_NE)])

    def log_odds(self, text_NF: Floats, evidence_NE: Floats) -> Floats:
        return self._model.decision_function(self._inputs(text_NF, evidence_NE))


def _standardised_texts(graph: MemoryGraph, rows: Ints) -> Floats:
    text_RF = rollout_features(graph).text_RF[rows]
    return TEXT_SCALE * Scaler.fit(text_RF)(text_RF)
