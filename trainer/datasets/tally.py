"""What a data set was made of, counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainer.datasets.records import Record, source_of
from trainer.datasets.selection import Judgement, Selection


@dataclass(kw_only=True)
class Tally:
    """Counts of what was read, and of what was written."""

    queries: int = 0
    verified: int = 0
    propagated: int = 0
    #: A model was asked and had no opinion.
    abstained: int = 0
    #: Nothing is stored.
    unscored: int = 0
    #: A verified reward of the same conclusion says otherwise.
    contradicted: int = 0
    #: Of the verified and propagated rewards, those of forgotten rollouts: no text can be taken.
    forgotten: int = 0
    #: Pairs that annotators decide, and those of which as many prefer one as the other.
    preferred: int = 0
    undecided: int = 0
    #: Of the verified and propagated rewards, those between both thresholds.
    between: int = 0
    #: Queries whose prompt holds tools, images or calls, which its text cannot restore.
    unreadable: int = 0
    #: Rows and queries by split.
    rows: Counter[str] = field(default_factory=Counter)
    row_queries: Counter[str] = field(default_factory=Counter)
    #: Rows by where their rewards are from.
    row_sources: Counter[str] = field(default_factory=Counter)
    #: Models whose propagated rewards were read.
    models: set[str] = field(default_factory=set)

    @property
    def rollouts(self) -> int:
        """All rollouts that were read."""
        judged = self.verified + self.propagated
        return judged + self.abstained + self.unscored + self.contradicted

    def add_group(self, found: Judgement, selection: Selection) -> None:
        """Count a query and its rollouts."""
        self.queries += 1
        for one in found.judged:
            self.verified += one.verified
            self.propagated += not one.verified
            self.forgotten += one.rollout.forgotten
            self.between += selection.wrong_to < one.reward < selection.right_from
            if one.model is not None:
                self.models.add(one.model)
        self.abstained += found.abstained
        self.unscored += found.unscored
        self.contradicted += found.contradicted
        self.preferred += len(found.preferred)
        self.undecided += found.undecided

    def add_rows(self, split: str, rows: Sequence[Record]) -> None:
        """Count the rows of one query."""
        self.rows[split] += len(rows)
        self.row_queries[split] += 1
        for row in rows:
            self.row_sources[source_of(row)] += 1
