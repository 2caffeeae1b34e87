"""What a member is shown while it learns: the same graph with different rewards in sight."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from gnn.evidence import (
    EVIDENCE_NAMES,
    CommonWords,
    Opinions,
    Prior,
    Reliability,
    VoterReliability,
    evidence_table,
    halves,
    mask_rewards,
    out_of_fold,
    part_of,
)
from gnn.models.members.batch import Tables
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: Folds of the queries to learn from; in each, reliability is counted from the others.
FOLDS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Evidence, [R, E], not standardised, where some rewards are shown."""

    evidence_RE: Floats
    shown_R: Bools


@dataclass(frozen=True, kw_only=True)
class EvidenceDraws:
    """Evidence for one member: to learn from, and of the queries that it leaves out.

    What a policy has proved is counted from other queries than the rollout's own, and never from
    those that are left out.
    """

    #: Masked rewards.
    train: tuple[Drawn, ...]
    #: No reward is shown; one half of each query's; the other half. Where no query has more than
    #: one: the first alone.
    held: tuple[Drawn, ...]


@dataclass(frozen=True, kw_only=True)
class ShownTables:
    """The same as inputs of a model, which learns from the rewards that are not shown."""

    train: tuple[Tables, ...]
    held: tuple[Tables, ...]


class Draws:
    """Evidence of the rollouts of the known queries of a graph; of others there is none."""

    def __init__(self, graph: MemoryGraph, queries: Ints, prior: Prior) -> None:
        """See the class; `queries` are ascending rows."""
        self._prior = prior
        self.queries = queries
        #: Texts of the queries.
        self.texts = [graph.query_text_Q[query] for query in queries]
        self._rows = np.flatnonzero(np.isin(graph.query_of_rollout_R, queries))
        self._n_rollouts = len(graph.rollout_id_R)
        self._graph = part_of(graph, self._rows)
        self.common_words = CommonWords.fit(self._graph)
        self._opinions = Opinions.of(self._graph, self.common_words)

    def of_member(
        self, part_Q: Ints, part: int, *, count: int, rng: np.random.Generator
    ) -> EvidenceDraws:
        """Draw what the member learns from that leaves out `part`.

        Args:
            part_Q: part of each known query.
            part: which part is left out.
            count: tables to learn from.
            rng: of the masks, and of the parts from whose rest reliability is counted.
        """
        reward_R, query_R = self._graph.verified_R, self._opinions.query_R
        left_out_R = np.append(part_Q == part, False)[query_R]
        rest_R = np.where(left_out_R, np.nan, reward_R).astype(np.float32)
        voters = Reliability.fit(self._graph, self._opinions, rest_R).of_voters(
            self._graph, self._opinions
        )
        known_R = ~np.isnan(reward_R)
        several = bool(np.bincount(query_R[known_R], minlength=1).max() > 1)
        shown = (np.zeros_like(known_R), *halves(reward_R, query_R))
        return EvidenceDraws(
            train=tuple(
                self._drawn(
                    out_of_fold(self._graph, self._opinions, rest_R, fold_Q),
                    mask_rewards(rest_R, query_R, rng),
                )
                for fold_Q in _folds(part_Q != part, count, rng)
            ),
            held=tuple(self._drawn(voters, shown_R) for shown_R in shown[: 3 if several else 1]),
        )

    def _drawn(self, voters: VoterReliability, shown_R: Bools) -> Drawn:
        """Evidence where the rewards `shown_R` are in sight, in the rows of the whole graph."""
        seen_R = np.where(shown_R, self._graph.verified_R, np.nan).astype(np.float32)
        evidence_RE = np.zeros((self._n_rollouts, len(EVIDENCE_NAMES)), dtype=np.float32)
        evidence_RE[self._rows] = evidence_table(self._opinions, voters, seen_R, self._prior)
        whole_R = np.zeros(self._n_rollouts, dtype=np.bool_)
        whole_R[self._rows] = shown_R
        return Drawn(evidence_RE=evidence_RE, shown_R=whole_R)


def _folds(used_Q: Bools, count: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Random folds of the queries that are used, of equal sizes; -1 for the others."""
    used = np.flatnonzero(used_Q)
    for _ in range(count):
        fold_Q = np.full(len(used_Q), -1)
        fold_Q[rng.permutation(used)] = np.arange(len(used)) % FOLDS
        yield fold_Q
