"""The first pass over the input, which writes nothing to the databases: is every row usable?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from memstore.formats.rejects import RejectedRow, Rejects, write_rejects
from memstore.formats.rollout_reader import RolloutReader
from memstore.mapping import Cleaned
from schema.rollout import Rollout


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What a pass over the input found."""

    #: Rows that are rollouts, are none, or repeat an earlier row.
    good: int
    rejects: Rejects
    repeated: int
    #: Good rows that carry a reward.
    rewarded: int
    #: Rows whose text embeddings another encoder made; theirs are computed.
    foreign_embeddings: int
    ignored_columns: tuple[str, ...]
    #: What was taken off texts, and how often; rows that a mapping leaves out.
    cleaned: Cleaned
    left_out: int
    #: Rows of unmapped files whose query a mapping would clean.
    untidy_queries: int
    #: By which a second pass notices that it reads something else.
    marks: bytes

    @property
    def rejected(self) -> int:
        """How many rows are rejected."""
        return self.rejects.count


def survey_rollouts(
    reader: RolloutReader,
    rejects_path: Path | None,
    progress: Callable[[int], None] | None = None,
    observe: Callable[[Rollout], None] | None = None,
) -> Survey:
    """Read all rows and drop the rollouts; write what is rejected, if anything, to a file.

    Args:
        reader: a reader that was not iterated yet.
        rejects_path: written only if a row is rejected; None: not at all.
        progress: called with the number of rows yielded so far.
        observe: called with each good row.

    Raises:
        InputError: if an input file is damaged or the rejects cannot be written.
    """
    good = rewarded = 0

    def rejects() -> Iterable[RejectedRow]:
        nonlocal good, rewarded
        rejected = 0
        for item in reader:
            if isinstance(item, RejectedRow):
                rejected += 1
                yield item
            else:
                good += 1
                rewarded += item.reward is not None
                if observe is not None:
                    observe(item)
            if progress is not None:
                progress(good + rejected)

    written = write_rejects(rejects_path, rejects())
    return Survey(
        good=good,
        rejects=written,
        repeated=reader.repeated,
        rewarded=rewarded,
        foreign_embeddings=reader.foreign_embeddings,
        ignored_columns=tuple(sorted(reader.ignored_columns)),
        cleaned=reader.cleaned,
        left_out=reader.left_out,
        untidy_queries=reader.untidy_queries,
        marks=bytes(reader.marks),
    )
