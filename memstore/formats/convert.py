"""Values of a row become fields of a rollout.

Only harmless differences between writers are levelled here (3.0 for 3, true for 1, an integer as
query id). Whatever else does not fit is handed on as it is, for the validator to refuse.
"""

from typing import Any

import numpy as np

from schema.answers import SplitCompletion, split_completion, without_next_turn
from schema.errors import InputError
from schema.ids import digest
from schema.input_columns import InputColumn, InputKind
from schema.messages import reply_of
from schema.rollout import POLICY_SIGNALS, Vector
from schema.validation import MAX_TEXT_BYTES, check_text
from schema.values import tagged, without_end_tokens


def source_query_id(values: dict[str, Any]) -> Any:
    """The row's `query_id`; without one, a hash of the query's text, the same in every memory."""
    if "query_id" not in values:
        return digest("source", values["query"])
    given = values["query_id"]
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def whole(value: Any) -> Any:
    """3 for 3.0, which is how many writers store integers in columns with missing values."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def texts(values: dict[str, Any], prefer: str | None = None) -> dict[str, Any]:
    """`thinking`, `answer` and `answer_given`; split from `completion` where `answer` is missing.

    Args:
        values: the row.
        prefer: `answer` or `completion`, where both are given.

    Raises:
        InputError: if neither `answer` nor `completion` is given, or both and nothing is
            preferred, or the latter is no usable text.
    """
    if {"answer", "completion"} <= values.keys() and prefer is None:
        raise InputError(
            "both `answer` and `completion` are given: leave out what the policy did not write, "
            "or say which one it wrote (`memreward ingest --prefer completion`, or `answer`)"
        )
    if "answer" in values and not ("completion" in values and prefer == "completion"):
        return _apart(values.get("thinking", ""), values["answer"])
    if "completion" not in values:
        raise InputError("`answer` is missing: give it, or a `completion` to be split")
    completion = values["completion"]
    if isinstance(completion, list):
        if "thinking" in values:
            raise InputError(
                "`thinking` is given, and messages in `completion` hold their own: leave one out"
            )
        return _fields(reply_of(completion).split())
    check_text(completion, "completion", 2 * MAX_TEXT_BYTES)
    said = split_completion(completion)
    if "thinking" not in values:
        return _fields(said)
    apart = _apart(values["thinking"], completion)
    # Where nothing was thought apart, only a mark tells an answer from the rest.
    return {**apart, "answer_given": said.answer_given} if _is_blank(apart["thinking"]) else apart


def _fields(said: SplitCompletion) -> dict[str, Any]:
    return {"thinking": said.thinking, "answer": said.answer, "answer_given": said.answer_given}


def _apart(thinking: Any, answer: Any) -> dict[str, Any]:
    """An answer that came apart from the thinking: it is given, unless it is empty.

    End tokens of a chat template are dropped with the turns after them, and tags around all of it.
    """
    answer = without_next_turn(answer) if isinstance(answer, str) else answer
    if isinstance(answer, str) and answer.rstrip()[-1:] in (">", "]"):
        answer = without_end_tokens(answer)
        answer = tagged(answer) if answer.lstrip().lower().startswith("<answer>") else answer
    return {"thinking": thinking, "answer": answer, "answer_given": not _is_blank(answer)}


def _is_blank(text: Any) -> bool:
    return isinstance(text, str) and not text.strip()


def policy_signals(values: dict[str, Any]) -> dict[str, Any]:
    """The policy's six statistics, if they are given.

    Raises:
        InputError: if some, but not all of them are.
    """
    missing = [name for name in POLICY_SIGNALS if name not in values]
    if not missing:
        return {"policy_signals": tuple(values[name] for name in POLICY_SIGNALS)}
    if len(missing) < len(POLICY_SIGNALS):
        raise InputError(
            f"{', '.join(f'`{name}`' for name in missing)} missing, other log-probability "
            "statistics are given: give all six, or none"
        )
    return {}


def converted(column: InputColumn, value: Any) -> Any:
    """What a column of one value holds, as the rollout's field has it.

    Raises:
        InputError: if it should be a list of numbers and is not.
    """
    match column.kind:
        case InputKind.INTEGER:
            return whole(value)
        case InputKind.TRUTH:
            bit = whole(value)
            return bool(bit) if isinstance(bit, int) and bit in (0, 1) else bit
        case InputKind.REWARD:
            return float(value) if isinstance(value, bool) else value
        case InputKind.NAME_OR_INTEGER:
            number = whole(value)
            is_number = isinstance(number, int) and not isinstance(number, bool)
            return str(number) if is_number else number
        case InputKind.VECTOR:
            return vector(value, column.name)
        case _:
            return value


def vector(value: Any, field: str) -> Vector:
    """`value`, a list of D numbers, as float32 [D].

    Raises:
        InputError: if it is anything else; what the numbers are is left to the validator.
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        array = np.asarray(value if isinstance(value, list) else None)
    except ValueError:  # lists of different lengths inside
        array = np.asarray(None)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        raise InputError(f"`{field}` is not a list of numbers: give one, or leave it out")
    with np.errstate(over="ignore"):  # becomes infinity, which the validator refuses
        return array.astype(np.float32)
