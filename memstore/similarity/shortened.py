"""Vectors of length 1 made shorter so that products only grow: most rows need no other look.

A vector's numbers along the directions in which most vectors lie, and the length of what is left,
are a vector of length 1 again. By Cauchy-Schwarz, the product of two such is at least the cosine of
the vectors.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from memstore.similarity.codes import Searches, coded, grown, length, step_of
from schema.memory_graph import Floats, Ints

#: Numbers of a shortened vector: a quarter of the default encoder's, and few rows are left.
SHORT: Final = 96
#: More than rounding of float32 can take from the length of what is left.
_SLACK: Final = 1e-4


class ShortenedVectors:
    """Rows in codes, by which others are ruled out."""

    def __init__(self, sample_ND: Floats) -> None:
        """No rows; the sample says along which directions vectors lie."""
        _, directions_DD = np.linalg.eigh(sample_ND.T @ sample_ND)
        self._directions_DS = directions_DD[:, 1 - SHORT :]  # The last lie along most.
        # All numbers get the same share, so that codes of one step fit.
        random_SS = np.random.default_rng(0).normal(size=(SHORT, SHORT))
        self._spread_SS = np.linalg.qr(random_SS)[0].astype(np.float32)
        self._n, self._step = 0, step_of(SHORT)
        self._codes_NS = np.zeros((0, SHORT), np.int8)
        self._rest_N = np.zeros(0, np.float32)

    def append(self, unit_ND: Floats) -> None:
        """Add rows of length 1."""
        codes, rest = coded(self._short(unit_ND), self._step)
        self._codes_NS = grown(self._codes_NS, self._n, codes)
        self._rest_N = grown(self._rest_N, self._n, length(rest))
        self._n += len(unit_ND)

    def search(self, asked_MD: Floats, missing_M: Floats) -> "ShortSearch":
        """Begin a search by vectors, given the length of what is missing of each."""
        searches = Searches.of(self._short(asked_MD), missing_M, self._step)
        return ShortSearch(self._codes_NS, self._rest_N, searches)

    def _short(self, rows_ND: Floats) -> Floats:
        """[N, S]."""
        along_NS = rows_ND @ self._directions_DS
        left_N = np.einsum("nd,nd->n", rows_ND, rows_ND) - np.einsum("ns,ns->n", along_NS, along_NS)
        left_N1 = np.sqrt(np.maximum(left_N, 0) + np.float32(_SLACK))[:, None]
        return np.hstack([along_NS, left_N1]) @ self._spread_SS


@dataclass(frozen=True, slots=True)
class ShortSearch:
    """Which rows can be near some vectors."""

    codes_NS: np.ndarray
    rest_N: Floats
    searches: Searches

    def possible(self, start: int, stop: int, least_M: Floats, room_BM: torch.Tensor) -> Ints:
        """Rows from `start` to `stop` whose cosine with some search can be its least, or more.

        What `room_BM` holds is written over.
        """
        product_BM = self.searches.products(self.codes_NS[start:stop], room_BM)
        error_M = self.searches.error(self.rest_N[start:stop].max())
        return start + self.searches.rows_reaching(product_BM, least_M, error_M)
