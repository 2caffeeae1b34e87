"""Unit vectors in two bytes a number, searched by products of whole numbers: fast, and exact.

A vector is `STEP * first + step * second + rest`, with codes of one byte. The product of the first
codes, which processors compute many times faster than one of floats, bounds each cosine: by
Cauchy-Schwarz, what was left out adds no more than its length. The few rows that come into question
are looked at with both codes.
"""

from typing import Final

import numpy as np
import torch

from memstore.similarity.possible import Possible
from schema.memory_graph import Floats, Ints

#: Rows in one product: what it yields stays in the processor's cache.
_BLOCK: Final = 8_192
#: Pairs that are looked at with both codes at once.
_AT_ONCE: Final = 16_384
_CODES: Final = 127
#: Numbers of a unit vector beyond so many standard deviations have a first code that is too small.
_DEVIATIONS: Final = 6.0
#: More than arithmetic in float32, and pgvector's, can add to a cosine's error.
_ROUNDING: Final = 5e-6


#: Of matrices of bytes, into whole numbers of 32 bits.
_product: Final = torch.ops.aten._int_mm.default


def is_fast() -> bool:
    """Whether this processor multiplies bytes faster than floats, and without overflow."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_vnni") or found.get("amx_int8"))


class CodedVectors:
    """A `VectorTable` (memstore.similarity.float_vectors) of codes."""

    def __init__(self, dimension: int) -> None:
        """No rows."""
        self._n = 0
        self._step = np.float32(_DEVIATIONS / _CODES / np.sqrt(dimension))
        self._first_ND = np.zeros((0, dimension), np.int8)
        self._second_ND = np.zeros((0, dimension), np.int8)
        #: Steps of the second codes; lengths of what the first leave out, and both.
        self._steps_N3 = np.zeros((0, 3), np.float32)

    def __len__(self) -> int:
        """Number of rows."""
        return self._n

    def append(self, unit_ND: Floats) -> None:
        """Add rows of length 1."""
        first, rest = _coded(unit_ND, self._step)
        step = np.abs(rest).max(axis=1, keepdims=True) / _CODES + np.float32(1e-30)
        second, last = _coded(rest, step)
        lengths = (_length(rest)[:, None], _length(last)[:, None])
        self._first_ND = _grown(self._first_ND, self._n, first)
        self._second_ND = _grown(self._second_ND, self._n, second)
        self._steps_N3 = _grown(self._steps_N3, self._n, np.hstack([step, *lengths]))
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
            error[part] = missing_M[search] + missing * (1 + missing_M[search]) + _ROUNDING
        found = Possible(
            search=found.search, row=found.row, low=cosine - error, high=cosine + error
        )
        return found.nearest(k, len(asked_MD))

    def _bounded(self, asked_MD: Floats, missing_M: Floats, own_M: Ints, k: int) -> Possible:
        """The same by the first codes alone: more pairs, and wider bounds."""
        n_asked, step_M1 = len(asked_MD), np.abs(asked_MD).max(axis=1, keepdims=True) / _CODES
        codes_MD, rest_MD = _coded(asked_MD, step_M1)
        unit_M, missing_M = self._step * step_M1[:, 0], missing_M + _length(rest_MD)
        codes_DM, place_M = torch.from_numpy(codes_MD).T, np.arange(n_asked)
        parts: list[Possible] = []
        least_M, looked_at = np.full(n_asked, -np.inf, np.float32), 0
        for start in range(0, self._n, _BLOCK):
            stop = min(start + _BLOCK, self._n)
            product_BM = _product(torch.from_numpy(self._first_ND[start:stop]), codes_DM)
            own = (own_M >= start) & (own_M < stop)
            product_BM.numpy()[own_M[own] - start, place_M[own]] = -(1 << 31)
            error_M = missing_M + (1 + missing_M) * self._steps_N3[start:stop, 1].max() + _ROUNDING
            if not start:
                least_M = _least_of(product_BM, k) * unit_M - error_M
            enough_M = np.floor((least_M - error_M) / unit_M) - 1
            # Finite, and above what a search's own row has.
            enough_M = np.maximum(enough_M, -(1 << 30)).astype(np.int32)
            hit_BM = (product_BM >= torch.from_numpy(enough_M)).numpy()
            row, search = np.divmod(np.flatnonzero(hit_BM), n_asked)
            cosine = product_BM.numpy()[row, search] * unit_M[search]
            part = Possible(
                search=search,
                row=row + start,
                low=cosine - error_M[search],
                high=cosine + error_M[search],
            )
            parts.append(part)
            if stop >= 2 * looked_at:  # Few times, and early: then few pairs come into question.
                looked_at = stop
                parts = [Possible.joined(parts)]
                least_M = np.maximum(least_M, parts[0].least(k, n_asked))
                parts = [parts[0].at_least(least_M)]
        return Possible.joined(parts)


def _least_of(product_BM: torch.Tensor, k: int) -> Floats:
    """The k-th highest of each column, [M]; -inf: there are fewer."""
    if len(product_BM) <= k:
        return np.full(product_BM.shape[1], -np.inf, np.float32)
    return torch.topk(product_BM, k, dim=0).values[-1].numpy().astype(np.float32)


def _coded(rows_ND: Floats, step: Floats | np.float32) -> tuple[np.ndarray, Floats]:
    """Codes of one byte, [N, D], and what they leave out."""
    codes = np.clip(np.rint(rows_ND / step), -_CODES, _CODES)
    return codes.astype(np.int8), rows_ND - codes * step


def _length(rows_ND: Floats) -> Floats:
    """More than the length of each row can be after rounding, [N]."""
    return np.linalg.norm(rows_ND, axis=1) * np.float32(1.001) + np.float32(1e-7)


def _grown(kept: np.ndarray, n: int, more: np.ndarray) -> np.ndarray:
    """`kept`, whose first `n` rows count, with `more` after these."""
    needed = n + len(more)
    if needed > len(kept):
        room = np.empty((max(needed, n + n // 4), kept.shape[1]), kept.dtype)
        room[:n] = kept[:n]
        kept = room
    kept[n:needed] = more
    return kept
