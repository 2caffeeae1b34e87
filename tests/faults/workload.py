"""A small life of a memory, step by step: each step makes one batch, and may be run again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from support.rollout_factory import make_rollouts

from memstore.changes.batch_writer import IngestReport
from memstore.changes.ingestion import budgeted
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.changes.relink import link
from memstore.changes.rollout_writer import RolloutWriter
from memstore.db.stores import Stores, get_memory
from memstore.db.vector_store import SqlSession
from memstore.encoders.default import DEFAULT_DIMENSION, DEFAULT_ENCODER, EncodeProgress
from schema.errors import UnknownMemoryError
from schema.ids import rollout_id
from schema.reward import PropagatedReward
from schema.rollout import Rollout

MODEL = "model-1"


class NoEncoder:
    """Stands where rollouts carry their embeddings."""

    name = DEFAULT_ENCODER
    dimension = DEFAULT_DIMENSION

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> np.ndarray:
        raise AssertionError(f"nothing is to be encoded, {texts[:1]} least of all")


def ingest(
    stores: Stores,
    memory: str,
    rollouts: Sequence[Rollout],
    run: str = "run-1",
    labelled: frozenset[str] | None = None,
) -> IngestReport:
    writer = RolloutWriter(stores, memory, run, NoEncoder())
    writer.add([budgeted(rollout, labelled) for rollout in rollouts])
    return writer.report


@dataclass(frozen=True)
class Workload:
    """`batches` ingests of `questions` new queries each; later rewards, two links, a model."""

    batches: int = 4
    questions: int = 3
    places: int = 2

    def rollouts(self, batch: int) -> list[Rollout]:
        """Of one batch; the last query of the batch before comes again."""
        first = batch * self.questions - (batch > 0)
        count = self.questions + (batch > 0)
        return make_rollouts(count, self.places, first=first)

    def steps(self) -> Iterator[Callable[[Stores, str], object]]:
        half = self.batches // 2
        for batch in range(half):
            yield lambda stores, memory, n=batch: ingest(
                stores, memory, self.rollouts(n), labelled=frozenset()
            )
        yield lambda stores, memory: ingest(stores, memory, self.rollouts(0))
        yield lambda stores, memory: link_to(stores, memory, 1)
        for batch in range(half, self.batches):
            yield lambda stores, memory, n=batch: ingest(
                stores, memory, self.rollouts(n), f"run-{n % 2}"
            )
        yield lambda stores, memory: register_model(stores, memory, MODEL, {"kind": "test"})
        yield self.propagate
        yield lambda stores, memory: link_to(stores, memory, 2)

    def propagate(self, stores: Stores, memory: str) -> None:
        if kinds(stores, memory).count("propagate"):
            return
        rewards = [
            PropagatedReward(
                rollout_id=rollout_id(memory, "run-1", r.source_query_id, r.step, r.place),
                value=None if r.place else 0.25,
                confidence=0.5,
                model=MODEL,
            )
            for r in self.rollouts(0)
        ]
        write_propagated(stores, memory, rewards)

    def run(self, stores: Stores, memory: str) -> None:
        """All steps; those done by an earlier, interrupted run change nothing."""
        for step in self.steps():
            step(stores, memory)


def link_to(stores: Stores, memory: str, generation: int) -> None:
    if get_memory(stores, memory).generation < generation:
        link(stores, memory)


def kinds(stores: Stores, memory: str) -> list[str]:
    """Kinds of all accepted batches."""
    with stores.vectors.transaction("reads.sql") as session:
        return [row[0] for row in sql(session, BATCH_KINDS, memory)]


BATCH_KINDS = "SELECT kind FROM memreward.batch WHERE memory = %s ORDER BY seq"


def sql(session: SqlSession, statement: str, *parameters: object) -> list[tuple]:
    """Rows of a statement that only tests ask."""
    return session._connection.execute(statement.encode(), parameters).fetchall()


def seq_of(stores: Stores, memory: str) -> int:
    """Last accepted batch; 0 without a memory."""
    try:
        return get_memory(stores, memory).seq
    except UnknownMemoryError:
        return 0
