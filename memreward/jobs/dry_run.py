"""Ingest as a rehearsal: how each row would be stored. Nothing is written and no server asked."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from memreward.jobs.ingest import IngestRequest
from memstore.formats import ReadRow, RejectedRow, RolloutReader, inspect_files
from memstore.mapping import Cleaned
from schema.answers import conclusion_key
from schema.ids import checked_name
from schema.rollout import Rollout
from trainer import choose_labelled_queries


@dataclass(kw_only=True)
class DryRun:
    """Reads the files of a request once; the counts are final when `rows` has ended."""

    request: IngestRequest
    good: int = 0
    rejected: int = 0
    repeated: int = 0
    rewarded: int = 0
    #: Columns that mean nothing to memreward.
    ignored_columns: set[str] = field(default_factory=set)
    #: What was taken off texts, and how often; rows that a mapping leaves out.
    cleaned: Cleaned = field(default_factory=Counter)
    left_out: int = 0
    #: Rows of unmapped files whose query a mapping would clean.
    untidy_queries: int = 0

    def rows(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """What becomes of each row, in order.

        A rollout has `line`, `file`, `query`, `thinking`, `answer`, `conclusion` (equal for equal
        conclusions of the query; null: nothing that can be compared), `reward`, and its place:
        `query_id`, `step`, `rollout`, `run`. A rejected row has `line`, `file` and `error`, one
        that says the same as an earlier one `line`, `file` and `repeats`.

        Args:
            most: rollouts that are yielded, since a conclusion costs as much as reading its row;
                later ones are counted only. None: all.

        Raises:
            InputError: if a file as a whole cannot be used.
        """
        request = self.request
        for name, what in ((request.memory, "memory"), (request.run, "run")):
            if name:
                checked_name(name, what)
        options = request.options()
        files = inspect_files(request.files, options)
        labelled = _labelled(request, RolloutReader(files, options))
        reader = RolloutReader(files, options)
        for row in reader.rows():
            found = row.found
            if not isinstance(found, Rollout):
                yield self._unusable(row)
                continue
            is_shown = labelled is None or found.query in labelled
            reward = found.reward if is_shown else None
            self.good += 1
            self.rewarded += reward is not None
            if most is None or self.good <= most:
                yield self._told(row, found, reward)
        self.ignored_columns = reader.ignored_columns
        self.cleaned, self.left_out = reader.cleaned, reader.left_out
        self.untidy_queries = reader.untidy_queries

    def _unusable(self, row: ReadRow) -> dict[str, Any]:
        told: dict[str, Any] = {"line": row.line, "file": str(row.path)}
        if isinstance(row.found, RejectedRow):
            self.rejected += 1
            return told | {"error": row.found.reason}
        self.repeated += 1
        return told | {"repeats": True}

    def _told(self, row: ReadRow, found: Rollout, reward: float | None) -> dict[str, Any]:
        return {
            "line": row.line,
            "file": str(row.path),
            "query": found.query,
            "thinking": found.thinking,
            "answer": found.answer,
            "conclusion": conclusion_key(found.query, found.thinking, found.answer, found.domain),
            "reward": None if reward is None else float(reward),
            "query_id": found.source_query_id,
            "step": found.step,
            "rollout": found.place,
            "run": self.request.run or None,
        }


def _labelled(request: IngestRequest, reader: RolloutReader) -> frozenset[str] | None:
    """Texts of the queries whose rewards are stored; None: all rewards given are."""
    if request.labels is None:
        return None
    if request.labels == 0.0:
        return frozenset()
    dataset_of: dict[str, str] = {}
    for item in reader:
        if isinstance(item, Rollout):
            dataset_of.setdefault(item.query, item.dataset)
    return choose_labelled_queries(dataset_of.items(), request.labels, request.label_seed)
