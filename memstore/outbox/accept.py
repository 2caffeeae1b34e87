"""Accepting rollouts: one Postgres transaction, after which they are promised.

Under the memory's lock: what is new is told from what is known, new queries get their nearest
neighbours, and rows, edges and the payload for Neo4j are written with the next sequence number.
A writer that did not hear whether its commit went through finds its batch by its token.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from memstore.db import (
    MemoryState,
    SqlSession,
    VectorStore,
    as_json,
    find_memory,
    new_token,
    retried,
)
from memstore.outbox import rollout_rows as accept_rows
from memstore.outbox.current_reward import current_verified
from memstore.similarity import QueryVectors, copy_edges, nearest, query_vectors
from schema.batch import BatchKind
from schema.errors import EncoderMismatchError, InputError, StoreError, UnknownMemoryError
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
    return dict(session.of("accept.sql").rows("known_rollouts", memory=memory, ids=ids))


def lock_memory(
    session: SqlSession,
    memory: str,
    encoder: str,
    dimension: int,
    neighbours: int,
    *,
    incarnation: str | None,
) -> MemoryState:
    """Lock a memory for this transaction.

    With `incarnation` None, whichever memory has the name, made now if there is none.

    Raises:
        EncoderMismatchError: if it is stamped with another encoder or dimension.
        UnknownMemoryError: if it is being deleted, or the memory of that incarnation was.
        StoreError: if the delete of a run was cut off.
    """
    sql = session.of("accept.sql")
    sql.run("lock_memory", memory=memory)
    if incarnation is None:
        sql.run(
            "create_memory",
            memory=memory,
            encoder=encoder,
            dimension=dimension,
            neighbours=neighbours,
        )
    state = find_memory(session, memory)
    if state is None or incarnation not in (None, state.incarnation):
        raise gone_meanwhile(memory)
    if (state.encoder, state.dimension) != (encoder, dimension):
        raise EncoderMismatchError(
            f"memory {memory!r} holds embeddings of {state.encoder} ({state.dimension} "
            f"dimensions), these are of {encoder} ({dimension}): give it those, or use "
            "another memory"
        )
    _refuse_pending_delete(session, memory)
    return state


def lock_existing(session: SqlSession, state: MemoryState) -> MemoryState:
    """Lock a memory that was looked up before, and look again.

    Raises:
        UnknownMemoryError: if it was deleted since, or another one now has its name.
        EncoderMismatchError: if it was given another encoder since.
        StoreError: if the delete of a run was cut off.
    """
    session.of("accept.sql").run("lock_memory", memory=state.name)
    found = find_memory(session, state.name)
    if found is None or found.incarnation != state.incarnation:
        raise gone_meanwhile(state.name)
    if (found.encoder, found.dimension) != (state.encoder, state.dimension):
        raise EncoderMismatchError(
            f"memory {state.name!r} was given the encoder {found.encoder} meanwhile: "
            "run the same command again"
        )
    _refuse_pending_delete(session, state.name)
    return found


def _refuse_pending_delete(session: SqlSession, memory: str) -> None:
    """Check that nothing that is accepted now can be taken for something that is going."""
    if session.of("accept.sql").row("pending_delete", memory=memory) is not None:
        raise StoreError(
            f"the delete of a run of memory {memory!r} was cut off: run "
            f"`memreward repair --memory {memory}`, then the same command again"
        )


def gone_meanwhile(memory: str) -> UnknownMemoryError:
    """The error of a writer whose memory was deleted under it."""
    return UnknownMemoryError(
        f"memory {memory!r} was deleted in the meantime, with everything that was written to it: "
        "open it again, or run the whole command again, if that was not meant"
    )


def take_seq(session: SqlSession, memory: str) -> int:
    """The next sequence number of a locked memory."""
    row = session.of("accept.sql").row("next_seq", memory=memory)
    assert row is not None
    return int(row[0])


def add_batch(
    session: SqlSession,
    memory: str,
    seq: int,
    kind: BatchKind,
    payload: dict[str, Any],
    token: str | None = None,
) -> None:
    """Record a batch and what Neo4j still has to be told.

    With a `token` its writer can ask `settled` after a commit whose answer was lost.
    """
    session.of("accept.sql").run(
        "add_batch",
        memory=memory,
        seq=seq,
        kind=kind.value,
        payload=as_json(payload),
        token=token,
    )


def settled(session: SqlSession, memory: str, token: str) -> tuple[int, int, int, int] | None:
    """Sequence number, rollouts, queries and rewards of the batch accepted under `token`, if any.

    To be asked under the memory's lock: an earlier attempt is over then, one way or the other.
    """
    row = session.of("accept.sql").row("batch_of_token", memory=memory, token=token)
    return None if row is None else (row[0], row[1], row[2], row[3])


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
) -> Accepted:
    """Accept rollouts that carry their embeddings; when this returns they are durable.

    Only the memory of that `incarnation` is written to, not a later one of the same name; None:
    whichever has the name, made now if there is none. `keys` is asked, late, for conclusions that
    were read elsewhere; others are read here. Callers outside the tests use a `RolloutWriter`,
    which keeps the incarnation from batch to batch.

    Raises:
        InputError: if an id is known with other content; nothing is accepted then.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory of that incarnation was deleted.
    """
    if not prepared:
        return _nothing(0, incarnation)
    token = new_token()

    def attempt() -> Accepted:
        with vectors.transaction("accept.sql") as session:
            state = lock_memory(
                session, memory, encoder, dimension, neighbours, incarnation=incarnation
            )
            if (done := settled(session, memory, token)) is not None:
                seq, new, queries, labels = done
            else:
                seq, new, queries, labels = _accept(
                    session, state, run, prepared, token, query_vectors(vectors, memory), keys
                )
        if seq is None:
            return _nothing(len(prepared), state.incarnation)
        return Accepted(
            seq=seq,
            new=new,
            existing=len(prepared) - new,
            new_queries=queries,
            labels=labels,
            incarnation=state.incarnation,
        )

    return retried(attempt)


def _nothing(existing: int, incarnation: str | None) -> Accepted:
    return Accepted(
        seq=None, new=0, existing=existing, new_queries=0, labels=0, incarnation=incarnation
    )


def _accept(
    session: SqlSession,
    state: MemoryState,
    run: str,
    prepared: Sequence[PreparedRollout],
    token: str,
    held: QueryVectors,
    keys: Callable[[], Keys],
) -> tuple[int | None, int, int, int]:
    """Sequence number (None: nothing to do), new rollouts, new queries, rewards."""
    memory = state.name
    known = known_hashes(session, memory, prepared)
    refuse_changed(prepared, known)
    by_id = {item.id: item for item in prepared if item.id not in known}
    new = sorted(by_id.values(), key=lambda item: item.id)
    if any(item.rollout.query_embedding is None for item in new):
        raise gone_meanwhile(memory)  # They were known, and so not embedded, a moment ago.
    labelled = _new_labels(session, memory, prepared)
    if not new and not labelled:
        return None, 0, 0, 0
    seq = take_seq(session, memory)
    queries = _insert(session, state, run, seq, new, held, keys)
    accept_rows.insert_labels(session, memory, run, seq, labelled)
    payload = {
        "generation": state.generation,
        "encoder": state.encoder,
        "verified": current_verified(session, memory, [item.id for item in labelled]),
    }
    add_batch(session, memory, seq, BatchKind.INGEST, payload, token)
    return seq, len(new), queries, len(labelled)


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
    current = dict(
        session.rows(
            "current_verified",
            memory=memory,
            source=accept_rows.FILE_SOURCE,
            ids=[item.id for item in given],
        )
    )
    return [item for item in given if current.get(item.id) != item.rollout.reward]


def _insert(
    session: SqlSession,
    state: MemoryState,
    run: str,
    seq: int,
    new: Sequence[PreparedRollout],
    held: QueryVectors,
    keys: Callable[[], Keys],
) -> int:
    """Insert everything a batch brings but its labels; returns the number of new queries."""
    memory = state.name
    first = new[0].rollout if new else None
    policy = first.policy if first else None
    checkpoint = first.checkpoint if first else None
    session.run("add_run", memory=memory, name=run, policy=policy, checkpoint=checkpoint, seq=seq)
    queries = accept_rows.insert_queries(session, memory, seq, new)
    # On arrival a query is tied to its nearest among all that is accepted, its own batch included.
    arriving = {item.query_id: item.embedding for item in queries}
    edges = nearest(session, state, list(arriving), state.neighbours, held, arriving)
    copy_edges(session, memory, state.generation, seq, edges)
    read = keys()
    conclusions = {item.id: item.conclusion(memory, read) for item in new}
    accept_rows.insert_conclusions(session, memory, seq, conclusions)
    accept_rows.insert_rollouts(session, memory, run, seq, new, conclusions)
    accept_rows.insert_policy_embeddings(session, memory, seq, new)
    return len(queries)
