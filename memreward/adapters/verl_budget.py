"""verl with a budget of verifier calls: `path=pkg://memreward.adapters.verl_budget`.

Of the samples that come together the memory names those to verify; their verdicts count for all
that say the same, and everything else gets the memory's reward (docs/other-trainers.md).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from memreward.adapters.call_budget import Verifier, call_budget, verdict, verifier
from memreward.adapters.neutral import NEUTRAL, group_numbers, numbers
from memreward.adapters.verl import batch_trains, entry, sample_row, trains
from memreward.client import ask
from memreward.scoring import Row
from memstore.formats import source_query_id
from schema.score import Score, ScoreSource

#: How long the first sample waits for others, in seconds: verl hands each over when it is complete.
WAIT_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sample:
    """One call of verl's."""

    data_source: str
    solution_str: str
    #: Looked at by the verifier alone, and only where it is called.
    ground_truth: Any
    extra_info: Mapping[str, Any] | None
    row: Row

    @classmethod
    def of(cls, source: str, text: str, truth: Any, info: Mapping[str, Any] | None) -> "_Sample":
        """The sample, with its row of the input format; raises as `sample_row` does."""
        return cls(
            data_source=source,
            solution_str=text,
            ground_truth=truth,
            extra_info=info,
            row=sample_row(source, text, info),
        )

    def verified(self, verify: Verifier) -> float | None:
        """What the verifier says of it."""
        return verdict(
            verify(
                data_source=self.data_source,
                solution_str=self.solution_str,
                ground_truth=self.ground_truth,
                extra_info=self.extra_info,
            )
        )


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    verify: str | Verifier,
    calls: float,
    wait: float = WAIT_SECONDS,
    neutral: float = NEUTRAL,
    train: bool | None = None,
    **kwargs: Any,
) -> dict[str, float]:
    """The reward of one sample; those that come within `wait` seconds are planned together.

    Args:
        data_source: as `memreward.adapters.verl.compute_score` has it.
        solution_str: what the policy wrote.
        ground_truth: what the verifier is given where it is called; else never looked at.
        extra_info: as there.
        verify: a function that verl's custom reward function could be, or its name as
            `package.module:function`: what it returns, or the `score` of that, is in [0, 1].
        calls: share of the samples that may be verified.
        wait: seconds that the first sample waits for others.
        neutral: the value for "no opinion".
        train: the same as `split`, for all samples; in evaluation nothing is verified.
        kwargs: what verl adds; taken and left.

    Raises:
        InputError: if the question is missing, or the memory cannot take a sample or verdict.
        SettingsError: if the verifier cannot be imported, or see `verl.compute_score`.
        ServerError: if the memory cannot be asked.
    """
    sample = _Sample.of(data_source, solution_str, ground_truth, extra_info)
    is_train = trains(extra_info, train)
    window = _window(asyncio.get_running_loop(), is_train)
    found = await window.scored(sample, verifier(verify), calls, wait)
    return _entry(numbers([found], neutral)[0], found)


def compute_score_batch(
    data_sources: Sequence[str],
    solution_strs: Sequence[str],
    ground_truths: Sequence[Any],
    extra_infos: Sequence[Mapping[str, Any] | None],
    *,
    verify: str | Verifier,
    calls: float,
    neutral: float = NEUTRAL,
    train: bool | None = None,
    **kwargs: Any,
) -> list[dict[str, float]]:
    """The rewards of a batch, for verl's `batch` manager: whole groups, which plan and score best.

    Raises:
        InputError: see `compute_score`; also if the batch mixes training and evaluation.
    """
    columns = zip(data_sources, solution_strs, ground_truths, extra_infos, strict=True)
    samples = [_Sample.of(*column) for column in columns]
    if not samples:
        return []
    is_train = batch_trains(extra_infos, train)
    found = _score(samples, verifier(verify), calls, is_train)
    groups = [source_query_id(dict(sample.row)) for sample in samples]
    values = group_numbers(found, groups, neutral)
    return [_entry(*pair) for pair in zip(values, found, strict=True)]


def _score(
    samples: Sequence[_Sample], verify: Verifier, calls: float, is_train: bool
) -> list[Score | None]:
    """Scores of samples that came together, after what is worth it was verified."""
    rows: Sequence[Row] = [sample.row for sample in samples]
    if is_train:
        rows = call_budget(calls).spend(rows, lambda place: samples[place].verified(verify))
    return ask(rows, train=is_train)


class _Window:
    """Samples that wait for others of the same event loop."""

    def __init__(self, is_train: bool) -> None:
        self._is_train = is_train
        self._waiting: list[tuple[_Sample, asyncio.Future[Score | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def scored(
        self, sample: _Sample, verify: Verifier, calls: float, wait: float
    ) -> Score | None:
        future: asyncio.Future[Score | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((sample, future))
        if len(self._waiting) == 1:
            self._task = asyncio.create_task(self._score_later(verify, calls, wait))
        return await future

    async def _score_later(self, verify: Verifier, calls: float, wait: float) -> None:
        await asyncio.sleep(wait)
        batch, self._waiting = self._waiting, []
        samples = [sample for sample, _ in batch]
        scoring = asyncio.to_thread(_score, samples, verify, calls, self._is_train)
        (outcome,) = await asyncio.gather(scoring, return_exceptions=True)
        for place, (_, future) in enumerate(batch):
            if future.done():  # Its caller gave up.
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome[place])


_windows: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, _Window]] = WeakKeyDictionary()


def _window(loop: asyncio.AbstractEventLoop, is_train: bool) -> _Window:
    windows = _windows.setdefault(loop, {})
    return windows.setdefault(is_train, _Window(is_train))


def _entry(value: float, score: Score | None) -> dict[str, float]:
    """What verl gets of a sample: always the same keys."""
    taken = (ScoreSource.VERIFIED, ScoreSource.SAME_CONCLUSION)
    verified = score is not None and score.source in taken
    return {**entry(value, score), "memreward_verified": float(verified)}
