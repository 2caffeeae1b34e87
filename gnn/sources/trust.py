"""Which sources of verified rewards are believed, and what the words of the others are worth."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from gnn.features import log_length
from gnn.sources.comparison import Comparison
from gnn.sources.confusion import BINS
from gnn.sources.statements import Statements, taken_over
from gnn.sources.trusted_source import TrustedSource, Verdict
from schema.memory_graph import Bools, Floats, MemoryGraph

#: A doubted source's words on answers of some length count if its two words put the probability
#: that the answer is right this far apart.
TELLS: Final = 0.6


@dataclass(frozen=True, kw_only=True)
class SourceTrust:
    """How far each source is believed.

    A source is presumed honest. It is compared with a quick model of what the others verified
    (`gnn.sources.witness`), which never saw a label of its own: whether dishonesty, by length of
    the answers, explains what it says better than honesty does (`gnn.sources.confusion`). It is
    disbelieved if the Bayes factor exceeds the odds PRESUMED_HONEST, and the likeliest dishonesty
    lies SIGNIFICANT standard errors over queries ahead of the likeliest honesty. The one
    with the most evidence against it goes first; the others are then compared again without its
    labels. No more than MOST_DISBELIEVED of all statements are disbelieved: who contradicts most of
    a memory may be the one who is right.

    A reward r of a disbelieved source becomes the probability that the rollout is right given what
    it said and the answer's length, r of the one for "right" and 1 - r of the one for "wrong", so
    that a graded reward stays graded; and it counts as not verified where its words tell nothing.
    """

    #: By name, those that verified something.
    sources: Mapping[str, TrustedSource]
    #: Logarithms of the length that divide the bins.
    cuts: tuple[float, ...] = ()

    @classmethod
    def fit(cls, graph: MemoryGraph) -> Self:
        """Estimate from all that is verified in `graph`; one source alone is believed."""
        statements = Statements.of(graph)
        if len(np.unique(statements.source_W[statements.source_W >= 0])) < 2:
            return cls(sources=_untested(graph, statements))
        comparison = Comparison(graph, statements)
        comparison.run()
        return cls(
            sources={
                graph.source_name_S[source]: comparison.found(source)
                for source in comparison.present
            },
            cuts=tuple(comparison.cuts.tolist()),
        )

    def believed(self, graph: MemoryGraph) -> MemoryGraph:
        """`graph` with the rewards that are believed; itself, if no disbelieved source spoke."""
        worth_SB2 = self._worth(graph.source_name_S)
        doubted_S = ~np.isnan(worth_SB2).all(axis=(1, 2))
        if not doubted_S.any():
            return graph
        # Nobody, -1, is not doubted.
        doubted_S = np.append(doubted_S, False)
        statements = Statements.of(graph)
        touched_R = np.zeros(len(graph.rollout_id_R), dtype=np.bool_)
        touched_R[statements.rollout_W[doubted_S[statements.source_W]]] = True
        if not touched_R.any():
            return graph
        said = statements.where(touched_R[statements.rollout_W])
        bin_W = np.searchsorted(self.cuts, log_length(graph)[said.rollout_W])
        believed_R = _believed_rewards(
            said, worth_SB2[said.source_W, bin_W], doubted_S[said.source_W], len(touched_R)
        )
        kept_W = ~touched_R[graph.said_2W[1]]
        return replace(
            graph,
            verified_R=_followed(graph, np.where(touched_R, believed_R, graph.verified_R)),
            # What is believed is not the word of a source any more.
            source_of_rollout_R=np.where(touched_R, -1, graph.source_of_rollout_R),
            said_2W=graph.said_2W[:, kept_W],
            said_reward_W=graph.said_reward_W[kept_W],
        )

    @property
    def most_contradicted(self) -> list[str]:
        """Names of the sources, the one with the most evidence against it first."""
        return sorted(self.sources, key=lambda name: (-self.sources[name].evidence, name))

    def _worth(self, names: list[str]) -> NDArray[Any]:
        """Worth of both words of each source by length, [S, B, 2]; NaN for those believed."""
        worth_SB2 = np.full((len(names), BINS, 2), np.nan)
        for row, name in enumerate(names):
            found = self.sources.get(name)
            if found is None or found.says_right is None or found.says_wrong is None:
                continue
            worth_SB2[row] = np.column_stack([found.says_right, found.says_wrong])
        return worth_SB2

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "sources": {name: asdict(found) for name, found in self.sources.items()},
            "cuts": list(self.cuts),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            sources={
                name: TrustedSource.from_json(told) for name, told in found["sources"].items()
            },
            cuts=tuple(found["cuts"]),
        )


def _believed_rewards(
    said: Statements, worth_W2: NDArray[Any], doubted_W: Bools, n_rollouts: int
) -> Floats:
    """Weighted mean of what the statements are worth, [R]; NaN where they tell nothing.

    Args:
        said: statements.
        worth_W2: probability of being right after "right" and after "wrong" by their sources.
        doubted_W: whose source is not believed.
        n_rollouts: R.
    """
    right_W, wrong_W = worth_W2.T
    tells_W = np.where(doubted_W, np.abs(right_W - wrong_W), 1.0)
    weight_W = np.where(tells_W >= TELLS, tells_W, 0.0)
    worth_W = said.reward_W * right_W + (1 - said.reward_W) * wrong_W
    value_W = weight_W * np.where(doubted_W, worth_W, said.reward_W)
    value_R, weight_R = (
        np.bincount(said.rollout_W, weights=each_W, minlength=n_rollouts)
        for each_W in (value_W, weight_W)
    )
    known_R = weight_R > 0
    mean_R = np.where(known_R, value_R / np.where(known_R, weight_R, 1), np.nan)
    return mean_R.astype(np.float32)


def _followed(graph: MemoryGraph, believed_R: Floats) -> Floats:
    """`believed_R` where verdicts that were taken over are what is believed of their conclusion."""
    taken_R = taken_over(graph)
    conclusion_R = graph.conclusion_of_rollout_R
    own_R = graph.labelled_R & ~taken_R & (conclusion_R >= 0)
    count_C, total_C = (
        np.bincount(
            conclusion_R[own_R], weights=weight_R[own_R], minlength=len(graph.conclusion_id_C)
        )
        for weight_R in (~np.isnan(believed_R), np.nan_to_num(believed_R))
    )
    mean_C = np.where(count_C > 0, total_C / np.maximum(count_C, 1), np.nan).astype(np.float32)
    known_C = np.bincount(conclusion_R[own_R], minlength=len(graph.conclusion_id_C)) > 0
    rows = np.flatnonzero(taken_R & (conclusion_R >= 0))
    rows = rows[known_C[conclusion_R[rows]]]
    followed_R = believed_R.copy()
    followed_R[rows] = mean_C[conclusion_R[rows]]
    return followed_R


def _untested(graph: MemoryGraph, statements: Statements) -> dict[str, TrustedSource]:
    named = statements.where(statements.source_W >= 0)
    present, labels = np.unique(named.source_W, return_counts=True)
    return {
        graph.source_name_S[source]: TrustedSource(verdict=Verdict.UNTESTED, labels=int(count))
        for source, count in zip(present.tolist(), labels.tolist(), strict=True)
    }
