"""What TRL hands to a reward function, row by row, as rollouts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memstore.formats import source_query_id
from schema.answers import split_completion
from schema.errors import InputError
from schema.ids import content_hash
from schema.rollout import Rollout
from schema.task import Text
from schema.validation import check_rollout


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One completion: a rollout that has no place yet."""

    query: str
    source_query_id: str
    thinking: str
    answer: str
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
        """The rollout that stands at `place` of `step`."""
        return Rollout(
            query=self.query,
            thinking=self.thinking,
            answer=self.answer,
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
        prompts: texts or messages; the query is the column `query` where there is one, else the
            text or the last message of the user.
        completions: texts or messages; divided into thinking and answer.
        completion_ids: their tokens.
        columns: of the data set, lists as long as `prompts`; `query`, `query_id`, `dataset` and
            `domain` are used, as in an input file.
        end_tokens: those that end a completion; None: it is not known which were cut off.
    """
    rows: list[Row] = []
    for place, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        values = {
            name: columns[name][place]
            for name in ("query", "query_id", "dataset", "domain")
            if name in columns and columns[name][place] is not None
        }
        values.setdefault("query", last_text(prompt, "user"))
        thinking, answer = split_completion(last_text(completion, "assistant"))
        tokens = completion_ids[place]
        rows.append(
            Row(
                query=values["query"],
                source_query_id=source_query_id(values),
                thinking=thinking,
                answer=answer,
                dataset=values.get("dataset", "default"),
                domain=values.get("domain", "general"),
                completion_tokens=len(tokens),
                truncated=None
                if end_tokens is None or not tokens
                else tokens[-1] not in end_tokens,
            )
        )
    return rows


def last_text(messages: Text, role: str) -> str:
    """A text as it is, or what the last message of `role` says; empty where there is none."""
    if isinstance(messages, str):
        return messages
    for message in reversed(messages):
        if message.get("role") == role:
            content = message.get("content") or ""
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content if part["type"] == "text")
    return ""
