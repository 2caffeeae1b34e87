"""The default encoder is what made the shipped embeddings, needs no network and loads late."""

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import memreward
from memstore.encoders.default import DEFAULT_DIMENSION, DEFAULT_ENCODER, Encoder, TextEncoder

SAMPLE = Path(memreward.__file__).parent / "data" / "rollouts-gym.parquet"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(device="cpu")


def test_it_is_a_text_encoder(encoder: Encoder) -> None:
    as_protocol: TextEncoder = encoder
    assert (as_protocol.name, as_protocol.dimension) == (DEFAULT_ENCODER, DEFAULT_DIMENSION)


def test_it_reproduces_the_shipped_embeddings(encoder: Encoder) -> None:
    table = pq.read_table(SAMPLE).slice(0, 2000).take(list(range(0, 2000, 250)))
    for name in ("query", "thinking", "answer"):
        stored = np.array(table[f"{name}_embedding"].to_pylist(), dtype=np.float32)
        made = encoder.encode(table[name].to_pylist())
        assert (stored * made).sum(axis=1).min() > 0.999


def test_vectors_are_of_unit_length_and_in_the_order_of_the_texts(encoder: Encoder) -> None:
    texts = ["one plus one", "", "a much longer text about the sum of one and one", "one plus one"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (4, DEFAULT_DIMENSION)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)
    np.testing.assert_array_equal(vectors[0], vectors[3])
    alone = encoder.encode([texts[2]])
    assert (alone[0] * vectors[2]).sum() > 0.9999
    assert (vectors[0] * vectors[2]).sum() > (vectors[1] * vectors[2]).sum()


def test_values_have_float16_precision(encoder: Encoder) -> None:
    vectors = encoder.encode(["some text"])
    np.testing.assert_array_equal(vectors, vectors.astype(np.float16).astype(np.float32))


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, DEFAULT_DIMENSION)


def test_progress_counts_distinct_texts(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstore.encoders.default.CHUNK_TEXTS", 2)
    seen: list[tuple[int, int]] = []
    encoder.encode(["a", "b", "c", "a"], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 3), (3, 3)]


def test_it_needs_no_network_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("the encoder went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert Encoder(device="cpu").encode(["some text"]).shape == (1, DEFAULT_DIMENSION)


def test_the_model_is_not_imported_before_it_is_used() -> None:
    code = """
import sys
import memstore.formats.rollout_reader
from memstore.encoders.default import Encoder
encoder = Encoder(device="cpu")
print({"torch", "sentence_transformers", "transformers"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
