"""Accepting rollouts: one Postgres transaction, after which they are promised.

Under the memory's lock: what is new is told from what is known, new queries get their nearest
neighbours, and rows, edges and the payload for Neo4j are written with the next sequence number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from memstore import accept_rows
from memstore.neighbours import copy_edges, nearest
from memstore.prepare import PreparedRollout
from memstore.stores import MemoryState, find_memory
from memstore.vector_store import SqlSession, VectorStore, as_json
from schema.batch import BatchKind
from schema.errors import EncoderMismatchError, InputError

DEFAULT_NEIGHBOURS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What one call of `accept_rollouts` found and did; `seq` None: there was nothing to do."""

    seq: int | None
    new: int
    existing: int
    new_queries: int
    labels: int


def known_hashes(
    session: SqlSession, memory: str, prepared: Iterable[PreparedRollout]
) -> dict[str, str]:
    """Content hashes, by id, of those rollouts that the memory holds."""
    ids = [item.id for item in prepared]
    return dict(session.of("accept.sql").rows("known_rollouts", memory=memory, ids=ids))


def lock_memory(
    session: SqlSession, memory: str, encoder: str, dimension: int, neighbours: int
) -> MemoryState:
    """Lock a memory for this transaction, making it if it is new.

    Raises:
        EncoderMismatchError: if it is stamped with another encoder or dimension.
        UnknownMemoryError: if it is being deleted.
    """
    sql = session.of("accept.sql")
    sql.run("lock_memory", memory=memory)
    sql.run(
        "create_memory",
        memory=memory,
        encoder=encoder,
        dimension=dimension,
        neighbours=neighbours,
    )
    state = find_memory(session, memory)
    assert state is not None
    if (state.encoder, state.dimension) != (encoder, dimension):
        raise EncoderMismatchError(
            f"memory {memory!r} holds embeddings of {state.encoder} ({state.dimension} "
            f"dimensions), these are of {encoder} ({dimension}): give it those, or use "
            "another memory"
        )
    return state


def take_seq(session: SqlSession, memory: str) -> int:
    """The next sequence number of a locked memory."""
    row = session.of("accept.sql").row("next_seq", memory=memory)
    assert row is not None
    return int(row[0])


def add_batch(
    session: SqlSession, memory: str, seq: int, kind: BatchKind, payload: dict[str, Any]
) -> None:
    """Record a batch and what Neo4j still has to be told."""
    session.of("accept.sql").run(
        "add_batch", memory=memory, seq=seq, kind=kind.value, payload=as_json(payload)
    )


def accept_rollouts(
    vectors: VectorStore,
    memory: str,
    run: str,
    prepared: Sequence[PreparedRollout],
    *,
    encoder: str,
    dimension: int,
    neighbours: int = DEFAULT_NEIGHBOURS,
) -> Accepted:
    """Accept rollouts that carry their embeddings; when this returns they are durable.

    Raises:
        InputError: if an id is known with other content; nothing is accepted then.
        EncoderMismatchError: if the memory is stamped with another encoder.
    """
    with vectors.transaction("accept.sql") as session:
        state = lock_memory(session, memory, encoder, dimension, neighbours)
        known = known_hashes(session, memory, prepared)
        refuse_changed(prepared, known)
        new = sorted((item for item in prepared if item.id not in known), key=lambda i: i.id)
        labelled = _new_labels(session, memory, prepared)
        if not new and not labelled:
            return Accepted(seq=None, new=0, existing=len(prepared), new_queries=0, labels=0)
        seq = take_seq(session, memory)
        payload = _insert(session, state, run, seq, new)
        accept_rows.insert_labels(session, memory, run, seq, labelled)
        payload["verified"] = accept_rows.label_rows(run, labelled)
        add_batch(session, memory, seq, BatchKind.INGEST, payload)
    return Accepted(
        seq=seq,
        new=len(new),
        existing=len(prepared) - len(new),
        new_queries=len(payload["queries"]),
        labels=len(labelled),
    )


def refuse_changed(prepared: Sequence[PreparedRollout], known: dict[str, str]) -> None:
    """Check that no rollout says something else than what is known under its id.

    Raises:
        InputError: naming the first that does.
    """
    for item in prepared:
        if known.get(item.id, item.content_hash) != item.content_hash:
            place = item.rollout
            raise InputError(
                f"query_id {place.source_query_id!r}, step {place.step}, rollout {place.place} "
                "is in the memory with another text: give new rollouts another --run or step"
            )


def _new_labels(
    session: SqlSession, memory: str, prepared: Sequence[PreparedRollout]
) -> list[PreparedRollout]:
    """Rollouts whose reward is not yet what the memory holds from a file."""
    given = [item for item in prepared if item.rollout.reward is not None]
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
) -> dict[str, Any]:
    """Insert everything a batch brings but its labels; returns the payload for Neo4j."""
    memory = state.name
    first = new[0].rollout if new else None
    policy = first.policy if first else None
    checkpoint = first.checkpoint if first else None
    session.run("add_run", memory=memory, name=run, policy=policy, checkpoint=checkpoint, seq=seq)
    queries = accept_rows.insert_queries(session, memory, seq, new)
    conclusions = {item.id: item.conclusion(memory) for item in new}
    accept_rows.insert_rollouts(session, memory, run, seq, new, conclusions)
    accept_rows.insert_policy_embeddings(session, memory, seq, new)
    # On arrival a query is tied to its nearest among all that is accepted, its own batch included.
    edges = nearest(session, memory, [item.query_id for item in queries], state.neighbours)
    copy_edges(session, memory, state.generation, seq, edges)
    distinct = {pair[0]: pair[1] for pair in conclusions.values() if pair is not None}
    return {
        "runs": [{"id": run, "policy": policy, "checkpoint": checkpoint}],
        "queries": [accept_rows.query_row(item) for item in queries],
        "rollouts": [accept_rows.rollout_row(item, run) for item in new],
        "conclusions": [{"id": id_, "key": key} for id_, key in sorted(distinct.items())],
        "concludes": [
            {"answer_id": id_, "conclusion_id": pair[0]}
            for id_, pair in conclusions.items()
            if pair is not None
        ],
        "similar": edges,
        "generation": state.generation,
        "encoder": state.encoder,
    }
