"""`memreward bench ingest`: rollouts a second, compared with the bare drivers."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from memreward.base import Bars
from memreward.bench.bare_writes import rows_of_batch, write_bare
from memreward.bench.data import ROLLOUTS_A_QUERY, Mixer
from memreward.bench.scratch import RUN, scratch_memory
from memstore import Settings
from memstore.changes import ROLLOUTS_A_BATCH, RolloutWriter
from memstore.db import Stores
from memstore.encoders import Encoder
from memstore.outbox import publish
from memstore.servers import SAMPLE
from schema.errors import InputError
from schema.keyed_rollout import prepare
from schema.rollout import Rollout

#: Batches that one writer writes before it is the other's turn.
BATCHES_A_TURN: Final = 4


@dataclass(frozen=True, kw_only=True)
class IngestBenchRequest:
    """What to measure."""

    queries: int
    rollouts: Path = SAMPLE
    queries_a_batch: int = ROLLOUTS_A_BATCH // ROLLOUTS_A_QUERY

    def __post_init__(self) -> None:
        """Check the number of queries."""
        turn = BATCHES_A_TURN * self.queries_a_batch
        if self.queries < 3 * turn or self.queries % turn:
            raise InputError(f"--queries: give a multiple of {turn}, at least {3 * turn}")


def bench_ingest(
    stores: Stores, settings: Settings, request: IngestBenchRequest, progress: Bars
) -> dict[str, Any]:
    """Write batches with embeddings and rewards, ours and the rival's in turn.

    A turn is `BATCHES_A_TURN` batches; the first turn of each is not counted. `stages` are seconds
    a batch in the last turn, which is not counted either and writes one after the other: until
    Postgres has accepted (validated, ids, conclusions, neighbours), and until Neo4j shows it.
    """
    mixer = Mixer.of(request.rollouts)
    turn = BATCHES_A_TURN * request.queries_a_batch
    starts = range(0, request.queries - turn, turn)
    ours: list[float] = []
    bare: list[float] = []
    with scratch_memory(stores, settings) as mine, scratch_memory(stores, settings) as its:
        writer = RolloutWriter(stores, mine, RUN, Encoder())
        for first in starts:
            batches = _batches(mixer, request, first)
            began = time.perf_counter()
            writer.write(batches, lambda rows: None)
            ours.append(time.perf_counter() - began)
            bare.append(sum(_bare(stores, mine, its, batch) for batch in batches))
            progress("queries written twice", first + turn, request.queries)
        stages = _stages(stores, writer, _batches(mixer, request, request.queries - turn))
        progress("queries written twice", request.queries, request.queries)
    counted = (len(starts) - 1) * turn * ROLLOUTS_A_QUERY
    rates = {"memreward": counted / sum(ours[1:]), "bare drivers": counted / sum(bare[1:])}
    return {
        "rows": [{"writer": name, "rollouts_per_s": rate} for name, rate in rates.items()],
        "ratio": rates["memreward"] / rates["bare drivers"],
        "stages": stages,
        "rollouts": counted,
    }


def _batches(mixer: Mixer, request: IngestBenchRequest, first: int) -> list[list[Rollout]]:
    size = request.queries_a_batch
    return [
        mixer.rollouts(first + place * size, size, labelled=1.0) for place in range(BATCHES_A_TURN)
    ]


def _bare(stores: Stores, mine: str, its: str, batch: list[Rollout]) -> float:
    """Seconds that the rival takes to write what we have written of a batch."""
    prepared = sorted((prepare(mine, RUN, rollout) for rollout in batch), key=lambda item: item.id)
    with stores.vectors.transaction("bench.sql") as session:
        row = session.row("seq_of_rollout", memory=mine, id=prepared[0].id)
    assert row is not None
    rows = rows_of_batch(stores, mine, row[0], prepared)
    encoder = Encoder()
    began = time.perf_counter()
    write_bare(
        stores, its, row[0], prepared, rows, encoder=encoder.name, dimension=encoder.dimension
    )
    return time.perf_counter() - began


def _stages(
    stores: Stores, writer: RolloutWriter, batches: list[list[Rollout]]
) -> dict[str, float]:
    """Seconds a batch, one after the other."""
    seconds = {"accept": 0.0, "publish": 0.0}
    for batch in batches:
        began = time.perf_counter()
        writer.accept(batch)
        accepted = time.perf_counter()
        publish(stores, writer.memory)
        seconds["accept"] += (accepted - began) / len(batches)
        seconds["publish"] += (time.perf_counter() - accepted) / len(batches)
    return seconds
