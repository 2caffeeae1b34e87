"""Unit vectors searched by one product of float32: the plain way, which every processor has."""

from typing import Final, Protocol

import numpy as np

from memstore.similarity.possible import Possible
from schema.memory_graph import Floats, Ints

#: Half of this is more than a product of float32 and pgvector's distance can differ.
_MARGIN: Final = 1e-5


class VectorTable(Protocol):
    """Rows of one dimension that are searched; not thread-safe."""

    def append(self, unit_ND: Floats) -> None:
        """Add rows of length 1."""
        ...

    def rows(self, rows: Ints) -> tuple[Floats, Floats]:
        """Some rows, nearly, [N, D], and the length of what is missing, [N]."""
        ...

    def near(self, asked_MD: Floats, missing_M: Floats, own_M: Ints, k: int) -> Possible:
        """Pairs among which the k nearest rows of each search are.

        Args:
            asked_MD: vectors of length 1, nearly.
            missing_M: length of what is missing of each.
            own_M: row that is left out of each search; negative: none.
            k: how many rows a search wants.
        """
        ...


class FloatVectors:
    """A `VectorTable` of float32."""

    def __init__(self, unit_ND: Floats) -> None:
        """Hold these rows of length 1."""
        self._unit_ND, self._n = unit_ND, len(unit_ND)

    @property
    def unit_ND(self) -> Floats:
        """All rows."""
        return self._unit_ND[: self._n]

    def append(self, unit_ND: Floats) -> None:
        """Add rows of length 1."""
        needed = self._n + len(unit_ND)
        if needed > len(self._unit_ND):
            room = np.empty((max(needed, 2 * self._n), unit_ND.shape[1]), np.float32)
            room[: self._n] = self.unit_ND
            self._unit_ND = room
        self._unit_ND[self._n : needed] = unit_ND
        self._n = needed

    def rows(self, rows: Ints) -> tuple[Floats, Floats]:
        """Some rows, [N, D]; nothing of them is missing."""
        return self._unit_ND[rows], np.zeros(len(rows), np.float32)

    def near(self, asked_MD: Floats, missing_M: Floats, own_M: Ints, k: int) -> Possible:
        """See `VectorTable.near`."""
        cosine_MN = asked_MD @ self.unit_ND.T
        is_here = np.flatnonzero(own_M >= 0)
        cosine_MN[is_here, own_M[is_here]] = -np.inf
        error_M = missing_M + np.float32(_MARGIN / 2)
        possible_MN = cosine_MN > -np.inf
        if 1 <= k <= cosine_MN.shape[1]:
            highest_M = np.partition(cosine_MN, -k, axis=1)[:, -k]
            possible_MN &= cosine_MN >= (highest_M - 2 * error_M)[:, None]
        search, row = np.nonzero(possible_MN)
        cosine, error = cosine_MN[search, row], error_M[search]
        return Possible(
            search=search, row=row, low=np.subtract(cosine, error), high=np.add(cosine, error)
        )
