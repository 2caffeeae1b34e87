"""OpenRLHF: `--reward.remote_url FILE`, of which FILE imports `reward_func` from here.

OpenRLHF (0.11) calls it in threads with lists of one; an exception leaves the sample without a
reward, which stops the run. Also what `memreward serve` makes of OpenRLHF's HTTP form.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from memreward.adapters.neutral import NEUTRAL, numbers
from memreward.client import ask, is_training
from memreward.scoring import Row
from schema.errors import InputError
from schema.score import Score

#: What chat templates end a message with; OpenRLHF decodes special tokens, too.
_END: Final = re.compile(r"(?:<\|[^|<>]{1,32}\|>|</s>|<eos>|<end_of_turn>|<pad>)\Z", re.IGNORECASE)
_END_CHARACTERS: Final = 36


def reward_func(
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Any],
    *,
    question: Callable[[str], str] | None = None,
    neutral: float = NEUTRAL,
    **kwargs: Any,
) -> dict[str, Any]:
    """Rewards as OpenRLHF takes them: `rewards` and `scores` [N], and `extra_logs` of tensors [N].

    Args:
        queries: prompt and response in one piece, decoded with special tokens.
        prompts: what OpenRLHF made of the data's prompts.
        labels: never looked at.
        question: what the memory knows a prompt as, where OpenRLHF's chat template went over it.
        neutral: the value for "no opinion".
        kwargs: taken and left.

    Raises:
        InputError: if a query does not hold its prompt, or the memory cannot take it.
        SettingsError: if it is not known which memory to use, or whether this is training.
        ServerError: if the memory cannot be asked.
    """
    import torch

    if len(queries) != len(prompts):
        raise InputError(f"{len(queries)} queries and {len(prompts)} prompts: give one each")
    rows = [row_of(*pair, question) for pair in zip(queries, prompts, strict=True)]
    answer = answer_of(ask(rows, train=is_training()), neutral)
    logs = {name: torch.tensor(values) for name, values in answer.pop("extra_logs").items()}
    return {**{name: torch.tensor(values) for name, values in answer.items()}, "extra_logs": logs}


def row_of(query: str, prompt: str, question: Callable[[str], str] | None = None) -> Row:
    """The row of one sample.

    Raises:
        InputError: if the query does not hold the prompt.
    """
    for name, value in (("queries", query), ("prompts", prompt)):
        if not isinstance(value, str):
            raise InputError(f"`{name}` holds a value of type {type(value).__name__}: give texts")
    begin = prompt.strip()
    if not begin or begin not in query:
        raise InputError(
            "the query does not hold its prompt, so the response cannot be told from it: prompts "
            "must not be empty or cut (--data.max_len), nor changed by the tokenizer"
        )
    response = _without_end(query.partition(begin)[2])
    return {"query": prompt if question is None else question(prompt), "completion": response}


def _without_end(response: str) -> str:
    """A response without the special tokens at its end, of which there may be very many."""
    end = len(response.rstrip())
    while found := _END.search(response, max(0, end - _END_CHARACTERS), end):
        end = found.start()
        while end and response[end - 1].isspace():
            end -= 1
    return response[:end].strip()


def answer_of(scores: Sequence[Score | None], neutral: float) -> dict[str, Any]:
    """OpenRLHF's answer, as lists; None means a response that no memory holds."""
    rewards = numbers(scores, neutral)
    logs = {
        "memreward_abstained": [
            float(score is not None and score.value is None) for score in scores
        ],
        "memreward_confidence": [0.0 if score is None else score.confidence for score in scores],
    }
    return {"rewards": rewards, "scores": list(rewards), "extra_logs": logs}
