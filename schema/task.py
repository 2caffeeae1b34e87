"""A task: a query that a policy is asked, and what a verifier needs to check an answer to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

#: A prompt or completion: text, or messages with a role and content.
Text = str | Sequence[Mapping[str, Any]]


class VerifierKind(StrEnum):
    """How an answer is checked."""

    #: A number or expression, equal to the expected one.
    MATH = "math"
    #: The letter of one of the options that the query lists.
    OPTIONS = "options"
    #: A program, by its tests.
    CODE = "code"
    #: A task of reasoning-gym, by its own scorer.
    GYM = "gym"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What a verifier is given besides the answer; texts only, so that it travels as JSON."""

    kind: VerifierKind
    #: The expected answer; for code: unused.
    gold: str = ""
    #: Code: Python statements, unittest, pytest, doctest, or JSON of inputs and outputs.
    tests: str = ""
    #: Code: the function that `check(candidate)` of the tests is given, where they need it.
    entry_point: str = ""
    #: reasoning-gym: name of the task family, and (if the entry can be made again) its settings as
    #: JSON, seed and index.
    family: str = ""
    settings: str = ""
    seed: int = 0
    index: int = -1

    def to_row(self) -> dict[str, Any]:
        """As values that JSON, Parquet and a trainer's data set can hold."""
        return {**asdict(self), "kind": self.kind.value}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Check":
        """The check of `to_row`."""
        return cls(**{**row, "kind": VerifierKind(row["kind"])})


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One query with its place in a data set, how it is put to a policy and how it is checked."""

    #: What the memory knows as the query.
    query: str
    source_query_id: str
    dataset: str
    domain: str
    #: A solved example that is put before the query: (query, answer).
    example: tuple[str, str] | None = None
    #: Added to query and example in the prompt.
    instruction: str = ""
    #: None: nothing can verify an answer.
    check: Check | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """The prompt as a conversation of `role` and `content`."""
        turns: list[dict[str, str]] = []
        if self.example is not None:
            question, answer = self.example
            turns.append({"role": "user", "content": question + self.instruction})
            turns.append({"role": "assistant", "content": answer})
        turns.append({"role": "user", "content": self.query + self.instruction})
        return turns
