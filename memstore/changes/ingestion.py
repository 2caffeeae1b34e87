"""Ingest: from files to a memory, a batch at a time, so that it can be stopped and run again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from memstore.changes.relink import link, needs_link
from memstore.changes.stored_vectors import remember_stored
from memstore.db import Stores, VectorStore, retried
from memstore.encoders import TextEncoder, remembering
from memstore.formats import InputFile, ReadOptions, RolloutReader
from memstore.outbox import (
    Accepted,
    BackgroundPublisher,
    accept_rollouts,
    catch_up,
    known_hashes,
    publish,
    refuse_changed,
)
from memstore.similarity import keep_index
from schema.keyed_rollout import PreparedRollout, prepare
from schema.rollout import Rollout
from schema.validation import TEXT_EMBEDDINGS

#: A batch is held in memory, and travels, as a whole: it ends at the first of these two.
ROLLOUTS_A_BATCH = 1_024
TEXT_BYTES_A_BATCH = 16 * 2**20

#: Called with the number of rows just dealt with.
Progress = Callable[[int], None]


@dataclass(kw_only=True)
class IngestReport:
    """What an ingest did."""

    new: int = 0
    existing: int = 0
    new_queries: int = 0
    labels: int = 0
    #: Similarity edges of the new generation; 0 when no link was needed.
    edges: int = 0
    #: Which memory of that name the rollouts went to.
    incarnation: str | None = None


class InputCheck:
    """Looks at every good row before anything is written.

    Call it with each rollout, then `finish`. It keeps the dataset of each query text, for the
    label budget, and holds the rollouts against what the memory has.
    """

    def __init__(self, vectors: VectorStore, memory: str, run: str) -> None:
        """Nothing is read yet."""
        self._vectors, self._memory, self._run = vectors, memory, run
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
        self._waiting.append(prepare(self._memory, self._run, bare))
        self._waiting_bytes += text_bytes(rollout)
        if len(self._waiting) >= ROLLOUTS_A_BATCH or self._waiting_bytes >= TEXT_BYTES_A_BATCH:
            self.finish()

    def finish(self) -> None:
        """Look at what is still waiting.

        Raises:
            InputError: if the memory holds another text at a rollout's place.
        """
        with self._vectors.transaction("accept.sql") as session:
            refuse_changed(self._waiting, known_hashes(session, self._memory, self._waiting))
        self._waiting.clear()
        self._waiting_bytes = 0


def ingest(
    stores: Stores,
    files: Sequence[InputFile],
    options: ReadOptions,
    memory: str,
    run: str,
    encoder: TextEncoder,
    *,
    labelled: frozenset[str] | None,
    progress: Progress,
    relink: bool = True,
    link_progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Accept and publish the good rows of `files`, then link if queries have arrived.

    Args:
        stores: both databases.
        files: inspected input files.
        options: how they are read.
        memory: where the rollouts go.
        run: which run made them.
        encoder: makes the embeddings that the files do not hold.
        labelled: texts of the queries whose rewards are stored; None: all rewards given are.
        progress: called with the rows of each batch once they are visible.
        relink: link all queries anew if some are new.
        link_progress: called with queries linked and their total.

    Raises:
        InputError: if a rollout is known with other content.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory is deleted meanwhile.
        QuarantineError: if publication to it is stopped.
    """
    report = IngestReport()
    encoder = remembering(encoder)
    rollouts = (row for row in RolloutReader(files, options) if isinstance(row, Rollout))
    write(
        stores,
        memory,
        run,
        batched(rollouts),
        encoder,
        labelled=labelled,
        report=report,
        progress=progress,
    )
    if relink and needs_link(stores, memory):
        report.edges = link(stores, memory, progress=link_progress)
    return report


def write(
    stores: Stores,
    memory: str,
    run: str,
    batches: Iterable[Sequence[Rollout]],
    encoder: TextEncoder,
    *,
    labelled: frozenset[str] | None,
    report: IngestReport,
    progress: Progress,
) -> None:
    """Accept and publish batch after batch: each is accepted while the one before is published.

    See `ingest` for the arguments, and `add` for what is raised.
    """
    catch_up(stores, memory)
    visible_next = 0
    with closing(BackgroundPublisher(stores, memory)) as publisher:
        for batch in batches:
            accept(stores, memory, run, batch, encoder, labelled=labelled, report=report)
            publisher.flush()
            if visible_next:
                progress(visible_next)
            publisher.wake()
            visible_next = len(batch)
        publisher.flush()
        if visible_next:
            progress(visible_next)


def add(
    stores: Stores,
    memory: str,
    run: str,
    rollouts: Sequence[Rollout],
    encoder: TextEncoder,
    *,
    labelled: frozenset[str] | None,
    report: IngestReport,
) -> None:
    """Accept and publish one batch of rollouts, and add to `report` what that did.

    Raises:
        InputError: if a rollout is known with other content.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory that `report` has counted for so far was deleted.
        QuarantineError: if publication to the memory is stopped.
    """
    catch_up(stores, memory)
    accepted = accept(stores, memory, run, rollouts, encoder, labelled=labelled, report=report)
    publish(stores, memory)
    if accepted.new_queries:
        keep_index(stores, memory)


def accept(
    stores: Stores,
    memory: str,
    run: str,
    rollouts: Sequence[Rollout],
    encoder: TextEncoder,
    *,
    labelled: frozenset[str] | None,
    report: IngestReport,
) -> Accepted:
    """The first half of `add`: durable in Postgres, not in Neo4j yet.

    A text that is stored with a rollout of the same query is not embedded again.
    """
    if labelled is not None:
        rollouts = [
            rollout if rollout.query in labelled else replace(rollout, reward=None)
            for rollout in rollouts
        ]
    prepared = [prepare(memory, run, rollout) for rollout in rollouts]

    encoder = remembering(encoder)

    def look() -> dict[str, str]:
        with stores.vectors.transaction("accept.sql") as session:
            known = known_hashes(session, memory, prepared)
            fresh = [item for item in prepared if item.id not in known]
            remember_stored(session, memory, fresh, encoder)
            return known

    known = retried(look)
    prepared = embedded([item for item in prepared if item.id not in known], encoder) + [
        item for item in prepared if item.id in known
    ]
    accepted = accept_rollouts(
        stores.vectors,
        memory,
        run,
        prepared,
        encoder=encoder.name,
        dimension=encoder.dimension,
        incarnation=report.incarnation,
    )
    report.incarnation = accepted.incarnation
    report.new += accepted.new
    report.existing += accepted.existing
    report.new_queries += accepted.new_queries
    report.labels += accepted.labels
    return accepted


def embedded(prepared: Sequence[PreparedRollout], encoder: TextEncoder) -> list[PreparedRollout]:
    """The same rollouts with the embeddings that they lack."""
    lacking = [item for item in prepared if item.rollout.query_embedding is None]
    texts = [
        text
        for item in lacking
        for text in (item.rollout.query, item.rollout.thinking, item.rollout.answer)
    ]
    made = encoder.encode(texts) if texts else ()
    given = [item for item in prepared if item.rollout.query_embedding is not None]
    return given + [
        replace(
            item,
            rollout=replace(
                item.rollout,
                encoder=encoder.name,
                query_embedding=made[3 * place],
                thinking_embedding=made[3 * place + 1],
                answer_embedding=made[3 * place + 2],
            ),
        )
        for place, item in enumerate(lacking)
    ]


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
