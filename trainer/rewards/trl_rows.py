"""What TRL hands to a reward function, row by row, as rollouts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from memstore.formats import source_query_id
from schema.errors import InputError
from schema.ids import content_hash
from schema.messages import Reply, query_text, reply_of
from schema.rollout import Rollout
from schema.task import Text
from schema.validation import MAX_NAME_BYTES, check_rollout, check_text

#: Columns of the data set that say what a rollout is, as in an input file.
NAMES: Final = ("query_id", "dataset", "domain")
#: Columns that are part of the prompt.
PROMPT_COLUMNS: Final = ("query", "tools", "images", "image")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One completion: a rollout that has no place yet."""

    query: str
    source_query_id: str
    thinking: str
    answer: str
    answer_given: bool
    dataset: str
    domain: str
    completion_tokens: int
    truncated: bool | None

    @property
    def content_hash(self) -> str:
        """Hash of what it says."""
        return content_hash(self.query, self.thinking, self.answer)

    def rollout(
        self, *, step: int, place: int, policy: str | None, reward: float | None
    ) -> Rollout:
        """The rollout at `place` of `step`."""
        return Rollout(
            query=self.query,
            thinking=self.thinking,
            answer=self.answer,
            answer_given=self.answer_given,
            source_query_id=self.source_query_id,
            step=step,
            place=place,
            dataset=self.dataset,
            domain=self.domain,
            policy=policy,
            reward=reward,
            completion_tokens=self.completion_tokens,
            truncated=self.truncated,
        )

    def storable(self) -> bool:
        """Whether a memory can hold it: a completion of nothing, or with a NUL, it cannot."""
        try:
            check_rollout(self.rollout(step=0, place=0, policy=None, reward=None), dimension=0)
        except InputError:
            return False
        return True


def rows_of(
    prompts: Sequence[Text],
    completions: Sequence[Text],
    completion_ids: Sequence[Sequence[int]],
    columns: Mapping[str, Any],
    end_tokens: Sequence[int] | None = None,
) -> list[Row]:
    """One row a completion, in order.

    Args:
        prompts: texts or messages; the query is the column `query` where there is one, else all
            of the prompt with the columns `tools` and `images` (or `image`).
        completions: texts or messages; divided into thinking and answer.
        completion_ids: their tokens.
        columns: of the data set, lists as long as `prompts`; `query`, `query_id`, `dataset` and
            `domain` are used, as in an input file.
        end_tokens: those that end a completion; None: it is not known which were cut off.

    Raises:
        InputError: naming column and row, if one holds something else than it should.
    """
    check_columns(columns, len(prompts))
    rows: list[Row] = []
    for place, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        given = _given(columns, place)
        query = _query(prompt, given, place)
        names = _names(given, place)
        said = _reply(completion, place).split()
        tokens = completion_ids[place]
        rows.append(
            Row(
                query=query,
                source_query_id=source_query_id({**names, "query": query}),
                thinking=said.thinking,
                answer=said.answer,
                answer_given=said.answer_given,
                dataset=names.get("dataset", "default"),
                domain=names.get("domain", "general"),
                completion_tokens=len(tokens),
                truncated=None
                if end_tokens is None or not len(tokens)
                else tokens[-1] not in end_tokens,
            )
        )
    return rows


def check_columns(columns: Mapping[str, Any], count: int) -> None:
    """Check that the columns which name a rollout have one entry a completion.

    Raises:
        InputError: naming the first that has not.
    """
    for name in (*NAMES, *PROMPT_COLUMNS):
        value = columns.get(name)
        if value is None:
            continue
        if not isinstance(value, list | tuple):
            kind = type(value).__name__
            raise InputError(f"column `{name}` is a {kind}: give a list, one entry a completion")
        if len(value) != count:
            raise InputError(
                f"column `{name}` has {len(value)} entries for {count} completions: give one each"
            )


def _given(columns: Mapping[str, Any], place: int) -> dict[str, Any]:
    """What the columns that are used say of one row; None is not given."""
    names = (*NAMES, *PROMPT_COLUMNS)
    given = {name: columns[name][place] for name in names if columns.get(name) is not None}
    return {name: value for name, value in given.items() if value is not None}


def _query(prompt: Text, given: Mapping[str, Any], place: int) -> str:
    images = given.get("images", [given["image"]] if "image" in given else [])
    name = "query" if "query" in given else "prompt"
    try:
        if name == "query":
            query = query_text(given["query"])
        else:
            query = query_text(prompt, given.get("tools"), images)
        check_text(query, name)
        if not query.strip():
            raise InputError("it is empty: give what the policy is asked")
    except InputError as error:
        raise InputError(f"row {place}, column `{name}`: {error}") from None
    return query


def _names(given: Mapping[str, Any], place: int) -> dict[str, Any]:
    names = {name: given[name] for name in NAMES if name in given}
    for name, value in names.items():
        whole = name == "query_id" and isinstance(value, int) and not isinstance(value, bool)
        try:
            check_text(str(value) if whole else value, name, MAX_NAME_BYTES)
            if not str(value).strip():
                raise InputError("it is empty: name it, or leave it out")
        except InputError as error:
            raise InputError(f"row {place}, column `{name}`: {error}") from None
    return names


def _reply(completion: Text, place: int) -> Reply:
    try:
        return reply_of(completion)
    except InputError as error:
        raise InputError(f"row {place}, column `completions`: {error}") from None
