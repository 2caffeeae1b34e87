"""A search by codes of one byte misses nothing that a search by floats finds."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from memstore.similarity.coded_vectors import BLOCK, CodedVectors, is_fast
from memstore.similarity.codes import Searches
from memstore.similarity.float_vectors import FloatVectors
from memstore.similarity.possible import Possible
from memstore.similarity.shortened import SHORT, ShortenedVectors
from schema.memory_graph import Floats

pytestmark = pytest.mark.skipif(not is_fast(), reason="products of bytes may overflow here")

K = 7
ROWS, SEARCHES = 20_000, 24
#: Those of more numbers are shortened first.
SHORT_ONES, DIMENSION = 64, 256
Make = Callable[[np.random.Generator, int, int], Floats]


def unit(rows_ND: np.ndarray) -> Floats:
    return (rows_ND / np.linalg.norm(rows_ND, axis=1, keepdims=True)).astype(np.float32)


def mixed(rng: np.random.Generator, n: int, dimension: int = DIMENSION) -> Floats:
    """Around few directions, so that many are nearly equal."""
    centre_CD = rng.normal(size=(40, dimension))
    return unit(centre_CD[rng.integers(0, 40, n)] + 0.2 * rng.normal(size=(n, dimension)))


def close(rng: np.random.Generator, n: int, dimension: int = DIMENSION) -> Floats:
    """Around more directions than a sample shows: what few numbers leave out counts."""
    centre_CD = unit(rng.normal(size=(2_000, dimension)))
    return unit(centre_CD[rng.integers(0, 2_000, n)] + 0.005 * rng.normal(size=(n, dimension)))


def spread(rng: np.random.Generator, n: int, dimension: int = DIMENSION) -> Floats:
    """Along all directions alike: nothing is ruled out by few of them."""
    return unit(rng.normal(size=(n, dimension)))


def lonely(rng: np.random.Generator, n: int, dimension: int = DIMENSION) -> Floats:
    """Nearly all of each in one number: most of it is beyond the first code."""
    rows_ND = 0.01 * rng.normal(size=(n, dimension))
    rows_ND[np.arange(n), rng.integers(0, dimension, n)] = 1
    return unit(rows_ND)


def alike(rng: np.random.Generator, n: int, dimension: int = DIMENSION) -> Floats:
    """Few vectors, each many times: exact ties."""
    return mixed(rng, 50, dimension)[rng.integers(0, 50, n)]


def table_of(rows_ND: Floats) -> CodedVectors:
    table = CodedVectors(rows_ND.shape[1])
    for part in np.array_split(rows_ND, 7):
        table.append(part)
    assert len(table) == len(rows_ND)
    return table


def pairs(found: Possible) -> set[tuple[int, int]]:
    return set(zip(found.search.tolist(), found.row.tolist(), strict=True))


@pytest.mark.parametrize("dimension", [SHORT_ONES, DIMENSION])
@pytest.mark.parametrize("make", [mixed, close, spread, lonely, alike])
def test_the_nearest_and_their_ties_are_found(make: Make, dimension: int) -> None:
    rng = np.random.default_rng(1)
    rows_ND, asked_MD = np.split(make(rng, ROWS + SEARCHES, dimension), [ROWS])
    own_M = np.where(np.arange(SEARCHES) % 2, rng.integers(0, ROWS, SEARCHES), -1)
    stored = own_M >= 0
    asked_MD[stored] = rows_ND[own_M[stored]]
    table, missing_M = table_of(rows_ND), np.zeros(SEARCHES, np.float32)
    nearly_MD, missing_M[stored] = asked_MD.copy(), table.rows(own_M[stored])[1]
    nearly_MD[stored] = table.rows(own_M[stored])[0]
    found = table.near(nearly_MD, missing_M, own_M, K)

    cosine_MN = asked_MD.astype(np.float64) @ rows_ND.T
    cosine_MN[stored, own_M[stored]] = -np.inf
    highest_M = np.sort(cosine_MN, axis=1)[:, -K]
    wanted = set(
        zip(*(a.tolist() for a in np.nonzero(cosine_MN >= highest_M[:, None])), strict=True)
    )
    assert wanted <= pairs(found)
    cosine = cosine_MN[found.search, found.row]
    assert (found.low <= cosine).all() and (cosine <= found.high).all()
    floats = FloatVectors(rows_ND).near(asked_MD, np.zeros(SEARCHES, np.float32), own_M, K)
    assert wanted <= pairs(floats)


def test_few_come_into_question(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    rows_ND, asked_MD = np.split(mixed(rng, ROWS + SEARCHES), [ROWS])
    table, looked_at = table_of(rows_ND), Counter[int]()
    products = Searches.products

    def noted(searches: Searches, rows_BD: np.ndarray, room_BM: torch.Tensor) -> torch.Tensor:
        looked_at[rows_BD.shape[1]] += len(rows_BD)
        return products(searches, rows_BD, room_BM)

    monkeypatch.setattr(Searches, "products", noted)
    found = table.near(asked_MD, np.zeros(SEARCHES, np.float32), np.full(SEARCHES, -1), K)
    assert len(found.row) < 2 * K * SEARCHES
    assert looked_at[SHORT] == ROWS - BLOCK
    assert looked_at[DIMENSION] < BLOCK + (ROWS - BLOCK) / 2


@pytest.mark.parametrize("make", [mixed, close, spread, lonely])
def test_shortening_takes_nothing_from_a_product(make: Make) -> None:
    """Of vectors that lie as much apart from the few directions, and alike: they have no more."""
    rng = np.random.default_rng(5)
    rows_ND = make(rng, 400, DIMENSION)
    table = ShortenedVectors(rows_ND[:200])
    table.append(rows_ND)
    for noise in (0.0, 0.01):
        asked_ND = unit(rows_ND + noise * rng.normal(size=rows_ND.shape))
        cosine_N = np.einsum("nd,nd->n", asked_ND.astype(np.float64), rows_ND)
        for row in range(0, 400, 10):
            search = table.search(asked_ND[row : row + 1], np.zeros(1, np.float32))
            room_BM = torch.empty((400, 1), dtype=torch.int32)
            least_M = cosine_N[row : row + 1].astype(np.float32)
            assert row in search.possible(0, 400, least_M, room_BM)


def test_what_is_missing_of_a_row_is_no_more_than_said() -> None:
    rng = np.random.default_rng(3)
    rows_ND = np.concatenate([mixed(rng, 500), lonely(rng, 500)])
    nearly_ND, missing_N = table_of(rows_ND).rows(np.arange(1000))
    length_N = np.linalg.norm(rows_ND.astype(np.float64) - nearly_ND, axis=1)
    assert (length_N <= missing_N).all()
    assert missing_N[:500].max() < 1e-3


def test_fewer_rows_than_are_wanted_are_all_found() -> None:
    rng = np.random.default_rng(4)
    table, asked_MD = table_of(mixed(rng, 9)), mixed(rng, 2)
    found = table.near(asked_MD, np.zeros(2, np.float32), np.array([3, -1]), 100)
    assert pairs(found) == {(s, row) for s in (0, 1) for row in range(9)} - {(0, 3)}
