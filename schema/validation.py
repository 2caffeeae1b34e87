"""The one validator of rollouts, for both stores: what passes here, both can hold.

Neo4j takes NUL and NaN where Postgres does not, Postgres takes zero vectors whose cosine is NaN:
so neither database is asked, and every rollout passes here before anything is written.
"""

import math
from collections.abc import Callable
from dataclasses import fields
from typing import Final

import numpy as np

from schema.errors import InputError
from schema.input_columns import INPUT_COLUMNS, InputKind
from schema.rollout import POLICY_SIGNALS, Rollout

#: Largest query, thinking or answer, in bytes of UTF-8.
MAX_TEXT_BYTES: Final = 1 << 20
#: Largest name (query id, dataset, domain, policy, checkpoint, layer, encoder), in bytes of UTF-8.
MAX_NAME_BYTES: Final = 512
#: Steps, places and token counts are 32-bit integers in Postgres.
MAX_INTEGER: Final = 2**31 - 1
#: Most dimensions that a `vector` of pgvector can have.
MAX_POLICY_DIMENSION: Final = 16_000
#: Norms within which squares and dot products stay in the range of float32.
MIN_NORM: Final = 1e-6
MAX_NORM: Final = 1e9

#: Largest statistic of a policy, either way: float32's range.
MAX_SIGNAL: Final = float(np.finfo(np.float32).max)

TEXT_EMBEDDINGS: Final[tuple[str, ...]] = (
    "query_embedding",
    "thinking_embedding",
    "answer_embedding",
)


#: Fields that need not be given.
_OPTIONAL: Final = frozenset(field.name for field in fields(Rollout) if field.default is None)


def check_rollout(rollout: Rollout, dimension: int) -> None:
    """Check that both stores can hold `rollout`, whose text embeddings have `dimension` numbers.

    The answer may be empty only where the thinking is not: a completion that was cut off before
    it reached an answer is a rollout, a completion of nothing is not.

    Raises:
        InputError: naming the field, what is wrong with it and what to do.
    """
    check_text(rollout.query, "query")
    if not rollout.query.strip():
        raise InputError("`query` is empty: give the text that the policy was asked")
    check_text(rollout.thinking, "thinking")
    check_text(rollout.answer, "answer")
    if not rollout.answer.strip() and not rollout.thinking.strip():
        raise InputError("`answer` is empty and so is `thinking`: leave out a rollout of no text")
    for check, field, name in _COLUMN_CHECKS:
        value = getattr(rollout, field)
        if value is not None or field not in _OPTIONAL:
            check(value, name)
    _check_policy(rollout)
    _check_text_embeddings(rollout, dimension)


def check_text(value: object, field: str, max_bytes: int = MAX_TEXT_BYTES) -> None:
    """Check that `value` is text which UTF-8 can hold, without NUL, of at most `max_bytes`.

    Raises:
        InputError: otherwise.
    """
    if isinstance(value, bytes):
        raise InputError(f"`{field}` holds bytes that are not UTF-8: convert the text to UTF-8")
    if not isinstance(value, str):
        raise InputError(f"`{field}` is {_shown(value)}: give text")
    if "\x00" in value:
        position = value.index("\x00")
        raise InputError(f"`{field}` holds a NUL at character {position}: remove it")
    try:
        size = len(value) if value.isascii() else len(value.encode())
    except UnicodeEncodeError as error:
        raise InputError(
            f"`{field}` holds half of a surrogate pair at character {error.start}: "
            "write the text as valid Unicode"
        ) from error
    if size > max_bytes:
        raise InputError(
            f"`{field}` has {size:,} bytes, at most {max_bytes:,} are stored: shorten it"
        )


