"""From files to rollouts: rows are converted, checked and told apart, one at a time."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from memstore.formats.columns import KNOWN_COLUMNS, RawRow
from memstore.formats.copies import CopyCheck
from memstore.formats.files import CHANGED, RowSource, inspect_files
from memstore.formats.rejects import RejectedRow
from memstore.formats.rollout_row import ReadOptions, rollout_of
from memstore.mapping import Cleaned, MissingColumns, ShapeCheck, is_untidy
from schema.errors import InputError
from schema.ids import digest
from schema.rollout import Rollout
from schema.validation import TEXT_EMBEDDINGS

MARK_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row of a file and what it holds; None: it says the same as an earlier one."""

    path: Path
    line: int
    found: Rollout | RejectedRow | None


class RolloutReader:
    """One pass over input files, in bounded memory but for 200 to 400 bytes a row.

    These are digests of the row's place and content: a row may repeat, or contradict, any earlier
    one, and files need not be sorted. A pass that stores nothing needs them as well.

    Iterate it once; the counts are final when it has ended. A row that says the same as an
    earlier one at its place (query id, step, rollout) is left out, one that says something else
    is rejected.
    """

    def __init__(
        self,
        files: Sequence[RowSource],
        options: ReadOptions | None = None,
        checked: bytes | None = None,
    ) -> None:
        """Read `files`, which `inspect_files` made, in this order.

        Args:
            files: what is read.
            options: how.
            checked: the marks of an earlier pass, whose rollouts this one must give again.
        """
        self._files = files
        self._checked = checked
        #: 12 bytes a rollout so far, made of its place, its texts and its reward.
        self.marks = bytearray()
        self._options = options or ReadOptions()
        #: Next place of a row without `rollout`, by (source query id, step).
        self._next_place: defaultdict[tuple[str, int], int] = defaultdict(int)
        #: Digest of a rollout's content, by digest of its place.
        self._contents: dict[bytes, bytes] = {}
        self._policy_dimensions: dict[tuple[str | None, str | None], int] = {}
        #: Rows left out because an earlier row says the same.
        self.repeated = 0
        #: Rows whose text embeddings were left out because another encoder made them.
        self.foreign_embeddings = 0
        #: Columns found that mean nothing to memreward.
        self.ignored_columns: set[str] = set()
        #: What was taken off texts, and how often.
        self.cleaned: Cleaned = Counter()
        #: Rows that a mapping leaves out.
        self.left_out = 0
        #: Rows of unmapped files whose query a mapping would clean.
        self.untidy_queries = 0
        self._copies = CopyCheck()
        mapping = self._options.mapping
        self._missing = None if mapping is None else MissingColumns(mapping)

    def __iter__(self) -> Iterator[Rollout | RejectedRow]:
        """Yield what the rows hold, in order, without those that repeat an earlier one.

        Raises:
            InputError: if a file turns out to be damaged, or changes.
        """
        for row in self.rows():
            if row.found is not None:
                yield row.found

    def rows(self) -> Iterator[ReadRow]:
        """Yield every row that is not blank, in order.

        Raises:
            InputError: if a file turns out to be damaged, or changes, or a mapping asks for what
                no row has.
        """
        for file in self._files:
            yield from self.more(file)
        if self._missing is not None:
            self._missing.refuse(self._names())
        if self._checked is not None and len(self.marks) != len(self._checked):
            raise InputError(f"{self._names()}: {CHANGED}")

    def more(self, file: RowSource) -> Iterator[ReadRow]:
        """Yield the rows of one more file, or of what was added to one.

        Raises:
            InputError: if it turns out to be damaged, changes, or holds what an earlier one does.
        """
        self.ignored_columns.update(file.ignored_columns)
        self._copies.begin(file.path)
        for row in self._mapped(file):
            found = self._found(file, row)
            self.repeated += found is None
            yield ReadRow(file.path, row.line, found)
        self._copies.end()

    def _mapped(self, file: RowSource) -> Iterator[RawRow]:
        """The file's rows, one a rollout."""
        mapping = self._options.mapping
        if mapping is None:
            yield from file.rows()
            return
        of_file = mapping.of_file(file.path)
        check = ShapeCheck(mapping, file.path)
        for row in file.rows():
            n_rows = 0
            if row.fault is None:
                check.look(row.values)
            try:
                if row.fault is None and self._missing is not None:
                    self._missing.look(row.values)
                for values in mapping.rows(row.values, self.cleaned) if row.fault is None else ():
                    n_rows += 1
                    yield RawRow(line=row.line, values={**of_file, **values}, raw=row.raw)
            except InputError as error:
                yield RawRow(line=row.line, values=row.values, raw=row.raw, fault=str(error))
                continue
            if row.fault is not None:
                yield row
            elif not n_rows:
                self.left_out += 1

    def _found(self, file: RowSource, row: RawRow) -> Rollout | RejectedRow | None:
        try:
            rollout = self._rollout(row)
            is_new = self._is_new(rollout)
        except InputError as error:
            return RejectedRow(
                path=file.path, line=row.line, reason=str(error), excerpt=row.excerpt
            )
        if not is_new:
            return None
        end = len(self.marks)
        if (
            self._checked is not None
            and self._checked[end - MARK_BYTES : end] != self.marks[-MARK_BYTES:]
        ):
            raise InputError(f"{file.path}:{row.line}: {CHANGED}")
        return rollout

    def _names(self) -> str:
        return ", ".join(str(file.path) for file in self._files)

    def _rollout(self, row: RawRow) -> Rollout:
        if row.fault is not None:
            raise InputError(row.fault)
        self.ignored_columns.update(row.values.keys() - KNOWN_COLUMNS)
        rollout = rollout_of(row.values, self._options, self._count)
        if self._options.mapping is None:
            self.untidy_queries += is_untidy(rollout.query)
        given = any(row.values.get(name) is not None for name in TEXT_EMBEDDINGS)
        self.foreign_embeddings += given and rollout.query_embedding is None
        return rollout

    def _count(self, source_query_id: str, step: int) -> int:
        """The place of the next rollout that does not name its own."""
        place = self._next_place[source_query_id, step]
        self._next_place[source_query_id, step] += 1
        return place

    def _is_new(self, rollout: Rollout) -> bool:
        """Whether no earlier row has this place.

        Raises:
            InputError: if one does, with other content, or if the policy's embedding differs in
                dimension from those before.
        """
        self._check_policy_dimension(rollout)
        place = digest(rollout.source_query_id, str(rollout.step), str(rollout.place))
        texts = rollout.query, rollout.thinking, rollout.answer
        reward = None if rollout.reward is None else float(rollout.reward)
        said = rollout.dataset, rollout.domain, rollout.policy or ""
        content = bytes.fromhex(digest(*texts, repr(reward), *said))
        self._copies.add(content)
        earlier = self._contents.setdefault(bytes.fromhex(place), content)
        if earlier != content:
            raise InputError(
                f"query_id {rollout.source_query_id!r}, step {rollout.step}, rollout "
                f"{rollout.place} is in an earlier row with other content: "
                "number the rollouts of a query with `rollout`, or leave one row out"
            )
        is_new = earlier is content  # the very object: it was put there just now
        if is_new:
            self.marks += bytes.fromhex(place)[:4] + content[:8]
        return is_new

    def _check_policy_dimension(self, rollout: Rollout) -> None:
        if rollout.policy_embedding is None:
            return
        found = rollout.policy_embedding.shape[0]
        key = rollout.policy, rollout.policy_layer
        expected = self._policy_dimensions.setdefault(key, found)
        if found != expected:
            raise InputError(
                f"`policy_embedding` has {found} numbers, earlier rows of policy "
                f"{rollout.policy!r} and layer {rollout.policy_layer!r} have {expected}: "
                "give what differs another `policy` or `policy_layer`"
            )


def read_rollouts(
    paths: Sequence[Path | str], options: ReadOptions | None = None
) -> Iterator[Rollout | RejectedRow]:
    """Inspect all `paths` at once, then yield what their rows hold.

    Raises:
        InputError: if a file as a whole cannot be used (see `inspect_files`).
    """
    return iter(RolloutReader(inspect_files(paths, options), options))
