"""Accepting rollouts: one Postgres transaction, after which they are promised.

Under the memory's lock: what is new is told from what is known, new queries get their nearest
neighbours, and rows, edges and the payload for Neo4j are written with the next sequence number.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from memstore.db import (
    MemoryState,
    SqlSession,
    VectorStore,
    keep_statistics,
    plans_for_any_memory,
    retried,
)
from memstore.outbox import rollout_rows
from memstore.outbox.change import OutboxBatch, accept_batch
from memstore.outbox.locks import deleted_memory_error, lock_memory
from memstore.outbox.said_rewards import current_verified
from memstore.outbox.same_conclusion import (
    insert_taken_over,
    reuse_audits,
    to_follow,
    to_take_over,
)
from memstore.similarity import QueryVectors, begin_search, copy_edges, nearest, query_vectors
from schema.batch import BatchKind
from schema.errors import InputError
from schema.keyed_rollout import Keys, PreparedRollout

DEFAULT_NEIGHBOURS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What one call of `accept_rollouts` found and did; `seq` None: there was nothing to do."""

    seq: int | None
    new: int
    existing: int
    new_queries: int
    labels: int
    #: Which memory of that name it went to; None: there is none, since nothing was given.
    incarnation: str | None


def known_hashes(
    session: SqlSession, memory: str, prepared: Iterable[PreparedRollout]
) -> dict[str, str]:
    """Content hashes, by id, of those rollouts that the memory holds."""
    ids = [item.id for item in prepared]
    with plans_for_any_memory(session):
        return dict(session.of("outbox.sql").rows("known_rollouts", memory=memory, ids=ids))


def accept_rollouts(
    vectors: VectorStore,
    memory: str,
    run: str,
    prepared: Sequence[PreparedRollout],
    *,
    encoder: str,
    dimension: int,
    incarnation: str | None,
    neighbours: int = DEFAULT_NEIGHBOURS,
    keys: Callable[[], Keys] = dict,
    reuse: bool = False,
) -> Accepted:
    """Accept rollouts that carry their embeddings; when this returns they are durable.

    Only the memory of that `incarnation` is written to, not a later one of the same name; None:
    whichever has the name, made now if there is none. `keys` is asked, late, for conclusions that
    were read elsewhere; others are read here. Callers outside the tests use a `RolloutWriter`,
    which keeps the incarnation from batch to batch. With `reuse`, rollouts that conclude what was
    verified on their query take that verdict over (`memstore.outbox.same_conclusion`).

    Raises:
        InputError: if an id is known with other content; nothing is accepted then.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory of that incarnation was deleted.
    """
    if not prepared:
        return _nothing(0, incarnation)

    def lock(session: SqlSession) -> MemoryState:
        return lock_memory(session, memory, encoder, dimension, neighbours, incarnation=incarnation)

    def write(batch: OutboxBatch) -> Accepted:
        return _write(batch, run, prepared, query_vectors(vectors, memory), keys, reuse)

    accepted = accept_batch(vectors, BatchKind.INGEST, lock, write)
    if accepted.new:
        retried(lambda: keep_statistics(vectors))
    return accepted


def _nothing(existing: int, incarnation: str | None) -> Accepted:
    return Accepted(
        seq=None, new=0, existing=existing, new_queries=0, labels=0, incarnation=incarnation
    )


