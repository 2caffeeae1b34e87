"""Ingest: from files to a memory, a batch at a time, so that it can be stopped and run again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from memstore.changes.batch_writer import BatchWriter, IngestReport, Progress
from memstore.changes.relink import LinkProgress
from memstore.formats import ReadOptions, RolloutReader, RowSource
from schema.keyed_rollout import PreparedRollout, prepare
from schema.rollout import Rollout
from schema.validation import TEXT_EMBEDDINGS

#: A batch is held in memory, and travels, as a whole: it ends at the first of these two.
ROLLOUTS_A_BATCH = 1_024
TEXT_BYTES_A_BATCH = 16 * 2**20


class InputCheck:
    """Looks at every good row before anything is written.

    Call it with each rollout, then `finish`. It keeps the dataset of each query text, for the
    label budget, and compares the rollouts with those that the memory has.
    """

    def __init__(self, writer: BatchWriter) -> None:
        """Nothing is read yet; `writer` knows what the memory holds."""
        self._writer = writer
        self._waiting: list[PreparedRollout] = []
        self._waiting_bytes = 0
        #: Dataset of each query text.
        self.dataset_of: dict[str, str] = {}

    def __call__(self, rollout: Rollout) -> None:
        """Look at one rollout.

        Raises:
            InputError: if the memory holds another text at its place.
        """
        self.dataset_of.setdefault(rollout.query, rollout.dataset)
        bare = replace(rollout, policy_embedding=None, **dict.fromkeys(TEXT_EMBEDDINGS))
        self._waiting.append(prepare(self._writer.memory, self._writer.run, bare))
        self._waiting_bytes += text_bytes(rollout)
        if len(self._waiting) >= ROLLOUTS_A_BATCH or self._waiting_bytes >= TEXT_BYTES_A_BATCH:
            self.finish()

    def finish(self) -> None:
        """Look at what is still waiting.

        Raises:
            InputError: if the memory holds another text at a rollout's place, or says otherwise
                where it is from.
        """
        self._writer.refuse_others(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0


def ingest(
    files: Sequence[RowSource],
    options: ReadOptions,
    writer: BatchWriter,
    *,
    labelled: frozenset[str] | None,
    progress: Progress,
    checked: bytes | None = None,
    relink: bool = True,
    link_progress: LinkProgress | None = None,
) -> IngestReport:
    """Accept and publish the good rows of `files`, then link if queries have arrived.

    Args:
        files: inspected input files.
        options: how they are read.
        writer: takes the rollouts.
        labelled: texts of the queries whose rewards are stored; None: all rewards given are.
        checked: marks of the pass that checked the files; a row that differs from it is not stored.
        progress: called with the rows of each batch once they are visible.
        relink: link all queries again if some are new.
        link_progress: called with queries linked and their total.

    Raises:
        InputError: if a rollout is known with other content, or a file changes.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory is deleted before it is done.
        QuarantineError: if publication to it is stopped.
    """
    rows = (row for row in RolloutReader(files, options, checked) if isinstance(row, Rollout))
    writer.write(batched(budgeted(row, labelled) for row in rows), progress)
    if relink:
        writer.report.edges = writer.link_new(link_progress)
    return writer.report


def budgeted(rollout: Rollout, labelled: frozenset[str] | None) -> Rollout:
    """The rollout, without its reward unless its query is `labelled`; None: all of them are."""
    if labelled is None or rollout.query in labelled:
        return rollout
    return replace(rollout, reward=None)


def text_bytes(rollout: Rollout) -> int:
    """What a rollout's texts weigh, roughly (characters)."""
    return len(rollout.query) + len(rollout.thinking) + len(rollout.answer)


def batched(rollouts: Iterable[Rollout]) -> Iterator[list[Rollout]]:
    """Lists of rollouts, each small enough to be a batch."""
    batch: list[Rollout] = []
    weight = 0
    for rollout in rollouts:
        batch.append(rollout)
        weight += text_bytes(rollout)
        if len(batch) >= ROLLOUTS_A_BATCH or weight >= TEXT_BYTES_A_BATCH:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
