"""A row of an input file, before anyone knows whether it is a rollout, and its columns."""

import json
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from schema.errors import InputError, ShapeError
from schema.input_columns import INPUT_COLUMNS, TEXT_KINDS, InputKind, columns_of

#: Columns that hold text; one number or truth value; a list of numbers.
TEXT_COLUMNS: Final = columns_of(*TEXT_KINDS)
VECTOR_COLUMNS: Final = columns_of(InputKind.VECTOR)
NUMBER_COLUMNS: Final = columns_of(*(set(InputKind) - TEXT_KINDS - {InputKind.VECTOR}))
#: Columns of text whose owners may give numbers.
NUMBERED_COLUMNS: Final = columns_of(InputKind.NAME_OR_INTEGER)
KNOWN_COLUMNS: Final = frozenset(column.name for column in INPUT_COLUMNS)

#: Columns that other tools name so and that hold what the policy wrote.
REPLY_COLUMNS: Final = frozenset(
    (
        *("output", "outputs", "response", "responses", "generation", "generations"),
        *("prediction", "predictions", "model_output", "model_response", "generated_text"),
        *("resps", "filtered_resps", "completions", "output_response", "completion_text"),
        *("pred", "preds", "predicted", "predicted_answer", "pred_answer", "model_prediction"),
        *("model_answer", "model_reply", "model_completion", "model_generation", "llm_answer"),
        *("llm_output", "llm_response", "policy_output", "policy_response", "policy_answer"),
        *("reply", "replies", "assistant", "assistant_response", "response_text", "output_text"),
        *("raw_output", "raw_response", "generated", "generated_answer", "generated_response"),
        *("generated_code", "generated_solution", "candidate", "candidates", "samples", "sampled"),
        *("rollout_text", "messages", "conversation", "conversations", "trajectory"),
    )
)

#: Columns that other tools name so and that hold what is expected of it.
EXPECTED_COLUMNS: Final = frozenset(
    (
        *("answer", "target", "gold", "gts", "label", "solution", "reference", "expected"),
        *(
            "ground_truth",
            "expected_answer",
            "gold_answer",
            "reference_answer",
            "canonical_solution",
        ),
    )
)

EXCERPT_CHARACTERS: Final = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class RawRow:
    """Row `line` (counted from 1) of a file: its `values`, or the `fault` that hid them."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None
    #: The row as it is in a text file.
    raw: bytes | None = None

    @property
    def excerpt(self) -> str:
        """The row's first 200 characters, always valid Unicode; vectors of Parquet are left out."""
        if self.raw is not None:
            text = self.raw[: 4 * EXCERPT_CHARACTERS].decode(errors="backslashreplace").strip()
        else:
            shown = {
                name: value if isinstance(value, str | int | float) else repr(value)
                for name, value in self.values.items()
                if value is not None and name not in VECTOR_COLUMNS
            }
            cut = {
                name: value[:EXCERPT_CHARACTERS] if isinstance(value, str) else value
                for name, value in shown.items()
            }
            text = json.dumps(cut, ensure_ascii=False)
        return text.encode(errors="backslashreplace").decode()[:EXCERPT_CHARACTERS]


def ignored_columns(names: Set[str]) -> frozenset[str]:
    """Those of a row's columns that mean nothing to memreward."""
    return frozenset(names) - KNOWN_COLUMNS


def require_columns(names: set[str], where: Path, *, prefers: bool = False) -> None:
    """Check that `names` holds the columns that no file can do without.

    Args:
        names: the columns of a file.
        where: the file, for messages.
        prefers: it was said which of two columns the policy wrote.

    Raises:
        ShapeError: naming the missing ones and what was found.
        InputError: if a column next to `answer` is what policies write, so that `answer` may be
            the expected one.
    """
    replies = sorted(names & REPLY_COLUMNS)
    if "answer" in names and "completion" not in names and replies and not prefers:
        raise InputError(
            f"{where}: `answer` and `{replies[0]}` are given, and one of them may be the expected "
            f"answer: say what the policy wrote with --map completion={replies[0]}, or with "
            "--prefer answer"
        )
    missing = [name for name in ("query",) if name not in names]
    if not {"answer", "completion"} & names:
        missing.append("answer")
    if missing:
        found = ", ".join(sorted(names)) or "none"
        raise ShapeError(
            f"{where}: missing {' and '.join(f'`{name}`' for name in missing)} (found: {found}); "
            "rename the columns as docs/format.md says (`completion` may replace `answer`), or "
            "say where they are with --map, as in --map query=prompt,completion=output,"
            "reward=score, with [] after a list: completion=outputs[],reward=scores[]",
            where,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What is checked of the columns that a file has."""

    #: A mapping says where columns are: any are good.
    mapped: bool = False
    #: Columns that a mapping takes for what the policy wrote.
    replies: frozenset[str] = frozenset()
    #: It was said which of two columns the policy wrote.
    prefers: bool = False

    def ignored(self, names: set[str], where: Path) -> tuple[str, ...]:
        """Check columns; return those that mean nothing to memreward, sorted.

        Raises:
            InputError: see `require_columns`.
        """
        if self.mapped:
            self._check_replies(names, where)
            return ()
        require_columns(names, where, prefers=self.prefers)
        return tuple(sorted(names - KNOWN_COLUMNS))

    def _check_replies(self, names: set[str], where: Path) -> None:
        gold = sorted(self.replies & EXPECTED_COLUMNS)
        others = sorted((names & (REPLY_COLUMNS | {"completion"})) - self.replies)
        if gold and others and not self.prefers:
            raise InputError(
                f"{where}: `{gold[0]}` is mapped, and `{others[0]}` is given: one of them may be "
                f"the expected answer. Map completion={others[0]}, or say with --prefer answer "
                f"that the policy wrote `{gold[0]}`"
            )
