"""A memory as the source of a training run's rewards."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gnn.model_base import no_progress
from memreward.course_job import resumable
from memreward.grpo_job import Source
from memreward.memory import Memory
from memreward.train_job import train_memory
from memstore.encoders import encoder_for
from memstore.ingest import IngestReport, add
from memstore.paid import paid_queries
from memstore.prepare import prepare
from memstore.remembering import remembering
from memstore.runs import run_known
from memstore.settings import Settings
from memstore.stores import Stores, get_memory
from schema.errors import InputError
from schema.ids import query_id
from schema.rollout import Rollout
from schema.score import Score, ScoreSource


@contextmanager
def memory_source(
    stores: Stores, settings: Settings, memory: str, run: str, *, begun: bool
) -> Iterator[Source]:
    """Open a memory, which may be new, for the rollouts of `run`.

    Args:
        stores: both databases.
        settings: tell where the databases and the checkpoints are.
        memory: its name.
        run: that makes the rollouts.
        begun: whether the run goes on from an earlier sitting.

    Raises:
        InputError: if the memory has a run of that name which did not begin here.
    """
    if not begun and run_known(stores, memory, run):
        raise InputError(
            f"memory {memory!r} has a run {run!r} already, whose journal is not here: give the "
            f"run another name, or remove that one (`memreward delete --memory {memory} --run "
            f"{run}`)"
        )
    with Memory.open(memory, run=run, settings=settings) as opened:

        def paid(texts: list[str]) -> frozenset[str]:
            known = paid_queries(stores, memory)
            return frozenset(text for text in texts if query_id(memory, text) in known)

        def refresh() -> None:
            opened.flush()
            encoder = get_memory(stores, memory).encoder
            resume = resumable(stores, memory, encoder) is not None
            train_memory(stores, settings, memory, no_progress, resume=resume)
            opened.refresh()

        yield Source(scorer=_Untaught(opened, stores), paid=paid, refresh=refresh)


class _Untaught:
    """A memory that has no opinion, rather than an error, until it has learnt."""

    def __init__(self, memory: Memory, stores: Stores) -> None:
        self._memory, self._stores = memory, stores
        self._encoder = remembering(encoder_for(stores, memory.name))

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """See `schema.score.Scorer`."""
        if self._memory.model is not None:
            return self._memory.score(rollouts, store=store)
        name, run = self._memory.name, self._memory.run
        if store:
            report = IngestReport()
            add(self._stores, name, run, rollouts, self._encoder, labelled=None, report=report)
        return [
            Score(
                rollout_id=prepare(name, run, rollout).id,
                value=rollout.reward,
                confidence=float(rollout.reward is not None),
                source=ScoreSource.NONE if rollout.reward is None else ScoreSource.VERIFIED,
            )
            for rollout in rollouts
        ]

    def flush(self) -> None:
        """See `schema.score.Scorer`."""
        self._memory.flush()
