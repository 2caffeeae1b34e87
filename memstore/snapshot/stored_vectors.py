"""Embeddings that the snapshot has already, so that no text is embedded twice."""

from collections.abc import Sequence

from memstore.encoders import Floats
from memstore.snapshot.snapshot import Snapshot
from memstore.snapshot.subgraph import rollouts_of
from schema.graph import QUERY
from schema.keyed_rollout import PreparedRollout


def vectors_in(snapshot: Snapshot, items: Sequence[PreparedRollout]) -> dict[str, Floats]:
    """Vectors of those texts of `items` that the snapshot has of their queries, by text."""
    queries = snapshot.find(QUERY, sorted({item.query_id for item in items}))
    queries = queries[queries >= 0]
    found = dict(
        zip(
            snapshot.texts("query.text", queries),
            snapshot.take("query.embedding", queries),
            strict=True,
        )
    )
    asked = {text for item in items for text in (item.rollout.thinking, item.rollout.answer)}
    rollouts, _ = rollouts_of(snapshot, queries)
    rollouts = rollouts[~snapshot.forgotten(rollouts)]
    for texts, vectors in (
        ("answer.thinking_text", "answer.thinking_embedding"),
        ("answer.text", "answer.embedding"),
    ):
        said = snapshot.texts(texts, rollouts)
        places = {text: place for place, text in enumerate(said) if text in asked}
        rows = rollouts[list(places.values())]
        found |= dict(zip(places, snapshot.take(vectors, rows), strict=True))
    return found
