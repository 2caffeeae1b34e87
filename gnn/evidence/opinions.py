"""Who concludes what on each query: the units that evidence counts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gnn.evidence.words import CommonWords, Words
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """A graph's rollouts (_R) by query (_Q), voter (_V), conclusion (_C) and opinion (_O).

    A voter is one policy on one query, and has one vote there however many rollouts it has. An
    opinion is what a voter concludes, marked as its answer or not; it holds the share of the
    voter's rollouts that say so. An answer without a conclusion agrees with none: it is a
    conclusion of its own, marked unread.
    Rollouts without a query are put into one more query, the last.
    """

    n_queries: int
    policies: tuple[str, ...]
    query_R: Ints
    voter_R: Ints
    conclusion_R: Ints
    opinion_R: Ints
    given_R: Bools
    query_V: Ints
    #: Row of `policies`.
    policy_V: Ints
    n_rollouts_V: Ints
    query_C: Ints
    read_C: Bools
    voter_O: Ints
    conclusion_O: Ints
    #: Whether the answer was marked as such; else the end of the text was taken for it.
    given_O: Bools
    #: Share of the voter's rollouts, in (0, 1].
    vote_O: Floats
    #: Words of the answers.
    words: Words

    @classmethod
    def of(cls, graph: MemoryGraph, common: CommonWords | None = None) -> Self:
        """Count the rollouts of `graph`; `common` words count less."""
        n_queries = len(graph.query_id_Q) + 1
        query_R = np.where(
            graph.query_of_rollout_R < 0, n_queries - 1, graph.query_of_rollout_R
        ).astype(np.int64)
        policies, policy_R = np.unique(np.array(graph.policy_R, dtype=np.str_), return_inverse=True)
        known_R = graph.conclusion_of_rollout_R
        own_R = len(graph.conclusion_id_C) + np.arange(len(query_R))
        conclusion_R, conclusion_first = _dense(np.where(known_R < 0, own_R, known_R))
        voter_R, voter_first = _dense(query_R * max(len(policies), 1) + policy_R)
        # What was stored before it was noted counts as marked.
        given_R = graph.answer_given_R != 0
        said_R = conclusion_R * max(len(voter_first), 1) + voter_R
        opinion_R, opinion_first = _dense(2 * said_R + given_R)
        voter_O, n_rollouts_V = voter_R[opinion_first], np.bincount(voter_R)
        return cls(
            n_queries=n_queries,
            policies=tuple(policies.tolist()),
            query_R=query_R,
            voter_R=voter_R,
            conclusion_R=conclusion_R,
            opinion_R=opinion_R,
            given_R=given_R,
            query_V=query_R[voter_first],
            policy_V=policy_R[voter_first].astype(np.int64),
            n_rollouts_V=n_rollouts_V,
            query_C=query_R[conclusion_first],
            read_C=known_R[conclusion_first] >= 0,
            voter_O=voter_O,
            conclusion_O=conclusion_R[opinion_first],
            given_O=given_R[opinion_first],
            vote_O=(np.bincount(opinion_R) / n_rollouts_V[voter_O]).astype(np.float32),
            words=Words.of(graph, query_R, common or CommonWords()),
        )

    @property
    def read_R(self) -> Bools:
        """Rollouts whose answer has a conclusion."""
        return self.read_C[self.conclusion_R]

    @property
    def n_voters_Q(self) -> Ints:
        """How many policies answered each query."""
        return np.bincount(self.query_V, minlength=self.n_queries)

    @property
    def n_rollouts_Q(self) -> Ints:
        """How many rollouts each query has."""
        return np.bincount(self.query_R, minlength=self.n_queries)

    def likeness_in_query(self, weight_R: NDArray[Any]) -> NDArray[Any]:
        """Weighted sum of the likeness to all answers of the query, its own too, [R]."""
        return self.words.likeness(self.words.word_W, weight_R, len(self.query_R))

    def likeness_in_voter(self, weight_R: NDArray[Any]) -> NDArray[Any]:
        """The same over the answers of its voter alone, [R]."""
        return self.words.likeness(self._word_of_voter_W, weight_R, len(self.query_R))

    @cached_property
    def has_words_R(self) -> Bools:
        """Rollouts whose answer has words."""
        return self.words.any_R(len(self.query_R))

    @cached_property
    def _word_of_voter_W(self) -> Ints:
        return self.words.within(self.voter_R)

    def total_C(self, value_O: NDArray[Any]) -> NDArray[Any]:
        """Sum of `value_O` over the opinions of each conclusion, [C]; 0 for an unread answer."""
        total_C = np.bincount(self.conclusion_O, weights=value_O, minlength=len(self.query_C))
        return total_C * self.read_C

    def total_Q(self, value_O: NDArray[Any]) -> NDArray[Any]:
        """Sum of `value_O` over the opinions on each query, unread ones too, [Q]."""
        query_O = self.query_V[self.voter_O]
        return np.bincount(query_O, weights=value_O, minlength=self.n_queries)

    def best_and_rival(self, score_C: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The highest score among each query's read conclusions, [Q], and each one's rival, [C].

        A conclusion's rival is the best other one of its query; 0 where there is none.
        """
        read = np.flatnonzero(self.read_C)
        order = read[np.lexsort((-score_C[read], self.query_C[read]))]
        query_N, start_N = np.unique(self.query_C[order], return_index=True)
        best_Q, second_Q = np.zeros(self.n_queries), np.zeros(self.n_queries)
        leader_Q = np.full(self.n_queries, -1)
        best_Q[query_N], leader_Q[query_N] = score_C[order[start_N]], order[start_N]
        contested = np.diff(start_N, append=len(order)) > 1
        second_Q[query_N[contested]] = score_C[order[start_N[contested] + 1]]
        leads_C = leader_Q[self.query_C] == np.arange(len(self.query_C))
        return best_Q, np.where(leads_C, second_Q[self.query_C], best_Q[self.query_C])


def _dense(key_N: Ints) -> tuple[Ints, Ints]:
    """Each key's number, from 0 without gaps, and the row where each number comes first."""
    _, first, number_N = np.unique(key_N, return_index=True, return_inverse=True)
    return number_N.astype(np.int64), first
