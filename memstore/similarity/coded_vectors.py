"""Unit vectors in two bytes a number, searched by products of whole numbers: fast, and exact.

A vector is `STEP * first + step * second + rest`, with codes of one byte. The product of the first
codes, which processors compute many times faster than one of floats, bounds each cosine. The few
rows that come into question are looked at with both codes; most rows are ruled out before, by a
quarter of the product (`memstore.similarity.shortened`).
"""

from typing import Final

import numpy as np
import torch

from memstore.similarity.codes import (
    CODES,
    NO_PRODUCT,
    ROUNDING,
    Searches,
    coded,
    grown,
    length,
    step_of,
)
from memstore.similarity.possible import Possible
from memstore.similarity.shortened import SHORT, ShortenedVectors
from schema.memory_graph import Floats, Ints

#: Rows in one product: what it yields stays in the processor's cache.
BLOCK: Final = 8_192
#: Where more than one of so many rows is possible, all are multiplied: that is faster.
_FEW: Final = 2
#: For so many blocks after that, nothing is ruled out.
_NOT_SHORT: Final = 4
#: Pairs that are looked at with both codes at once.
_AT_ONCE: Final = 16_384


def is_fast() -> bool:
    """Whether this processor multiplies bytes faster than floats, and without overflow."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_vnni") or found.get("amx_int8"))


class CodedVectors:
    """A `VectorTable` (memstore.similarity.float_vectors) of codes."""

    def __init__(self, dimension: int) -> None:
        """No rows."""
        self._n = 0
        self._step = step_of(dimension)
        self._first_ND = np.zeros((0, dimension), np.int8)
        self._second_ND = np.zeros((0, dimension), np.int8)
        #: Steps of the second codes; lengths of what the first leave out, and both.
        self._steps_N3 = np.zeros((0, 3), np.float32)
        #: Of the same rows, which must be worth shortening.
        self._shortened: ShortenedVectors | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return self._n

    def append(self, unit_ND: Floats) -> None:
        """Add rows of length 1."""
        first, rest = coded(unit_ND, self._step)
        step = np.abs(rest).max(axis=1, keepdims=True) / CODES + np.float32(1e-30)
        second, last = coded(rest, step)
        lengths = (length(rest)[:, None], length(last)[:, None])
        self._first_ND = grown(self._first_ND, self._n, first)
        self._second_ND = grown(self._second_ND, self._n, second)
        self._steps_N3 = grown(self._steps_N3, self._n, np.hstack([step, *lengths]))
        if not self._n and unit_ND.shape[1] >= 2 * SHORT:
            self._shortened = ShortenedVectors(unit_ND)
        if self._shortened is not None:
            self._shortened.append(unit_ND)
        self._n += len(unit_ND)

    def rows(self, rows: Ints) -> tuple[Floats, Floats]:
        """Some rows, nearly, [N, D], and the length of what is missing, [N]."""
        step = self._steps_N3[rows]
        first, second = self._first_ND[rows], self._second_ND[rows]
        return first * self._step + second * step[:, :1], step[:, 2]

    def near(self, asked_MD: Floats, missing_M: Floats, own_M: Ints, k: int) -> Possible:
        """See `VectorTable.near`."""
        found = self._bounded(asked_MD, missing_M, own_M, k)
        found = found.at_least(found.least(k, len(asked_MD)))
        cosine, error = np.empty((2, len(found.row)), np.float32)
        for start in range(0, len(cosine), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            search = found.search[part]
            rows, missing = self.rows(found.row[part])
            cosine[part] = np.einsum("pd,pd->p", asked_MD[search], rows)
            error[part] = missing_M[search] + missing * (1 + missing_M[search]) + ROUNDING
        found = Possible(
            search=found.search, row=found.row, low=cosine - error, high=cosine + error
        )
        return found.nearest(k, len(asked_MD))

    def _bounded(self, asked_MD: Floats, missing_M: Floats, own_M: Ints, k: int) -> Possible:
        """The same by the first codes alone: more pairs, and wider bounds."""
        n_asked, searches = len(asked_MD), Searches.of(asked_MD, missing_M, self._step)
        short = None if self._shortened is None else self._shortened.search(asked_MD, missing_M)
        room_BM = torch.empty((min(BLOCK, self._n), n_asked), dtype=torch.int32)
        parts: list[Possible] = []
        least_M = np.full(n_asked, -np.inf, np.float32)
        looked_at = next_short = 0
        for block, start in enumerate(range(0, self._n, BLOCK)):
            stop = min(start + BLOCK, self._n)
            taken, rows_B = slice(start, stop), np.arange(start, stop)
            if start and short is not None and block >= next_short:
                rows = short.possible(start, stop, least_M, room_BM)
                if _FEW * len(rows) < stop - start:
                    taken = rows_B = rows
                else:
                    next_short = block + _NOT_SHORT
            product_BM = searches.products(self._first_ND[taken], room_BM)
            _leave_out(product_BM, rows_B, own_M)
            error_M = searches.error(self._steps_N3[start:stop, 1].max())
            if not start:
                least_M = _least_of(product_BM, k) * searches.unit_M - error_M
            parts.append(searches.reaching(product_BM, rows_B, least_M, error_M))
            if stop >= 2 * looked_at:  # Few times, and early: then few pairs come into question.
                looked_at = stop
                parts = [Possible.joined(parts)]
                least_M = np.maximum(least_M, parts[0].least(k, n_asked))
                parts = [parts[0].at_least(least_M)]
        return Possible.joined(parts)


def _leave_out(product_BM: torch.Tensor, rows_B: Ints, own_M: Ints) -> None:
    """Give each search's own row, where it is among these, which ascend, the least product."""
    if len(rows_B):
        place_M = np.minimum(np.searchsorted(rows_B, own_M), len(rows_B) - 1)
        search = np.flatnonzero(rows_B[place_M] == own_M)
        product_BM.numpy()[place_M[search], search] = NO_PRODUCT


def _least_of(product_BM: torch.Tensor, k: int) -> Floats:
    """The k-th highest of each column, [M]; -inf: there are fewer."""
    if len(product_BM) <= k:
        return np.full(product_BM.shape[1], -np.inf, np.float32)
    return torch.topk(product_BM, k, dim=0).values[-1].numpy().astype(np.float32)
