"""Each source of a graph compared with the others, and which of them are contradicted."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from gnn.sources.confusion import BINS, Confusion, Judged, against_honesty, fit_confusion
from gnn.sources.statements import Statements
from gnn.sources.trusted_source import TrustedSource, Verdict
from gnn.sources.witness import Witness
from schema.memory_graph import Bools, Floats, MemoryGraph

#: Log of the odds, before anything is known, that a source is honest: 100 to 1.
PRESUMED_HONEST: Final = float(np.log(100))
#: Standard errors that the evidence against a source must lie from 0.
SIGNIFICANT: Final = 2.0
#: Largest share of all statements that may be disbelieved: beyond it, who is right is unknown.
MOST_DISBELIEVED: Final = 0.4
#: Difference between lengths in how often wrong or right answers are called right that is a bias.
BIAS: Final = 0.3
#: Groups of sources; each is judged by a model that saw none of its labels.
GROUPS: Final = 8


class Comparison:
    """Compares each source of a graph with the others."""

    def __init__(self, graph: MemoryGraph, statements: Statements) -> None:
        self._source_W = statements.source_W
        self._reward_W = statements.reward_W
        self._witness = Witness(graph, statements)
        self.cuts = np.quantile(self._witness.length_W, np.arange(1, BINS) / BINS)
        self._bin_W = np.searchsorted(self.cuts, self._witness.length_W)
        #: Sources that spoke, those with the most statements first.
        self.present: list[int] = []
        present, count = np.unique(self._source_W[self._source_W >= 0], return_counts=True)
        self.present = present[np.argsort(-count, kind="stable")].tolist()
        self._group_S = {source: place % GROUPS for place, source in enumerate(self.present)}
        self._disbelieved: list[int] = []
        self._judgements: dict[int, Judged] = {}
        self._against: dict[int, tuple[float, float]] = {}

    def run(self) -> None:
        """Find the sources that are not believed, one after the other."""
        while True:
            self._judge()
            contradicted = [
                source
                for source in self.present
                if self._contradicted(source) and source not in self._disbelieved
            ]
            if not contradicted:
                break
            worst = max(contradicted, key=lambda source: self._against[source][0])
            share = np.isin(self._source_W, [*self._disbelieved, worst]).mean()
            if share > MOST_DISBELIEVED:
                break
            self._disbelieved.append(worst)
        self._disbelieved = [source for source in self._disbelieved if self._contradicted(source)]

    def _contradicted(self, source: int) -> bool:
        evidence, deviations = self._against.get(source, (0.0, 0.0))
        return evidence > PRESUMED_HONEST and deviations > SIGNIFICANT

    def _judge(self) -> None:
        """Judge every source by those that are believed."""
        self._judgements, self._against = {}, {}
        believed_W = ~np.isin(self._source_W, self._disbelieved)
        for group in self._groups():
            asked_W = np.isin(self._source_W, group)
            p_N = self._witness.unseen(asked_W, believed_W & ~asked_W)
            if p_N is None:
                continue
            for source in group:
                of_source_N = self._source_W[asked_W] == source
                judged = self._judged(self._source_W == source, p_N[of_source_N])
                self._judgements[source], self._against[source] = judged, against_honesty(judged)

    def _groups(self) -> Iterator[list[int]]:
        for group in range(min(GROUPS, len(self.present))):
            yield [source for source in self.present if self._group_S[source] == group]

    def _judged(self, own_W: Bools, probability_N: Floats) -> Judged:
        conclusion_N = self._witness.conclusion_W[own_W]
        _, place_N, count = np.unique(conclusion_N, return_inverse=True, return_counts=True)
        return Judged(
            probability_W=probability_N,
            reward_W=self._reward_W[own_W],
            bin_W=self._bin_W[own_W],
            query_W=self._witness.query_W[own_W],
            weight_W=(1 / count[place_N]).astype(np.float32),
        )

    def found(self, source: int) -> TrustedSource:
        """What is known of a source now."""
        labels = int((self._source_W == source).sum())
        judged = self._judgements.get(source)
        if judged is None:
            return TrustedSource(verdict=Verdict.UNTESTED, labels=labels)
        confusion = fit_confusion(judged)
        disbelieved = source in self._disbelieved
        right_B, wrong_B = confusion.worth()
        evidence, deviations = self._against[source]
        apart_W = np.abs(judged.reward_W - judged.probability_W) > 0.5
        return TrustedSource(
            verdict=_verdict(confusion) if disbelieved else Verdict.BELIEVED,
            labels=labels,
            contradicted=float(apart_W.mean()),
            reliability=confusion.reliability,
            evidence=evidence,
            deviations=deviations,
            says_right=tuple(right_B.tolist()) if disbelieved else None,
            says_wrong=tuple(wrong_B.tolist()) if disbelieved else None,
        )


def _verdict(confusion: Confusion) -> Verdict:
    if np.ptp(confusion.wrong_B) > BIAS or np.ptp(confusion.right_B) > BIAS:
        return Verdict.LENGTH
    opposite = confusion.right_B.mean() < confusion.wrong_B.mean()
    return Verdict.OPPOSITE if opposite else Verdict.UNRELIABLE
