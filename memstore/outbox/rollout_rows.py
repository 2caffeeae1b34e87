"""The rows that a batch of rollouts adds to Postgres."""

from collections.abc import Mapping, Sequence

from memstore.db import SqlSession
from schema.keyed_rollout import PreparedRollout

#: Source of rewards that come with the rollouts themselves.
FILE_SOURCE = "file"


def insert_queries(
    session: SqlSession, memory: str, seq: int, new: Sequence[PreparedRollout]
) -> list[PreparedRollout]:
    """Insert the queries that are new; returns one rollout for each of them."""
    by_id = {item.query_id: item for item in reversed(new)}
    known = {row[0] for row in session.rows("known_queries", memory=memory, ids=list(by_id))}
    added = [by_id[id_] for id_ in sorted(by_id.keys() - known)]
    session.copy(
        "copy_queries",
        ["text", "text", "text", "text", "vector", "int8", "text"],
        (
            (
                memory,
                item.query_id,
                item.rollout.dataset,
                item.rollout.domain,
                item.rollout.query_embedding,
                seq,
                item.rollout.query,
            )
            for item in added
        ),
    )
    return added


def insert_conclusions(
    session: SqlSession, memory: str, seq: int, conclusions: Mapping[str, tuple[str, str] | None]
) -> None:
    """Insert the conclusions, an id and a key for a rollout each, that are new."""
    key_of = dict(pair for pair in conclusions.values() if pair is not None)
    known = {row[0] for row in session.rows("known_conclusions", memory=memory, ids=list(key_of))}
    session.copy(
        "copy_conclusions",
        ["text", "text", "text", "int8"],
        ((memory, id_, key_of[id_], seq) for id_ in sorted(key_of.keys() - known)),
    )


def insert_rollouts(
    session: SqlSession,
    memory: str,
    run: str,
    seq: int,
    new: Sequence[PreparedRollout],
    conclusions: Mapping[str, tuple[str, str] | None],
) -> None:
    """Insert new rollouts."""
    types = ["text"] * 5 + ["int4", "int4"] + ["text"] * 4
    types += ["int4", "bool", "float4[]", "vector", "vector", "int8", "text", "text"]

    def row(item: PreparedRollout) -> tuple[object, ...]:
        rollout, conclusion = item.rollout, conclusions[item.id]
        signals = None if rollout.policy_signals is None else list(rollout.policy_signals)
        return (
            memory,
            item.id,
            item.query_id,
            run,
            rollout.source_query_id,
            rollout.step,
            rollout.place,
            item.content_hash,
            rollout.policy,
            rollout.checkpoint,
            None if conclusion is None else conclusion[0],
            rollout.completion_tokens,
            rollout.truncated,
            signals,
            rollout.thinking_embedding,
            rollout.answer_embedding,
            seq,
            rollout.thinking,
            rollout.answer,
        )

    session.copy("copy_rollouts", types, map(row, new))


def insert_policy_embeddings(
    session: SqlSession, memory: str, seq: int, new: Sequence[PreparedRollout]
) -> None:
    """Insert the policy's own embeddings where rollouts carry them."""
    session.copy(
        "copy_policy_embeddings",
        ["text", "text", "text", "text", "vector", "int8"],
        (
            (
                memory,
                item.id,
                item.rollout.policy or "",
                item.rollout.policy_layer or "",
                item.rollout.policy_embedding,
                seq,
            )
            for item in new
            if item.rollout.policy_embedding is not None
        ),
    )


def insert_labels(
    session: SqlSession, memory: str, run: str, seq: int, labelled: Sequence[PreparedRollout]
) -> None:
    """Insert the verified rewards that rollouts carry."""
    session.copy(
        "copy_verified",
        ["text", "text", "int8", "text", "float8", "text"],
        ((memory, item.id, seq, FILE_SOURCE, item.rollout.reward, run) for item in labelled),
    )
