"""A mapping: where the columns of the input format are found in a row of another tool."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

from memstore.mapping.cleaning import Cleaned, cleaned_completion, cleaned_query, count_tails
from memstore.mapping.reward_choice import RewardChoice
from memstore.mapping.value_path import MISSING, Source
from schema.errors import InputError
from schema.input_columns import INPUT_COLUMNS, InputKind, columns_of
from schema.messages import chat_messages, prompt_and_reply, templated_prompt

#: Prompt and completion in one: a list of messages.
CONVERSATION: Final = "conversation"
#: What the policy wrote, in one of several columns.
TEXTS: Final = ("answer", "completion", "thinking", CONVERSATION)
TARGETS: Final = frozenset((*(column.name for column in INPUT_COLUMNS), CONVERSATION))
_NUMBERS: Final = frozenset(columns_of(InputKind.INTEGER, InputKind.NUMBER))
#: Under this name a row has the row of the prompts' file that belongs to it.
PROMPTS: Final = "prompts"

Columns = Mapping[str, Source]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowMapping:
    """How a row becomes the rows of one rollout each."""

    columns: Columns
    #: Each row gives a rollout a variant: columns that differ from `columns`.
    variants: tuple[Columns, ...] = ({},)
    #: The first variant is preferred to the second.
    is_preference: bool = False
    #: Where there are several values that may be the reward.
    choice: RewardChoice | None = None
    #: Only rows with these values are used.
    where: tuple[tuple[Source, str], ...] = ()
    #: Lists, and how many elements they may have, since one reward is for all.
    most: tuple[tuple[Source, int], ...] = ()
    #: A list of nodes, each with its `parent`, which must be the one before: no branches.
    chain: Source | None = None
    #: What has one value in all rows that are used, since rows are there once for each.
    single: Source | None = None
    #: Those of `columns` that were given with the command.
    given: Columns = field(default_factory=dict)
    #: The preset that it is of, if nothing of it was replaced.
    format: str | None = None
    #: Columns that the name of a file gives, as named groups.
    file_name: re.Pattern[str] | None = None
    #: Prompts were decoded without the special tokens of their chat template.
    bare_templates: bool = False
    #: Columns with names of the input format that are not mapped are read as they are.
    passes: bool = False
    #: Rows of the prompts' file by what `key` leads to; see `PROMPTS`.
    key: Source | None = None
    prompts: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, row: Mapping[str, Any], cleaned: Cleaned) -> Iterator[dict[str, Any]]:
        """Yield the rows of the input format that a row holds; none, if `where` leaves it out.

        Args:
            row: as the file has it.
            cleaned: counts what is taken off the texts.

        Raises:
            InputError: if lists differ in length, a prompt is unknown, or a text cannot be read.
        """
        if not all(_same(source.of(row), value) for source, value in self.where):
            return
        row = self._with_prompt(row)
        self._check_lists(row)
        variants = [{**self.columns, **variant} for variant in self.variants]
        found = (self._exploded(row, columns, cleaned) for columns in variants)
        yield from _of_one_query(found) if self.is_preference else chain.from_iterable(found)

    def of_file(self, path: Path) -> dict[str, Any]:
        """Columns that the name of a file, or of its folders, gives."""
        found = self.file_name.search(path.as_posix()) if self.file_name else None
        if found is None:
            return {}
        given = {name: text for name, text in found.groupdict().items() if text is not None}
        return {n: _number(v) if n in _NUMBERS else v for n, v in given.items()}

    def _check_lists(self, row: Mapping[str, Any]) -> None:
        for source, most in self.most:
            found = source.of(row)
            if isinstance(found, list) and len(found) > most:
                raise InputError(
                    f"`{source.text}` has {len(found)} elements, {most} are expected, and there is "
                    "one reward for all: map what you mean with --map completion=... (and reward=)"
                )
        nodes = self.chain.of(row) if self.chain is not None else None
        if isinstance(nodes, list):
            parents = [node.get("parent") for node in nodes]
            if parents != [None, *range(len(nodes) - 1)][: len(nodes)]:
                raise InputError(
                    "the trace has several branches, and one reward for all: leave the row out, or "
                    "give each branch a row"
                )

    def _exploded(
        self, row: Mapping[str, Any], columns: Columns, cleaned: Cleaned
    ) -> Iterator[dict[str, Any]]:
        plain = {name: source.of(row) for name, source in columns.items() if not source.is_each}
        lists = {name: source.of(row) for name, source in columns.items() if source.is_each}
        lists = {name: value for name, value in lists.items() if value not in (MISSING, None)}
        if "reward" not in columns and self.choice is not None:
            plain["reward"] = self.choice.of(row)
        if self.passes:
            plain = {**self._passed(row, columns), **plain}
        if not any(source.is_each for source in columns.values()):
            yield self._row(plain, cleaned)
            return
        lengths = {name: len(value) for name, value in lists.items() if isinstance(value, list)}
        if len(set(lengths.values())) != 1 or len(lengths) < len(lists):
            shown = ", ".join(
                f"`{columns[name].text}` {length}" for name, length in lengths.items()
            )
            raise InputError(
                f"lists that belong together differ in length ({shown or 'none is a list'}): "
                "mend the row, or map the right ones"
            )
        (length,) = set(lengths.values())
        if not length:
            raise InputError("its lists are empty: leave the row out")
        reward = columns.get("reward")
        if length > 1 and reward is not None and reward.paths and not reward.is_each:
            raise InputError(
                f"`{reward.text}` is one reward, and there are {length} replies: map the list that "
                "has one each (with `[]` after its name), or none with reward="
            )
        for place in range(length):
            yield self._row({**plain, **{n: v[place] for n, v in lists.items()}}, cleaned)

    def _passed(self, row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
        """The row's own columns that nothing is mapped to."""
        taken = set(columns)
        if taken & set(TEXTS):
            taken |= {*TEXTS, "answer_given"}
        return {n: v for n, v in row.items() if n in TARGETS and n not in taken}

    def _row(self, found: dict[str, Any], cleaned: Cleaned) -> dict[str, Any]:
        values = {n: v for n, v in found.items() if v is not MISSING and v is not None}
        if CONVERSATION in values:
            turns = chat_messages(values.pop(CONVERSATION))
            if turns is None:
                raise InputError("the conversation is no list of messages: map another column")
            values["query"], values["completion"] = prompt_and_reply(turns)
        elif "completion" in values:
            values |= _with_prompt_apart(values)
        for name in _NUMBERS & values.keys():
            values[name] = _number(values[name])
        begun = ""
        if "query" in values:
            values["query"], begun = cleaned_query(
                values["query"], cleaned, bare=self.bare_templates
            )
        if "completion" in values:
            values["completion"] = cleaned_completion(values["completion"], begun, cleaned)
        if isinstance(values.get("answer"), str):
            count_tails(values["answer"], cleaned)
        return values

    def _with_prompt(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.key is None:
            return row
        key = self.key.of(row)
        if key is MISSING or str(key) not in self.prompts:
            raise InputError(
                f"`{self.key.text}` is {'missing' if key is MISSING else repr(key)}: no row of "
                "the file of prompts has it; name the right file with --prompts"
            )
        return {**row, PROMPTS: self.prompts[str(key)]}

    @property
    def replies(self) -> frozenset[str]:
        """Columns that are taken for what the policy wrote."""
        columns = [self.columns, *self.variants]
        names = ("answer", "completion")
        sources = [said[name] for said in columns for name in names if name in said]
        return frozenset(path.root for source in sources for path in source.paths)

    @property
    def roots(self) -> frozenset[str] | None:
        """Columns that are read, as paths begin; None: all, since names are looked up."""
        if self.choice is not None or self.passes:
            return None
        sources: Sequence[Source] = [
            *self.columns.values(),
            *(source for variant in self.variants for source in variant.values()),
            *(source for source, _ in self.where),
            *(source for source, _ in self.most),
            *([self.chain] if self.chain else []),
            *([self.key] if self.key else []),
        ]
        paths = [path for source in sources for path in source.paths]
        return frozenset((*(path.root for path in paths), *(path.text for path in paths)))


def _of_one_query(found: Iterator[Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The rows of a preference.

    Raises:
        InputError: if they answer different prompts.
    """
    rows = list(chain.from_iterable(found))
    if any(row.get("query") != rows[0].get("query") for row in rows):
        raise InputError(
            "the chosen and the rejected reply answer different prompts: leave the row out"
        )
    yield from rows


def _with_prompt_apart(values: Mapping[str, Any]) -> dict[str, Any]:
    """`query` and `completion`, where the completion is the whole chat, prompt included."""
    completion = values["completion"]
    if isinstance(completion, str):
        whole = templated_prompt(completion) if "query" not in values else None
        if whole is None or not whole.begun:
            return {}
        return {"query": list(whole.messages), "completion": whole.begun}
    turns = chat_messages(completion)
    if turns is None or turns[0]["role"] in ("assistant", "tool"):
        return {}
    prompt, reply = prompt_and_reply(turns)
    return {"query": prompt, "completion": reply}


def _number(value: Any) -> Any:
    """The number that a text is, as in CSV files; what is none is left for the validator."""
    if not isinstance(value, str):
        return value
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _same(found: Any, wanted: str) -> bool:
    if isinstance(found, bool):
        return str(found).lower() == wanted.lower()
    return found is not MISSING and str(found) == wanted
