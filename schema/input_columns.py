"""Columns of the input format (docs/format.md), each with the field of a rollout that it fills.

Readers of files, the forms of the HTTP service, the checks of names and numbers, and the way back
from a rollout to a row derive from this one list.
"""

from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Final

from schema.rollout import POLICY_SIGNALS


class InputKind(StrEnum):
    """What a column holds, and so how it is converted and checked."""

    #: Text of the rollout, of up to a MiB.
    TEXT = "text"
    #: A short text; or, where owners number things, an integer that is taken as text.
    NAME = "name"
    NAME_OR_INTEGER = "name or integer"
    INTEGER = "integer"
    #: True or false, or 1 or 0.
    TRUTH = "truth"
    #: A number in [0, 1], or a truth value.
    REWARD = "reward"
    NUMBER = "number"
    VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class InputColumn:
    """One column of the input format."""

    name: str
    kind: InputKind
    #: What the service's document says of it.
    description: str | None = None
    _: KW_ONLY
    #: Field of `schema.rollout.Rollout`, if it is not the column's name; "" for none of its own.
    named: str | None = None

    @property
    def field(self) -> str | None:
        """Field of a rollout that it fills by itself; None: with others."""
        return (self.name if self.named is None else self.named) or None


_TEXT, _NAME, _NAME_OR_INTEGER, _INTEGER, _TRUTH, _REWARD, _NUMBER, _VECTOR = InputKind

#: A column of the rollout's own needs an entry here, and a field of `schema.rollout.Rollout`.
INPUT_COLUMNS: Final[tuple[InputColumn, ...]] = (
    InputColumn("query", _TEXT, "What the policy was asked."),
    InputColumn("answer", _TEXT, "The final part of what it wrote."),
    InputColumn("thinking", _TEXT, "The part before."),
    InputColumn(
        "completion",
        _TEXT,
        "Both in one piece, to be divided; needed where there is no `answer`.",
        named="",
    ),
    InputColumn("answer_given", _TRUTH, "Whether it was marked as the answer; else found out."),
    InputColumn(
        "query_id",
        _NAME_OR_INTEGER,
        "Your id of the query; else its hash.",
        named="source_query_id",
    ),
    InputColumn(
        "rollout",
        _INTEGER,
        "Place within (query_id, step). With it, a request that is repeated stores nothing twice; "
        "without it the service counts.",
        named="place",
    ),
    InputColumn("step", _INTEGER, "RL step; 0 if not given."),
    InputColumn("dataset", _NAME),
    InputColumn("domain", _NAME),
    InputColumn("policy", _NAME),
    InputColumn("checkpoint", _NAME),
    InputColumn("reward", _REWARD, "Verified reward in [0, 1]."),
    InputColumn("completion_tokens", _INTEGER),
    InputColumn("truncated", _TRUTH),
    InputColumn("finish_reason", _NAME, 'Why the engine ended it, such as "stop" or "length".'),
    *(InputColumn(name, _NUMBER, named="") for name in POLICY_SIGNALS),
    InputColumn("policy_embedding", _VECTOR),
    InputColumn("policy_layer", _NAME_OR_INTEGER),
    InputColumn("query_embedding", _VECTOR),
    InputColumn("thinking_embedding", _VECTOR),
    InputColumn("answer_embedding", _VECTOR),
    InputColumn("encoder", _NAME),
)
#: Kinds whose values are text, or a list of numbers; all others are one number.
TEXT_KINDS: Final = frozenset((_TEXT, _NAME, _NAME_OR_INTEGER))


def columns_of(*kinds: InputKind) -> tuple[str, ...]:
    """Names of the columns of some kinds."""
    return tuple(column.name for column in INPUT_COLUMNS if column.kind in kinds)