def _write(
    batch: OutboxBatch,
    run: str,
    prepared: Sequence[PreparedRollout],
    cache: QueryVectors,
    keys: Callable[[], Keys],
    reuse: bool,
) -> Accepted:
    """Insert what is new of the rollouts."""
    session, memory = batch.session, batch.memory
    known = known_hashes(session, memory, prepared)
    refuse_changed(prepared, known)
    by_id = {item.id: item for item in prepared if item.id not in known}
    new = sorted(by_id.values(), key=lambda item: item.id)
    if any(item.rollout.query_embedding is None for item in new):
        raise deleted_memory_error(memory)  # They were known, and so not embedded, a moment ago.
    labelled = _new_labels(session, memory, prepared)
    if not new and not labelled:
        return _nothing(len(prepared), batch.state.incarnation)
    queries = _insert(batch, run, new, cache, keys)
    rollout_rows.insert_labels(session, memory, run, batch.seq, labelled)
    taken = _take_over(batch, run, new, labelled, reuse)
    said = sorted({*taken, *(item.id for item in labelled)})
    batch.tell(
        {
            "generation": batch.state.generation,
            "encoder": batch.state.encoder,
            "verified": current_verified(session, memory, said),
        }
    )
    return Accepted(
        seq=batch.seq,
        new=len(new),
        existing=len(prepared) - len(new),
        new_queries=queries,
        labels=len(labelled),
        incarnation=batch.state.incarnation,
    )


def _take_over(
    batch: OutboxBatch,
    run: str,
    new: Sequence[PreparedRollout],
    labelled: Sequence[PreparedRollout],
    reuse: bool,
) -> list[str]:
    """Insert the verdicts that follow from those of the batch; returns whose they are."""
    session, memory = batch.session, batch.memory
    taken = to_follow(session, memory, [item.id for item in labelled])
    if reuse:
        ids = [item.id for item in (*new, *labelled)]
        taken += to_take_over(session, memory, run, ids, reuse_audits(session, memory))
    return insert_taken_over(session, memory, batch.seq, taken)


def refuse_changed(prepared: Sequence[PreparedRollout], known: dict[str, str]) -> None:
    """Check that no rollout says something else than what is known, or comes earlier, at its place.

    Raises:
        InputError: naming the first that does.
    """
    said = dict(known)
    for item in prepared:
        if said.setdefault(item.id, item.content_hash) != item.content_hash:
            place = item.rollout
            raise InputError(
                f"query_id {place.source_query_id!r}, step {place.step}, rollout {place.place} "
                "is in the memory, or given before, with another text: give new rollouts another "
                "--run or step"
            )


def _new_labels(
    session: SqlSession, memory: str, prepared: Sequence[PreparedRollout]
) -> list[PreparedRollout]:
    """Rollouts whose reward is not yet what the memory holds from a file."""
    given = list({i.id: i for i in prepared if i.rollout.reward is not None}.values())
    if not given:
        return []
    current = dict(
        session.rows(
            "current_verified",
            memory=memory,
            source=rollout_rows.FILE_SOURCE,
            ids=[item.id for item in given],
        )
    )
    return [item for item in given if current.get(item.id) != item.rollout.reward]


def _insert(
    batch: OutboxBatch,
    run: str,
    new: Sequence[PreparedRollout],
    cache: QueryVectors,
    keys: Callable[[], Keys],
) -> int:
    """Insert everything a batch brings but its labels; returns the number of new queries."""
    session, state, seq = batch.session, batch.state, batch.seq
    memory = state.name
    first = new[0].rollout if new else None
    policy = first.policy if first else None
    checkpoint = first.checkpoint if first else None
    session.run("add_run", memory=memory, name=run, policy=policy, checkpoint=checkpoint, seq=seq)
    with plans_for_any_memory(session):
        rollout_rows.insert_policies(session, memory, seq, new)
        queries = rollout_rows.insert_queries(session, memory, seq, new)
    # On arrival a query is tied to its nearest among all that is accepted, its own batch included;
    # another thread searches while the other rows are written.
    arriving = {item.query_id: item.embedding for item in queries}
    begun = begin_search(session, state, cache, arriving)
    read = keys()
    conclusions = {item.id: item.conclusion(memory, read) for item in new}
    with plans_for_any_memory(session):
        rollout_rows.insert_conclusions(session, memory, seq, conclusions)
        rollout_rows.insert_rollouts(session, memory, run, seq, new, conclusions)
        rollout_rows.insert_policy_embeddings(session, memory, seq, new)
    edges = nearest(session, state, list(arriving), state.neighbours, cache, arriving, begun)
    copy_edges(session, memory, state.generation, seq, edges)
    return len(queries)
