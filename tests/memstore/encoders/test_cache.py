"""No text is embedded twice: not in a process, and not if a rollout of its query is stored."""

from collections.abc import Sequence

import numpy as np
import pytest
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.store_fixtures import MemoryUnderTest

from memstore.changes.rollout_writer import RolloutWriter
from memstore.encoders.cache import CachingEncoder, caching
from memstore.encoders.default import DEFAULT_DIMENSION, DEFAULT_ENCODER, EncodeProgress, Floats
from memstore.reads.full_graph import read_graph
from schema.ids import digest
from schema.keyed_rollout import prepare
from schema.rollout import Rollout

BARE = {
    "encoder": None,
    "query_embedding": None,
    "thinking_embedding": None,
    "answer_embedding": None,
}


class Listed:
    """A direction for each text; notes what it was asked."""

    def __init__(self, name: str = DEFAULT_ENCODER) -> None:
        self.name, self.dimension = name, DEFAULT_DIMENSION
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        self.texts += texts
        return np.stack([unit_vector(int(digest(text)[:8], 16)) for text in texts])


def bare(question: int, place: int, **changes: object) -> Rollout:
    return make_rollout(question, place, **{**BARE, **changes})


def test_a_text_is_embedded_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = Listed()
    encoder = caching(inner)
    first = encoder.encode(["a", "b", "a"])
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(encoder.encode(["b", "c"])[0], first[1])
    assert inner.texts == ["a", "b", "c"]
    assert caching(encoder) is encoder
    monkeypatch.setattr("memstore.encoders.cache.KEPT_TEXTS", 2)
    encoder.encode(["d"])
    assert encoder.knows("d")
    assert not encoder.knows("a")


def test_another_process_takes_what_rollouts_of_the_query_have(memory: MemoryUnderTest) -> None:
    def add_by(encoder: Listed, rollouts: list[Rollout]) -> None:
        RolloutWriter(memory.stores, memory.name, "run-1", encoder).add(rollouts)

    first, second = Listed(), Listed()
    add_by(first, [bare(1, 0), bare(1, 1)])
    assert sorted(first.texts) == sorted(
        {text for p in (0, 1) for r in [bare(1, p)] for text in (r.query, r.thinking, r.answer)}
    )
    add_by(second, [bare(1, 0, step=1), bare(1, 1, step=1, answer="New."), bare(2, 0)])
    other = bare(2, 0)
    assert sorted(second.texts) == sorted(["New.", other.query, other.answer])
    graph = read_graph(memory.stores, memory.name)
    for texts, vectors in (
        (graph.query_text_Q, graph.query_embedding_QD),
        (graph.thinking_text_R, graph.thinking_embedding_RD),
        (graph.answer_text_R, graph.answer_embedding_RD),
    ):
        np.testing.assert_array_equal(vectors, Listed().encode(texts))


def test_vectors_of_another_encoder_are_not_taken(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(2, 2))
    encoder, mine = CachingEncoder(Listed("other")), CachingEncoder(Listed())
    items = [prepare(memory.name, "run-1", bare(1, 0, step=1))]
    writer = RolloutWriter(memory.stores, memory.name, "run-1", encoder)
    writer.remember_stored(items)
    assert not encoder.knows(items[0].rollout.query)
    writer.encoder = mine
    writer.remember_stored(items)
    np.testing.assert_array_equal(mine.encode([items[0].rollout.query])[0], unit_vector(8))
