"""Rollouts for benchmarks: as many as wanted, mixed from real ones.

Each query is a random pair of real queries: its embeddings, and those of its rollouts, are
normalised mixtures of theirs. Copies of one vector would be one another's neighbours and flatter
the neighbourhood; pairs spread as real queries do. Texts, rewards and signals are those of the
first of the pair, numbered, so that reading them costs what real texts cost.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np

from memstore.encoders import DEFAULT_ENCODER
from memstore.formats import RolloutReader, inspect_files
from memstore.servers import SAMPLE
from schema.errors import InputError
from schema.memory_graph import Floats
from schema.rollout import Rollout

ROLLOUTS_A_QUERY: Final = 8
#: Share of the queries whose rollouts bring their rewards.
LABELLED: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Mixer:
    """Real rollouts by query, and the random pairs made of them."""

    queries: list[list[Rollout]]
    #: Text embeddings, [Q, D] and [Q, 8, D] (thinking, answer).
    query_QD: Floats
    thinking_QGD: Floats
    answer_QGD: Floats
    seed: int

    @classmethod
    def of(cls, path: Path = SAMPLE, *, seed: int = 0) -> Self:
        """Take the queries of `path` that have 8 rollouts, with their embeddings.

        Raises:
            InputError: if the file has fewer than two such queries.
        """
        groups: dict[str, list[Rollout]] = {}
        for row in RolloutReader(inspect_files([path])):
            if isinstance(row, Rollout) and row.query_embedding is not None:
                groups.setdefault(row.query, []).append(row)
        queries = [g[:ROLLOUTS_A_QUERY] for g in groups.values() if len(g) >= ROLLOUTS_A_QUERY]
        if len(queries) < 2:
            raise InputError(
                f"{path}: fewer than two queries have {ROLLOUTS_A_QUERY} rollouts with embeddings "
                f"of {DEFAULT_ENCODER}: give a file that has them (docs/format.md)"
            )
        query_QD = np.stack([_given(g[0].query_embedding) for g in queries])
        thinking, answer = (
            np.stack([[_given(getattr(r, name)) for r in g] for g in queries])
            for name in ("thinking_embedding", "answer_embedding")
        )
        return cls(
            queries=queries, query_QD=query_QD, thinking_QGD=thinking, answer_QGD=answer, seed=seed
        )

    def rollouts(self, first: int, count: int, *, labelled: float = LABELLED) -> list[Rollout]:
        """Rollouts of the queries numbered from `first`: 8 each; the same for the same numbers."""
        return [
            rollout
            for number in range(first, first + count)
            for rollout in self._query(number, labelled)
        ]

    def one(self, number: int) -> Rollout:
        """The first rollout of a query."""
        return next(self._query(number, LABELLED))

    def _query(self, number: int, labelled: float) -> Iterator[Rollout]:
        rng = np.random.default_rng([self.seed, number])
        one, other = rng.choice(len(self.queries), 2, replace=False).tolist()
        share = rng.uniform(0.3, 0.7)
        verified = bool(rng.random() < labelled)

        def mixed(table: Floats) -> Floats:
            blend = share * table[one] + (1 - share) * table[other]
            return (blend / np.linalg.norm(blend, axis=-1, keepdims=True)).astype(np.float32)

        query_D, thinking_GD, answer_GD = map(
            mixed, (self.query_QD, self.thinking_QGD, self.answer_QGD)
        )
        for place, rollout in enumerate(self.queries[one]):
            yield replace(
                rollout,
                query=f"{rollout.query} ({number})",
                source_query_id=str(number),
                place=place,
                reward=rollout.reward if verified else None,
                policy_embedding=None,
                policy_layer=None,
                encoder=DEFAULT_ENCODER,
                query_embedding=query_D,
                thinking_embedding=thinking_GD[place],
                answer_embedding=answer_GD[place],
            )


def _given(vector: Floats | None) -> Floats:
    assert vector is not None
    return vector
