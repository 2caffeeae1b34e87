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
from memreward.jobs import delete_all, drop_snapshot
from memstore import Settings
from memstore.changes import ROLLOUTS_A_BATCH, IngestReport, RolloutWriter
from memstore.db import Stores
from memstore.encoders import Encoder, caching
from memstore.shards import ShardedWriter, Shards, forget_division, places_of
from schema.keyed_rollout import prepare

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
        _delete(stores, settings, memory)


def _delete(stores: Stores, settings: Settings, memory: str) -> None:
    """Delete it, also if it is divided into shards."""
    names = [name for _, name in places_of([stores], memory)]
    for name in names:
        delete_all(stores, settings, name)
    if names != [memory]:
        forget_division([stores], memory)
        drop_snapshot(settings, memory)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def grow(
    stores: Stores, memory: str, mixer: Mixer, have: int, want: int, progress: Bars
) -> IngestReport:
    """Ingest the mixer's queries numbered from `have` up to `want`, tied on arrival only."""
    writer = RolloutWriter(stores, memory, RUN, Encoder())
    for first, count in _batches(have, want):
        writer.add(mixer.rollouts(first, count))
        progress("queries in memory", first + count, want)
    return writer.report


def grow_shards(stores: Stores, memory: str, count: int, mixer: Mixer, want: int) -> None:
    """Divide the memory into `count` shards, which get the mixer's queries up to `want`.

    Publishing is left to whoever opens it.
    """
    writer = ShardedWriter(Shards.over(memory, count, [stores]), RUN)
    writer.encoder = caching(Encoder())
    for first, queries in _batches(0, want):
        rollouts = mixer.rollouts(first, queries)
        writer.accept_embedded([prepare(memory, RUN, rollout) for rollout in rollouts])


def _batches(have: int, want: int) -> Iterator[tuple[int, int]]:
    step = ROLLOUTS_A_BATCH // ROLLOUTS_A_QUERY
    return ((first, min(step, want - first)) for first in range(have, want, step))
