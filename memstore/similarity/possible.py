"""Which rows can be among the nearest, told from bounds of their cosines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from schema.memory_graph import Floats, Ints


@dataclass(frozen=True, kw_only=True, slots=True)
class Possible:
    """Pairs of a search and a row, [P] each, with bounds of their cosine."""

    search: Ints
    row: Ints
    low: Floats
    high: Floats

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All pairs of all parts."""
        return cls(
            search=np.concatenate([part.search for part in parts]),
            row=np.concatenate([part.row for part in parts]),
            low=np.concatenate([part.low for part in parts]),
            high=np.concatenate([part.high for part in parts]),
        )

    def least(self, k: int, searches: int) -> Floats:
        """What the k-th highest cosine of each search is at least, [M]; -inf: it has fewer."""
        least_M = np.full(searches, -np.inf, np.float32)
        order = np.lexsort([-self.low, self.search])
        search = self.search[order]
        rank = np.arange(len(search)) - np.searchsorted(search, search)
        is_last = rank == k - 1
        least_M[search[is_last]] = self.low[order[is_last]]
        return least_M

    def at_least(self, least_M: Floats) -> "Possible":
        """The pairs whose cosine can be as high as what their search asks for."""
        kept = self.high >= least_M[self.search]
        return Possible(
            search=self.search[kept], row=self.row[kept], low=self.low[kept], high=self.high[kept]
        )

    def nearest(self, k: int, searches: int) -> "Possible":
        """The pairs that can be among the k highest of their search."""
        return self.at_least(self.least(k, searches))
