"""verl: `reward.custom_reward_function.path=pkg://memreward.adapters.verl`.

verl (0.9) hands one sample a call, without its prompt, so the data's `extra_info` must hold the
question. The ground truth is never looked at, nor is anything else of `extra_info` than the
entries named below.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from memreward.adapters.neutral import NEUTRAL, group_numbers, numbers
from memreward.client import ask, is_training
from memreward.scoring import Row
from memstore.formats import source_query_id
from schema.errors import InputError
from schema.messages import plain_list, query_text
from schema.score import Score

#: Entries of `extra_info` that may hold what the policy was asked, in this order.
QUESTIONS: Final = ("question", "query", "prompt")


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    neutral: float = NEUTRAL,
    train: bool | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """The reward of one sample as `score`, and what verl logs with it: always the same keys.

    verl awaits many of these at once, which the memory scores together.

    Args:
        data_source: the data set that the memory notes.
        solution_str: what the policy wrote.
        ground_truth: never looked at.
        extra_info: `question` (or `query`, or `prompt`: text or messages) is needed; `tools` and
            `images` are part of it; `split` says by `train` that this is training; `query_id` and
            `domain` as in an input file.
        neutral: the value for "no opinion"; of `reward_kwargs`.
        train: the same as `split`, for all samples; of `reward_kwargs`.
        kwargs: what verl adds; taken and left.

    Raises:
        InputError: if the question is missing, or the memory cannot take the sample.
        SettingsError: if it is not known which memory to use, or whether this is training.
        ServerError: if the memory cannot be asked.
    """
    return await asyncio.to_thread(_one, data_source, solution_str, extra_info, neutral, train)


def compute_score_sync(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    neutral: float = NEUTRAL,
    train: bool | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """The same as a plain function, for reward managers that await nothing."""
    return _one(data_source, solution_str, extra_info, neutral, train)


def compute_score_batch(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    neutral: float = NEUTRAL,
    train: bool | None = None,
    **kwargs: Any,
) -> list[dict[str, float]]:
    """The rewards of a batch, for verl's `batch` manager: whole groups, which score better.

    Samples without an opinion get the mean of their group's other rewards, and groups whose
    rewards hardly differ count as groups without opinions: neither moves an advantage.

    Raises:
        InputError: see `compute_score`; also if the batch mixes training and evaluation.
    """
    columns = zip(data_sources, solution_strs, extra_infos, strict=True)
    rows = [sample_row(*column) for column in columns]
    said = ask(rows, train=batch_trains(extra_infos, train)) if rows else []
    values = group_numbers(said, [source_query_id(dict(row)) for row in rows], neutral)
    return [entry(*pair) for pair in zip(values, said, strict=True)]


def _one(
    data_source: str,
    solution_str: str,
    extra_info: Mapping[str, Any] | None,
    neutral: float,
    train: bool | None,
) -> dict[str, float]:
    row = sample_row(data_source, solution_str, extra_info)
    said = ask([row], train=trains(extra_info, train))
    return entry(numbers(said, neutral)[0], said[0])


def sample_row(data_source: str, solution_str: str, extra_info: Mapping[str, Any] | None) -> Row:
    """The row of one sample.

    Raises:
        InputError: if the question is missing.
    """
    info = extra_info or {}
    found = next(
        (info[name] for name in QUESTIONS if name in info and info[name] is not None), None
    )
    if found is None:
        raise InputError(
            "verl does not hand the prompt on: add what the policy is asked to the data (Parquet), "
            "as `question` in the column `extra_info`"
        )
    row = {
        "query": query_text(found, info.get("tools"), plain_list(info.get("images")) or ()),
        "completion": solution_str,
        "dataset": str(data_source),
    }
    for name in ("query_id", "domain"):
        if info.get(name) is not None:
            row[name] = info[name]
    return row


def trains(extra_info: Mapping[str, Any] | None, train: bool | None) -> bool:
    """Whether a sample is of training, by `train`, its `split`, or the environment."""
    return is_training((extra_info or {}).get("split") if train is None else train)


def batch_trains(extra_infos: Sequence[Mapping[str, Any] | None], train: bool | None) -> bool:
    """Whether all samples of a batch are of training, or none.

    Raises:
        InputError: if some are.
    """
    splits = {trains(info, train) for info in extra_infos}
    if len(splits) > 1:
        raise InputError("a batch mixes splits: training and evaluation must come apart")
    return splits.pop()


def entry(value: float, score: Score | None) -> dict[str, float]:
    """What verl gets of a sample."""
    return {
        "score": value,
        "memreward_abstained": float(score is not None and score.value is None),
        "memreward_confidence": 0.0 if score is None else score.confidence,
    }
