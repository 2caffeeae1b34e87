"""An encoder that embeds no text twice: what it made last is at hand, and what is stored can be."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from memstore.db.stores import find_memory
from memstore.db.vector_store import SqlSession
from memstore.encoders.default import EncodeProgress, Floats, TextEncoder
from memstore.snapshot.snapshot import Snapshot
from memstore.snapshot.subgraph import rollouts_of
from schema.graph import QUERY
from schema.keyed_rollout import PreparedRollout

#: Texts whose vectors are kept in memory: about 100 MB at 384 dimensions.
KEPT_TEXTS: Final = 65_536


class RememberingEncoder:
    """Wraps an encoder; not for several threads at once."""

    def __init__(self, encoder: TextEncoder) -> None:
        """Nothing is remembered yet."""
        self._encoder = encoder
        self._kept: OrderedDict[str, Floats] = OrderedDict()

    @property
    def name(self) -> str:
        """Name that the memory is stamped with."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    def knows(self, text: str) -> bool:
        """Whether the vector of `text` is at hand."""
        return text in self._kept

    def remember(self, text: str, vector: Floats) -> None:
        """Take a vector that is known from elsewhere; the oldest goes if there are too many."""
        self._kept[text] = vector
        self._kept.move_to_end(text)
        if len(self._kept) > KEPT_TEXTS:
            self._kept.popitem(last=False)

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        """Embed N texts as [N, D]; only those that are not at hand cost anything."""
        found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            made = self._encoder.encode(missing, progress)
            found |= dict(zip(missing, made, strict=True))
        for text, vector in found.items():
            self.remember(text, vector)
        return np.stack([found[text] for text in texts])


def remembering(encoder: TextEncoder) -> RememberingEncoder:
    """The encoder itself if it remembers, or one that wraps it."""
    return encoder if isinstance(encoder, RememberingEncoder) else RememberingEncoder(encoder)


def remember_stored(
    session: SqlSession, memory: str, items: Sequence[PreparedRollout], encoder: RememberingEncoder
) -> None:
    """Take the vectors of those texts of `items` that the memory has of their queries.

    A query whose vector is at hand is not looked up, nor are its rollouts. Nothing is taken from a
    memory that has another encoder.

    Args:
        session: statements of accept.sql.
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
    for texts, vectors in (
        ("answer.thinking_text", "answer.thinking_embedding"),
        ("answer.text", "answer.embedding"),
    ):
        said = snapshot.texts(texts, rollouts)
        places = {text: place for place, text in enumerate(said) if text in asked}
        rows = rollouts[list(places.values())]
        found |= dict(zip(places, snapshot.take(vectors, rows), strict=True))
    return found
