"""A memory as the source of a training run's rewards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from memreward import Memory, ShardedMemory
from memreward.runs.run_request import ScorerSource
from memstore import Settings
from memstore.db import Stores
from memstore.reads import paid_queries, run_known
from memstore.shards import Shards
from schema.calls import Reuse
from schema.errors import InputError
from schema.ids import query_id


@contextmanager
def memory_source(
    stores: Stores,
    settings: Settings,
    memory: str,
    run: str,
    *,
    begun: bool,
    reuse: bool = False,
    shards: Shards | None = None,
) -> Iterator[ScorerSource]:
    """Open a memory, which may be new, for the rollouts of `run`.

    Args:
        stores: both databases.
        settings: tell where the databases and the checkpoints are.
        memory: its name.
        run: that makes the rollouts.
        begun: whether the run is resumed.
        reuse: verdicts are taken over, and calls of the verifier can be planned.
        shards: of a memory that is divided.

    Raises:
        InputError: if the memory has a run of that name which did not begin here.
    """
    places = [(stores, memory)]
    if shards is not None:
        places = [(part.stores, part.name) for part in shards.parts]
    if not begun and any(run_known(there, name, run) for there, name in places):
        raise InputError(
            f"memory {memory!r} has a run {run!r} already, whose journal is not here: give the "
            f"run another name, or remove that one (`memreward delete --memory {memory} --run "
            f"{run}`)"
        )
    kept = Reuse() if reuse else None
    with _opened(settings, memory, run, kept, shards) as opened:
        yield ScorerSource(scorer=opened, paid=partial(_paid, places, memory), refresh=opened.learn)


def _opened(
    settings: Settings, memory: str, run: str, reuse: Reuse | None, shards: Shards | None
) -> Memory | ShardedMemory:
    if shards is None:
        return Memory.open(memory, run=run, prior=False, reuse=reuse, settings=settings)
    return ShardedMemory.open(
        memory, shards=len(shards.parts), run=run, prior=False, reuse=reuse, settings=settings
    )


def _paid(
    places: Sequence[tuple[Stores, str]], memory: str, texts: Sequence[str]
) -> frozenset[str]:
    """Which of these queries were paid for in a memory that is in these places."""
    known = {id_ for stores, name in places for id_ in paid_queries(stores, name)}
    return frozenset(text for text in texts if query_id(memory, text) in known)
