"""The first pass over the input, which writes nothing to the databases: is every row usable?"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from memstore.formats.rollout_reader import RejectedRow, RolloutReader
from schema.errors import InputError
from schema.rollout import Rollout

#: Rejected rows that a survey keeps for the message on the screen; the file has them all.
SHOWN_REJECTS: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What a pass over the input found."""

    #: Rows that are rollouts, are none, or repeat an earlier row.
    good: int
    rejected: int
    repeated: int
    #: Good rows that carry a reward.
    rewarded: int
    #: Rows whose text embeddings another encoder made; theirs are computed.
    foreign_embeddings: int
    ignored_columns: tuple[str, ...]
    first_rejects: tuple[RejectedRow, ...]


def survey_rollouts(
    reader: RolloutReader,
    rejects_path: Path,
    progress: Callable[[int], None] | None = None,
    observe: Callable[[Rollout], None] | None = None,
) -> Survey:
    """Read all rows and drop the rollouts; write what is rejected, if anything, to a file.

    Args:
        reader: a reader that was not iterated yet.
        rejects_path: written only if a row is rejected, replacing what was there.
        progress: called with the number of rows yielded so far.
        observe: called with each good row.

    Raises:
        InputError: if an input file is damaged or the rejects cannot be written.
    """
    good = rewarded = 0
    first: list[RejectedRow] = []

    def rejects() -> Iterable[RejectedRow]:
        nonlocal good, rewarded
        rejected = 0
        for item in reader:
            if isinstance(item, RejectedRow):
                rejected += 1
                if len(first) < SHOWN_REJECTS:
                    first.append(item)
                yield item
            else:
                good += 1
                rewarded += item.reward is not None
                if observe is not None:
                    observe(item)
            if progress is not None:
                progress(good + rejected)

    n_rejected = write_rejects(rejects_path, rejects())
    return Survey(
        good=good,
        rejected=n_rejected,
        repeated=reader.repeated,
        rewarded=rewarded,
        foreign_embeddings=reader.foreign_embeddings,
        ignored_columns=tuple(sorted(reader.ignored_columns)),
        first_rejects=tuple(first),
    )


def write_rejects(path: Path, rejects: Iterable[RejectedRow]) -> int:
    """Write one JSON object a rejected row (path, line, reason, excerpt); return their number.

    The file is made at the first row, so that no row means no file.

    Raises:
        InputError: if the file cannot be written.
    """
    rows = iter(rejects)
    first = next(rows, None)
    if first is None:
        return 0
    count = 0
    try:
        stream = path.open("w", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path}: rejected rows cannot be written there ({error.strerror}); "
            "name a writable file with --rejects"
        ) from error
    with stream:
        for row in chain((first,), rows):
            record = {
                "path": str(row.path),
                "line": row.line,
                "reason": row.reason,
                "excerpt": row.excerpt,
            }
            stream.write(json.dumps(record) + "\n")
            count += 1
    return count
