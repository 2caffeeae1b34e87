"""A memory as the source of a training run's rewards."""

from collections.abc import Iterator
from contextlib import contextmanager

from memreward import Memory
from memreward.runs.run_request import ScorerSource
from memstore import Settings
from memstore.db import Stores
from memstore.reads import paid_queries, run_known
from schema.calls import Reuse
from schema.errors import InputError
from schema.ids import query_id


@contextmanager
def memory_source(
    stores: Stores, settings: Settings, memory: str, run: str, *, begun: bool, reuse: bool = False
) -> Iterator[ScorerSource]:
    """Open a memory, which may be new, for the rollouts of `run`.

    Args:
        stores: both databases.
        settings: tell where the databases and the checkpoints are.
        memory: its name.
        run: that makes the rollouts.
        begun: whether the run is resumed.
        reuse: verdicts are taken over, and calls of the verifier can be planned.

    Raises:
        InputError: if the memory has a run of that name which did not begin here.
    """
    if not begun and run_known(stores, memory, run):
        raise InputError(
            f"memory {memory!r} has a run {run!r} already, whose journal is not here: give the "
            f"run another name, or remove that one (`memreward delete --memory {memory} --run "
            f"{run}`)"
        )
    kept = Reuse() if reuse else None
    with Memory.open(memory, run=run, prior=False, reuse=kept, settings=settings) as opened:

        def paid(texts: list[str]) -> frozenset[str]:
            known = paid_queries(stores, memory)
            return frozenset(text for text in texts if query_id(memory, text) in known)

        yield ScorerSource(scorer=opened, paid=paid, refresh=opened.learn)