def check_integer(value: object, field: str) -> None:
    """Check that `value` is a whole number in [0, 2**31).

    Raises:
        InputError: otherwise.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise InputError(f"`{field}` is {_shown(value)}: give a whole number")
    if not 0 <= int(value) <= MAX_INTEGER:
        raise InputError(f"`{field}` is {_shown(value)}: give a number from 0 to {MAX_INTEGER}")


def check_reward(value: object) -> None:
    """Check that `value` is a finite number in [0, 1].

    Raises:
        InputError: otherwise.
    """
    if not _is_within(value, 0.0, 1.0):
        raise InputError(
            f"`reward` is {_shown(value)}: give a finite number in [0, 1], "
            "or leave it out where nothing was verified"
        )


def check_vector(value: object, field: str, dimension: int | None = None) -> None:
    """Check that `value` is a finite, non-zero float32 vector, of `dimension` where one is given.

    Raises:
        InputError: otherwise.
    """
    if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype != np.float32:
        raise InputError(f"`{field}` is {_shown(value)}: give a list of numbers")
    if dimension is not None and value.shape[0] != dimension:
        raise InputError(
            f"`{field}` has {value.shape[0]} numbers, {dimension} are expected: "
            "use the memory's encoder, or leave the three text embeddings out to have them computed"
        )
    with np.errstate(all="ignore"):
        if 1e-6 < float(np.dot(value, value)) < 1e6:
            return  # Nearly always so; all else is looked at closely.
        wide = value.astype(np.float64)
        norm = math.sqrt(float(np.dot(wide, wide)))
    if not math.isfinite(norm):
        raise InputError(f"`{field}` holds NaN or infinity: compute it again")
    if not MIN_NORM <= norm <= MAX_NORM:
        raise InputError(
            f"`{field}` has length {norm:.3g}, which gives no usable cosine: "
            f"its length must lie between {MIN_NORM:g} and {MAX_NORM:g}"
        )


def _check_name(value: object, field: str) -> None:
    check_text(value, field, MAX_NAME_BYTES)
    if isinstance(value, str) and not value.strip():
        raise InputError(f"`{field}` is empty: name it, or leave it out")


def _check_truth(value: object, field: str) -> None:
    if not isinstance(value, bool):
        raise InputError(f"`{field}` is {_shown(value)}: give true or false")


def _check_reward(value: object, field: str) -> None:
    check_reward(value)


#: Checks of what one column fills, by its kind; others are checked together.
_CHECKS: Final[dict[InputKind, Callable[[object, str], None]]] = {
    InputKind.NAME: _check_name,
    InputKind.NAME_OR_INTEGER: _check_name,
    InputKind.INTEGER: check_integer,
    InputKind.TRUTH: _check_truth,
    InputKind.REWARD: _check_reward,
}
#: A check, the field of a rollout that it is of, and the column that is named if it fails.
_COLUMN_CHECKS: Final = tuple(
    (_CHECKS[column.kind], column.field, column.name)
    for column in INPUT_COLUMNS
    if column.field is not None and column.kind in _CHECKS
)


def _check_policy(rollout: Rollout) -> None:
    signals = rollout.policy_signals
    if signals is not None:
        if len(signals) != len(POLICY_SIGNALS):
            raise InputError(
                f"{len(signals)} log-probability statistics are given: "
                f"give all of {', '.join(POLICY_SIGNALS)}, or none"
            )
        for field, value in zip(POLICY_SIGNALS, signals, strict=True):
            if not _is_within(value, -MAX_SIGNAL, MAX_SIGNAL):
                raise InputError(f"`{field}` is {_shown(value)}: give a finite number")
    embedding = rollout.policy_embedding
    if embedding is None:
        return
    check_vector(embedding, "policy_embedding")
    if embedding.shape[0] > MAX_POLICY_DIMENSION:
        raise InputError(
            f"`policy_embedding` has {embedding.shape[0]} numbers, "
            f"at most {MAX_POLICY_DIMENSION} can be stored: reduce it, by PCA for example"
        )


def _check_text_embeddings(rollout: Rollout, dimension: int) -> None:
    vectors = {field: getattr(rollout, field) for field in TEXT_EMBEDDINGS}
    given = [field for field, vector in vectors.items() if vector is not None]
    if not given:
        return
    if len(given) < len(TEXT_EMBEDDINGS):
        raise InputError(
            f"only {', '.join(f'`{field}`' for field in given)} given: "
            "give all three text embeddings, or none to have them computed"
        )
    if rollout.encoder is None:
        raise InputError("text embeddings are given without `encoder`: name what made them")
    for field, vector in vectors.items():
        check_vector(vector, field, dimension)


def _is_within(value: object, low: float, high: float) -> bool:
    """Whether `value` is a number (a truth value is none) from `low` to `high`; NaN never is."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return bool(low <= value <= high)


def _shown(value: object) -> str:
    """`value` for a message: short and on one line, or its type where that is the fault."""
    if isinstance(value, str):
        return f"the text {value[:40]!a}"
    if value is None or isinstance(value, bool | int | float | np.number):
        text = str(value)
        return text if len(text) <= 40 else text[:40] + "..."
    return f"a value of type {type(value).__name__}"
