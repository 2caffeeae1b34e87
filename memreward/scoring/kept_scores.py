"""Scores that were handed out, kept in the memory as propagated rewards."""

from collections.abc import Callable, Sequence
from functools import partial

from memstore.changes import list_models, write_propagated
from memstore.db import Stores
from memstore.shards import Shards, write_in_shards
from schema.ids import query_id
from schema.reward import PropagatedReward
from schema.rollout import Rollout
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


def keep_in_shards(shards: Shards, given: Sequence[Rollout], scores: Sequence[Score]) -> None:
    """The same in a memory that is divided, of which these rollouts were given.

    Raises:
        UnknownMemoryError: see `keep_scores`.
        QuarantineError: if publication to a shard is stopped.
    """
    queries = (query_id(shards.memory, rollout.query) for rollout in given)
    ids, first = (score.rollout_id for score in scores), shards.first
    query_of = dict(zip(ids, queries, strict=True))
    if first.state() is None:
        return  # It knows the checkpoints, so there are none yet.
    keep_scores(
        first.stores,
        first.name,
        scores,
        lambda rewards: write_in_shards(shards, rewards, query_of),
    )
