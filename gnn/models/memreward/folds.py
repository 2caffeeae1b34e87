"""How labelled queries are divided into parts, so that each is left out by one member."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schema.ids import text_fraction
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class Division:
    """Parts of about equal size, by a hash of the query's text.

    It is kept with a model: a query that the model learned from is again in the part that one of
    its members left out, however much the memory has grown; any other query is in some part too.
    """

    salt: str
    #: Largest hash in each part but the last, ascending.
    cuts: tuple[float, ...]

    @classmethod
    def of(cls, texts: Sequence[str], n_parts: int, salt: str) -> "Division":
        """Divide the queries `texts`, at least as many as parts."""
        ascending = np.sort(_fractions(texts, salt))
        parts = np.array_split(ascending, n_parts)
        return cls(salt=salt, cuts=tuple(float(part[-1]) for part in parts[:-1]))

    @property
    def n_parts(self) -> int:
        """How many parts there are."""
        return len(self.cuts) + 1

    def part_of(self, texts: Sequence[str]) -> Ints:
        """Part of each query."""
        return np.searchsorted(self.cuts, _fractions(texts, self.salt), side="left")


def _fractions(texts: Sequence[str], salt: str) -> np.ndarray:
    return np.array([text_fraction(text, f"member-{salt}") for text in texts])
