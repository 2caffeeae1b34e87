"""Embeddings that the memory has already, so that no text is embedded twice."""

from collections.abc import Sequence

from memstore.db import SqlSession, find_memory
from memstore.encoders import CachingEncoder
from schema.keyed_rollout import PreparedRollout


def remember_stored(
    session: SqlSession, memory: str, items: Sequence[PreparedRollout], encoder: CachingEncoder
) -> None:
    """Take the vectors of those texts of `items` that the memory has of their queries.

    A query whose vector is at hand is not looked up, nor are its rollouts. Nothing is taken from a
    memory that has another encoder.

    Args:
        session: statements of outbox.sql.
        memory: where the items go.
        items: rollouts; those that carry embeddings are left out.
        encoder: takes the vectors.
    """
    state = find_memory(session, memory)
    if state is None or state.encoder != encoder.name:
        return
    lacking = [item for item in items if item.rollout.query_embedding is None]
    lacking = [item for item in lacking if not encoder.knows(item.rollout.query)]
    if not lacking:
        return
    ids = sorted({item.query_id for item in lacking})
    said = {text for item in lacking for text in (item.rollout.thinking, item.rollout.answer)}
    texts = sorted(text for text in said if not encoder.knows(text))
    for name, asked in (
        ("known_query_vectors", {"ids": ids}),
        ("known_rollout_vectors", {"ids": ids, "texts": texts}),
    ):
        found, vectors = session.embeddings(name, memory=memory, **asked)
        for text, vector in zip(found, vectors, strict=True):
            encoder.remember(text, vector)
