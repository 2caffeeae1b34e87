"""Vectors of length 1 in codes of one byte a number, and bounds of their products.

By Cauchy-Schwarz, what the codes leave out adds no more to a product than its length.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch

from memstore.similarity.possible import Possible
from schema.memory_graph import Floats, Ints

CODES: Final = 127
#: Numbers of a unit vector beyond so many standard deviations have a code that is too small.
_DEVIATIONS: Final = 6.0
#: More than arithmetic in float32, and pgvector's, can add to a cosine's error.
ROUNDING: Final = 5e-6

#: Less than any product, and than what is ever enough.
NO_PRODUCT: Final = -(1 << 30)
#: Of matrices of bytes, into whole numbers of 32 bits that are there already: memory that is taken
#: anew for each block costs as much as the product.
_product: Final = torch.ops.aten._int_mm.out


def step_of(dimension: int) -> np.float32:
    """What one step of the codes of a unit vector stands for."""
    return np.float32(_DEVIATIONS / CODES / np.sqrt(dimension))


def coded(rows_ND: Floats, step: Floats | np.float32) -> tuple[np.ndarray, Floats]:
    """Codes of one byte, [N, D], and what they leave out."""
    codes = np.clip(np.rint(rows_ND / step), -CODES, CODES)
    return codes.astype(np.int8), rows_ND - codes * step


def length(rows_ND: Floats) -> Floats:
    """More than the length of each row can be after rounding, [N]."""
    return np.linalg.norm(rows_ND, axis=1) * np.float32(1.001) + np.float32(1e-7)


def grown(kept: np.ndarray, n: int, more: np.ndarray) -> np.ndarray:
    """`kept`, whose first `n` rows count, with `more` after these."""
    needed = n + len(more)
    if needed > len(kept):
        room = np.empty((max(needed, n + n // 4), *kept.shape[1:]), kept.dtype)
        room[:n] = kept[:n]
        kept = room
    kept[n:needed] = more
    return kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Searches:
    """Vectors of length 1, nearly, whose products with rows in codes are bounded."""

    codes_DM: torch.Tensor
    #: What one of the product stands for.
    unit_M: Floats
    #: Length of what is missing of each.
    missing_M: Floats

    @classmethod
    def of(cls, asked_MD: Floats, missing_M: Floats, step: np.float32) -> Self:
        """Searches among rows of this step, given the length of what is missing of each."""
        step_M1 = np.abs(asked_MD).max(axis=1, keepdims=True) / CODES
        codes_MD, rest_MD = coded(asked_MD, step_M1)
        return cls(
            codes_DM=torch.from_numpy(codes_MD).T,
            unit_M=step * step_M1[:, 0],
            missing_M=missing_M + length(rest_MD),
        )

    def products(self, rows_BD: np.ndarray, room_BM: torch.Tensor) -> torch.Tensor:
        """Of rows in codes and all searches, [B, M], in the first rows of `room_BM`."""
        product_BM = room_BM[: len(rows_BD)]
        return _product(torch.from_numpy(rows_BD), self.codes_DM, out=product_BM)

    def error(self, rest: float) -> Floats:
        """How far a product may be off, [M], where rows' codes leave out such a length at most."""
        error_M = self.missing_M + (1 + self.missing_M) * rest + ROUNDING
        return error_M.astype(np.float32)

    def reaching(
        self, product_BM: torch.Tensor, rows_B: Ints, least_M: Floats, error_M: Floats
    ) -> Possible:
        """The pairs of a search and one of some rows whose cosine can be `least_M`, or more.

        Their products are written over.
        """
        enough_M = self._enough(least_M, error_M)
        row_H = np.flatnonzero(_highest(product_BM, enough_M) >= 0)  # Few.
        above_HM = product_BM.numpy()[row_H]
        row, search = np.nonzero(above_HM >= 0)
        cosine = (above_HM[row, search] + enough_M.numpy()[search]) * self.unit_M[search]
        error = error_M[search]
        return Possible(
            search=search, row=rows_B[row_H[row]], low=cosine - error, high=cosine + error
        )

    def rows_reaching(self, product_BM: torch.Tensor, least_M: Floats, error_M: Floats) -> Ints:
        """The rows which can have such a cosine with some search; products are written over."""
        return np.flatnonzero(_highest(product_BM, self._enough(least_M, error_M)) >= 0)

    def _enough(self, least_M: Floats, error_M: Floats) -> torch.Tensor:
        """The whole number, [M], below which a product means a cosine of less than `least_M`."""
        enough_M = np.floor((least_M - error_M) / self.unit_M) - 1
        return torch.from_numpy(np.maximum(enough_M, NO_PRODUCT // 2).astype(np.int32))


def _highest(product_BM: torch.Tensor, enough_M: torch.Tensor) -> np.ndarray:
    """How far a row's products are above what is enough, at most, [B]; they are written over."""
    return product_BM.sub_(enough_M).amax(dim=1).numpy()
