"""`memreward bench ingest`: rollouts a second, beside the bare drivers."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memreward.bench_data import ROLLOUTS_A_QUERY, Mixer
from memreward.bench_scratch import RUN, scratch_memory
from memreward.console import Bars
from memreward.places import SAMPLE
from memstore.bare_writes import rows_of_batch, write_bare
from memstore.encoder import Encoder
from memstore.ingest import ROLLOUTS_A_BATCH, IngestReport, add
from memstore.prepare import prepare
from memstore.settings import Settings
from memstore.stores import Stores, get_memory
from schema.errors import InputError


@dataclass(frozen=True, kw_only=True)
class IngestRequest:
    """What to measure."""

    queries: int
    rollouts: Path = SAMPLE
    queries_a_batch: int = ROLLOUTS_A_BATCH // ROLLOUTS_A_QUERY

    def __post_init__(self) -> None:
        """Check the number of queries."""
        if self.queries < 2 * self.queries_a_batch:
            raise InputError(f"--queries: give at least {2 * self.queries_a_batch}")


def bench_ingest(
    stores: Stores, settings: Settings, request: IngestRequest, progress: Bars
) -> dict[str, Any]:
    """Write batches with embeddings and rewards, ours and the rival's in turn.

    The first batch of each is not counted. `stages` are shares of our time: until Postgres has
    accepted (validated, ids, conclusions, neighbours), and until Neo4j shows it.
    """
    mixer, encoder, report = Mixer.of(request.rollouts), Encoder(), IngestReport()
    ours: list[float] = []
    bare: list[float] = []
    counted = 0
    with scratch_memory(stores, settings) as mine, scratch_memory(stores, settings) as its:
        for first in range(0, request.queries, request.queries_a_batch):
            count = min(request.queries_a_batch, request.queries - first)
            rollouts = mixer.rollouts(first, count, labelled=1.0)
            began = time.perf_counter()
            add(stores, mine, RUN, rollouts, encoder, labelled=None, report=report)
            ours.append(time.perf_counter() - began)
            prepared = [prepare(mine, RUN, rollout) for rollout in rollouts]
            prepared.sort(key=lambda item: item.id)
            seq = get_memory(stores, mine).seq
            rows = rows_of_batch(stores, mine, seq, prepared)
            began = time.perf_counter()
            write_bare(
                stores, its, seq, prepared, rows,
                encoder=encoder.name, dimension=encoder.dimension,
            )  # fmt: skip
            bare.append(time.perf_counter() - began)
            counted += len(rollouts) if first else 0
            progress("queries written twice", first + count, request.queries)
        publishing = _publishing(stores, mine)
    rates = {"memreward": counted / sum(ours[1:]), "bare drivers": counted / sum(bare[1:])}
    return {
        "rows": [{"writer": name, "rollouts_per_s": rate} for name, rate in rates.items()],
        "ratio": rates["memreward"] / rates["bare drivers"],
        "stages": {
            "accept": 1 - publishing / sum(ours[1:]),
            "publish": publishing / sum(ours[1:]),
        },
        "rollouts": counted,
    }


def _publishing(stores: Stores, memory: str) -> float:
    """Seconds from accepted to published, all batches but the first added up."""
    with stores.vectors.transaction("bench.sql") as session:
        row = session.row("publishing", memory=memory)
    return 0.0 if row is None else float(row[0])
