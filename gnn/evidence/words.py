"""The words of answers: what agrees where no two answers are equal to the letter.

An answer is a vector of its words (bag of words, each once), of length 1. A word of the question
counts less, since every answer may repeat it, and so does one that answers to many questions have.
Likeness is the cosine of two answers. Sums over a query are taken word by word, so that the cost is
linear in the number of rollouts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: What a word of the question counts; any other counts 1.
OF_THE_QUESTION: Final = 0.3
#: Longest answer that is looked at, in characters from its end.
LONGEST: Final = 8000

#: A word counts less from this share of the queries on, down to nothing where all have it.
COMMON_FROM: Final = 0.1
#: Fewer queries do not tell which words are common.
FEWEST_QUERIES: Final = 20

#: Its annotations know neither `norm=None` nor sparse results.
_VECTORIZER: Final[Any] = HashingVectorizer
_READ: Final = _VECTORIZER(
    token_pattern=r"\w+", n_features=2**20, alternate_sign=False, binary=True, norm=None
)


@dataclass(frozen=True, kw_only=True)
class CommonWords:
    """Words, by their hash, that the answers to many questions have, and what each counts."""

    weights: Mapping[int, float] = field(default_factory=dict[int, float])

    @classmethod
    def fit(cls, graph: MemoryGraph) -> Self:
        """Count the queries of `graph` in whose answers each word is."""
        query_R = graph.query_of_rollout_R
        n_queries = len(np.unique(query_R[query_R >= 0]))
        if n_queries < FEWEST_QUERIES:
            return cls()
        found = _read(graph.answer_text_R).tocoo()
        asked_W = query_R[found.row] >= 0
        pair_2P = np.unique(np.stack([found.col, query_R[found.row]])[:, asked_W], axis=1)
        hash_N, count_N = np.unique(pair_2P[0], return_counts=True)
        share_N = count_N / n_queries
        common_N = share_N > COMMON_FROM
        weight_N = np.log(share_N[common_N]) / np.log(COMMON_FROM)
        return cls(weights=dict(zip(hash_N[common_N].tolist(), weight_N.tolist(), strict=True)))

    def to_json(self) -> dict[str, float]:
        """What `from_json` reads."""
        return {str(word): weight for word, weight in self.weights.items()}

    @classmethod
    def from_json(cls, found: Mapping[str, float]) -> Self:
        """What `to_json` wrote."""
        return cls(weights={int(word): weight for word, weight in found.items()})

    def weigh(self, word_RB: Any) -> Any:
        """The same words, weighted."""
        weighted = word_RB.copy()
        weight_B = np.ones(word_RB.shape[1], dtype=np.float32)
        weight_B[list(self.weights)] = list(self.weights.values())
        weighted.data *= weight_B[weighted.indices]
        return weighted


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words (_W) of the answers of a graph; empty answers have none."""

    #: Row of the rollout.
    rollout_W: Ints
    weight_W: Floats
    #: Number of the word within its query; two answers of a query share a number with a word.
    word_W: Ints

    @classmethod
    def of(cls, graph: MemoryGraph, query_R: Ints, common: CommonWords) -> Self:
        """Read the answers of `graph`; `query_R` has one more query, for rollouts without any."""
        if not len(query_R):
            none = np.zeros(0, dtype=np.int64)
            return cls(rollout_W=none, weight_W=none.astype(np.float32), word_W=none)
        answer_RB = common.weigh(_read(graph.answer_text_R))
        asked_RB = answer_RB.multiply(_read([*graph.query_text_Q, ""])[query_R])
        weighted = (answer_RB - (1 - OF_THE_QUESTION) * asked_RB).tocsr()
        weighted.eliminate_zeros()
        unit = normalize(weighted).tocoo()
        key_W = query_R[unit.row] * np.int64(weighted.shape[1]) + unit.col
        return cls(
            rollout_W=unit.row.astype(np.int64),
            weight_W=unit.data.astype(np.float32),
            word_W=np.unique(key_W, return_inverse=True)[1].astype(np.int64),
        )

    def within(self, group_R: Ints) -> Ints:
        """Number of each word within its group: groups are parts of queries, [W]."""
        key_W = group_R[self.rollout_W] * (self.word_W.max(initial=0) + 1) + self.word_W
        return np.unique(key_W, return_inverse=True)[1].astype(np.int64)

    def likeness(self, word_W: Ints, weight_R: NDArray[Any], n_rollouts: int) -> NDArray[Any]:
        """Sum over the rollouts of the same group of the cosine times their weight, [R].

        Args:
            word_W: number of each word within its group.
            weight_R: of the rollouts; a rollout's own is counted as well.
            n_rollouts: R.
        """
        total = np.bincount(word_W, weights=self.weight_W * weight_R[self.rollout_W])
        if not len(total):
            return np.zeros(n_rollouts)
        return np.bincount(
            self.rollout_W, weights=self.weight_W * total[word_W], minlength=n_rollouts
        )

    def any_R(self, n_rollouts: int) -> Bools:
        """Rollouts whose answer has words, [R]."""
        return np.bincount(self.rollout_W, minlength=n_rollouts) > 0


def _read(texts: Sequence[str]) -> Any:
    """Which words each text has, [N, hashes]."""
    return _READ.transform(text[-LONGEST:] for text in texts)
