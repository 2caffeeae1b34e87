"""`memreward bench train`: seconds to train on a memory, compared with the published model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gnn.jobs import DEFAULT_MODEL
from gnn.models import reward_model
from memreward.base import Bars
from memreward.bench.data import LABELLED, Mixer
from memreward.bench.scratch import grow, scratch_memory
from memstore import Settings
from memstore.db import Stores
from memstore.reads import read_graph
from memstore.servers import SAMPLE
from schema.errors import InputError

RIVAL: Final = "published"


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to measure."""

    queries: int
    rollouts: Path = SAMPLE

    def __post_init__(self) -> None:
        """Check the number of queries."""
        if self.queries < 50:
            raise InputError("--queries: give at least 50, of which a fifth is labelled")


def bench_train(
    stores: Stores, settings: Settings, request: TrainRequest, progress: Bars
) -> dict[str, Any]:
    """Fit the default model and the published one on the same memory, a fifth of it labelled."""
    mixer = Mixer.of(request.rollouts)
    with scratch_memory(stores, settings) as memory:
        grow(stores, memory, mixer, 0, request.queries, progress)
        graph = read_graph(stores, memory)
    rows = []
    for name in (DEFAULT_MODEL, RIVAL):
        report = reward_model(name)().fit(graph, seed=0, progress=progress)
        rows.append(
            {
                "model": name,
                "seconds": report.seconds,
                "epochs": report.epochs,
                "labelled_rollouts": report.n_rollouts,
                "validation_auc": report.metrics.get("auc"),
            }
        )
    return {
        "rows": rows,
        "ratio": rows[1]["seconds"] / rows[0]["seconds"],
        "queries": request.queries,
        "labelled": LABELLED,
    }
