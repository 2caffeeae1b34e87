"""The scratch memory of a benchmark: filled in one go, gone at its end, also after Ctrl-C."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from memreward.base import Bars
from memreward.bench.data import ROLLOUTS_A_QUERY, Mixer
from memreward.jobs import delete_all
from memstore import Settings
from memstore.changes import ROLLOUTS_A_BATCH, IngestReport, RolloutWriter
from memstore.db import Stores
from memstore.encoders import Encoder

RUN: Final = "bench"


@contextmanager
def scratch_memory(stores: Stores, settings: Settings) -> Iterator[str]:
    """Name of a memory that is deleted afterwards: databases, checkpoints and snapshot.

    A signal to end counts as Ctrl-C; only a killed process leaves it behind.
    """
    memory = f"bench-{os.getpid()}-{secrets.token_hex(4)}"
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield memory
    finally:
        signal.signal(signal.SIGTERM, before)
        delete_all(stores, settings, memory)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def grow(
    stores: Stores, memory: str, mixer: Mixer, have: int, want: int, progress: Bars
) -> IngestReport:
    """Ingest the mixer's queries numbered from `have` up to `want`, tied on arrival only."""
    writer = RolloutWriter(stores, memory, RUN, Encoder())
    step = ROLLOUTS_A_BATCH // ROLLOUTS_A_QUERY
    for first in range(have, want, step):
        count = min(step, want - first)
        writer.add(mixer.rollouts(first, count))
        progress("queries in memory", first + count, want)
    return writer.report
