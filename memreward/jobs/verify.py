"""Verdicts on answers in files, without a memory and without servers."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from memreward.base import Bars
from memstore import replacing
from schema.answers import split_completion
from schema.errors import InputError
from schema.rollout import Rollout
from schema.task import Check
from schema.validation import check_text
from trainer.tasks import check_of, rows_of_file
from trainer.verifiers import Verifiers

#: Columns of Parquet files that are read and come back; of other files all do.
COLUMNS: Final = (
    *("query", "query_id", "thinking", "answer", "completion", "dataset", "domain"),
    *("gold", "tests", "entry_point"),
)
#: Answers that are verified between two steps of the progress.
_TOGETHER: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyRequest:
    """What is to be verified, and where the rows go; `out` None: to standard output."""

    files: tuple[Path, ...]
    run_code: bool = False
    out: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """One row of an input: its values, the answer as a rollout, and how it is checked."""

    values: dict[str, Any]
    rollout: Rollout
    check: Check


def verify_files(request: VerifyRequest, progress: Bars) -> None:
    """Write each row with `reward` (1, 0 or null) and `reason`, one JSON line each, in order.

    Raises:
        InputError: if a file or a row cannot be used; nothing has been written then.
        SettingsError: if answers cannot be confined on this system.
    """
    _check_out(request)
    answers = read_answers(request.files)
    with Verifiers(run_code=request.run_code) as verifiers:
        verifiers.require_allowed(one.check for one in answers)
        rows = verified(verifiers, answers, progress)
        if request.out is None:
            for row in rows:
                sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
            return
        with replacing(request.out) as unfinished, unfinished.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_answers(files: Sequence[Path]) -> list[Answered]:
    """The rows of all files, in their order.

    Raises:
        InputError: if a file or a row cannot be used; the message names file and line.
    """
    found: list[Answered] = []
    for path in files:
        for line, values in rows_of_file(path, COLUMNS):
            try:
                found.append(_answered(values, len(found)))
            except InputError as error:
                raise InputError(f"{path}:{line}: {error}") from error
    if not found:
        raise InputError("the files hold no rows: give rows with query, answer and gold")
    return found


def verified(
    verifiers: Verifiers, answers: Sequence[Answered], progress: Bars
) -> Iterator[dict[str, Any]]:
    """Each row with its verdict, in order."""
    progress("verified", 0, len(answers))
    for start in range(0, len(answers), _TOGETHER):
        some = answers[start : start + _TOGETHER]
        verdicts = verifiers.verify([(one.rollout, one.check) for one in some])
        for one, verdict in zip(some, verdicts, strict=True):
            reward = None if verdict.reward is None else int(verdict.reward)
            yield {**one.values, "reward": reward, "reason": verdict.reason}
        progress("verified", start + len(some), len(answers))


def _check_out(request: VerifyRequest) -> None:
    out = request.out
    if out is None:
        return
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise InputError(f"--out {out}: give a file in a folder that is there")
    if any(out.resolve() == path.resolve() for path in request.files):
        raise InputError(f"--out {out} is an input: give another file")


def _answered(row: dict[str, Any], place: int) -> Answered:
    values = {name: value for name, value in row.items() if value is not None}
    given = [name for name in ("answer", "completion") if name in values]
    if len(given) != 1:
        raise InputError("a row needs either `answer` or `completion`, one of the two")
    if "query" not in values:
        raise InputError("`query` is missing: give the text that was asked")
    dataset, thinking = values.get("dataset", "default"), values.get("thinking", "")
    answer = values[given[0]]
    for text, name in (
        (values["query"], "query"),
        (answer, given[0]),
        (thinking, "thinking"),
        (dataset, "dataset"),
    ):
        check_text(text, name)
    if given == ["completion"]:
        said = split_completion(answer)
        thinking, answer = said.thinking, said.answer
    check = check_of(values["query"], dataset, values)
    if check is None:
        raise InputError("nothing says what is right: give `gold` or `tests`")
    rollout = Rollout(
        query=values["query"],
        thinking=thinking,
        answer=answer,
        source_query_id=str(place),
        place=0,
    )
    return Answered(values=row, rollout=rollout, check=check)
