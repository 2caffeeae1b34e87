"""Scores that were handed out, kept in the memory as propagated rewards."""

from collections.abc import Callable, Sequence
from functools import partial

from memstore.changes import list_models, write_propagated
from memstore.db import Stores
from schema.reward import PropagatedReward
from schema.score import Score


def keep_scores(
    stores: Stores,
    memory: str,
    scores: Sequence[Score],
    write: Callable[[Sequence[PropagatedReward]], None] | None = None,
) -> None:
    """Write what a trained model said, and that it had no opinion, with model and time.

    What is verified has its reward already. The prior that comes with the package is no checkpoint
    of the memory: what it says is not kept.

    Args:
        stores: both databases.
        memory: that knows the models.
        scores: as they were handed out.
        write: stores them; None: they are written in this memory.

    Raises:
        UnknownMemoryError: if the memory was deleted since.
        QuarantineError: if publication to it is stopped.
    """
    told = {score.rollout_id: score for score in scores if score.model is not None}
    if not told:
        return
    known = {version for version, _ in list_models(stores, memory)}
    rewards = [
        PropagatedReward(
            rollout_id=id_, value=score.value, confidence=score.confidence, model=score.model
        )
        for id_, score in told.items()
        if score.model is not None and score.model in known
    ]
    (write or partial(write_propagated, stores, memory))(rewards)
