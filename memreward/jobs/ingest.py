"""Ingest as a job: look at everything first, choose what is labelled, then write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from memreward.base import one_line
from memstore.changes import BatchWriter, IngestReport, InputCheck, ingest, store_preferences
from memstore.encoders import DEFAULT_ENCODER, TextEncoder
from memstore.formats import (
    ReadOptions,
    RolloutReader,
    RowSource,
    Survey,
    check_rejects_path,
    inspect_files,
    read_options,
    survey_rollouts,
)
from memstore.mapping import ShapeOptions
from schema.ids import checked_name
from trainer import choose_labelled_queries

#: Called with what is done, how much of it, and of how much, as far as that is known.
Told = Callable[[str, int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class IngestRequest:
    """What `memreward ingest` was asked for."""

    files: Sequence[Path]
    memory: str
    run: str
    policy: str | None = None
    #: Share in [0, 1] of each dataset's queries whose rewards are stored; None: all given are.
    labels: float | None = None
    label_seed: int = 0
    file_encoder: str = DEFAULT_ENCODER
    #: A new file for rejected rows; None: they are shown only.
    rejects: Path | None = None
    skip_rejected: bool = False
    #: Which of `answer` and `completion` counts where a row has both.
    prefer: Literal["answer", "completion"] | None = None
    #: How other tools' files are read.
    shape: ShapeOptions = field(default_factory=ShapeOptions)
    #: The file of prompts that belongs to files which have none.
    prompts: Path | None = None
    #: Link all queries again if some are new; otherwise new queries are linked on arrival only.
    relink: bool = True

    def options(self, encoder: TextEncoder | None = None) -> ReadOptions:
        """How its files are read: by the memory's encoder, or by the default one."""
        stamp = {} if encoder is None else {"encoder": encoder.name, "dimension": encoder.dimension}
        return read_options(
            self.shape,
            self.prompts,
            policy=self.policy,
            file_encoder=self.file_encoder,
            prefer=self.prefer,
            **stamp,
        )


@dataclass(frozen=True, kw_only=True)
class IngestOutcome:
    """What came of it."""

    survey: Survey
    report: IngestReport
    #: Preferences that are new.
    preferences: int = 0

    def lines(self) -> list[str]:
        """The report, a line a fact."""
        report, survey = self.report, self.survey
        lines = [
            f"{report.new} new, {report.existing} existing, {survey.rejected} rejected rollouts; "
            f"{report.new_queries} new queries, {report.labels} verified rewards stored"
        ]
        if self.preferences:
            lines.append(f"{self.preferences} preferences stored")
        if report.edges:
            lines.append(f"{report.edges} SIMILAR_TO edges")
        if survey.repeated:
            lines.append(f"{survey.repeated} rows repeat an earlier one")
        if survey.foreign_embeddings:
            lines.append(
                f"{survey.foreign_embeddings} rows carried embeddings of another encoder: computed"
            )
        lines += cleaning_lines(survey.cleaned, survey.left_out, survey.untidy_queries)
        if survey.ignored_columns:
            names = ", ".join(map(one_line, survey.ignored_columns))
            lines.append(f"columns not used: {names}")
        if survey.rejects.path is not None and survey.rejected:
            lines.append(f"rejected rows: {survey.rejects.path}")
        return lines


def cleaning_lines(cleaned: Mapping[str, int], left_out: int, untidy: int = 0) -> list[str]:
    """What was taken off texts, what was not, and how many rows were not used."""
    lines = []
    if any(cleaned.values()):
        shown = ", ".join(f"{what} {count}" for what, count in sorted(cleaned.items()) if count)
        lines.append(f"taken off texts: {shown}")
    if left_out:
        lines.append(f"{left_out} rows left out by --where")
    if untidy:
        lines.append(
            f"{untidy} rows have a query with a chat template, with blanks at its ends, or not in "
            "NFC: it is kept as it is, and the same question from another tool's file is another "
            "query; with --map query=query they are one"
        )
    return lines


def ingest_files(writer: BatchWriter, request: IngestRequest, progress: Told) -> IngestOutcome:
    """Check all files, then write their good rows, by the writer of the request's memory and run.

    Raises:
        InputError: if a file or, unless `skip_rejected`, a row cannot be used; nothing is written.
        EncoderMismatchError: if the memory is stamped with another encoder.
        UnknownMemoryError: if the memory is deleted in between.
    """
    checked_name(request.memory, "memory")
    checked_name(request.run, "run")
    if request.rejects is not None:
        check_rejects_path(request.rejects, request.files)
    options = request.options(writer.encoder)
    files = inspect_files(request.files, options)
    survey, labelled = _look(writer, request, files, options, progress)
    done = 0

    def ingested(rows: int) -> None:
        nonlocal done
        done += rows
        progress("ingest rollouts", done, survey.good)

    report = ingest(
        files,
        options,
        writer,
        labelled=labelled,
        checked=survey.marks,
        progress=ingested,
        relink=request.relink,
        link_progress=partial(progress, "link queries"),
    )
    stored = _store_preferences(writer, request, files, options)
    return IngestOutcome(survey=survey, report=report, preferences=stored)


def _store_preferences(
    writer: BatchWriter, request: IngestRequest, files: Sequence[RowSource], options: ReadOptions
) -> int:
    """Store the preferences that the files hold; return how many are new."""
    if options.mapping is None or not options.mapping.is_preference:
        return 0
    reader = RolloutReader(files, options)
    return store_preferences(reader, writer, request.shape.format or "file")


def _look(
    writer: BatchWriter,
    request: IngestRequest,
    files: Sequence[RowSource],
    options: ReadOptions,
    progress: Told,
) -> tuple[Survey, frozenset[str] | None]:
    """A first pass that writes nothing; also the texts of the queries to be labelled."""
    check = InputCheck(writer)
    counts = [file.n_rows for file in files]
    total = None if None in counts else sum(count or 0 for count in counts)
    survey = survey_rollouts(
        RolloutReader(files, options),
        request.rejects,
        lambda done: progress("check rows", done, total),
        check,
    )
    check.finish()
    if not request.skip_rejected:
        survey.rejects.refuse()
    if request.labels is None:
        return survey, None
    if request.labels == 0.0:
        return survey, frozenset()
    return survey, choose_labelled_queries(
        check.dataset_of.items(), request.labels, request.label_seed
    )
