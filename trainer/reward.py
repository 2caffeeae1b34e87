"""The reward function that a trainer is given: verified where paid for, propagated elsewhere.

It follows TRL's convention (1.6 or later): `None` masks a completion, whose advantage is then 0.
"""

import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from schema.errors import RewardError
from schema.rollout import Rollout
from schema.score import Score, Scorer, ScoreSource
from trainer.audit import Audit
from trainer.journal import Given, Journal, Placed
from trainer.rows import Row, Text, rows_of
from trainer.signals import Signals
from trainer.spread import MIN_SPREAD, without_noise

#: More of a batch than this share may not go without a reward because a verification failed.
MAX_FAILED_SHARE: Final = 0.05

#: Prompts, and the tokens of their completions, to the policy's signals of each.
SignalsFunction = Callable[[Sequence[Text], Sequence[Sequence[int]]], Sequence[Signals | None]]

NO_OPINION: Final = Given(value=None, source=ScoreSource.NONE)


class RewardFunction(Protocol):
    """What TRL calls, and what a verifier must be able to be called as."""

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        **kwargs: Any,
    ) -> list[float | None]:
        """One reward a completion, in order; None: none."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """What one call is about."""

    rows: Sequence[Row]
    prompts: Sequence[Text]
    completions: Sequence[Text]
    completion_ids: Sequence[Sequence[int]]
    columns: Mapping[str, Any]
    step: int
    #: The policy's own, a row; None: not asked for, or a completion without a token.
    signals: Sequence[Signals | None]

    def rollout(
        self, number: int, *, place: int, policy: str | None, reward: float | None
    ) -> Rollout:
        """Row `number` as the rollout that stands at `place` of the step."""
        rollout = self.rows[number].rollout(
            step=self.step, place=place, policy=policy, reward=reward
        )
        signals = self.signals[number]
        return rollout if signals is None else signals.beside(rollout)


def memory_reward(
    scorer: Scorer,
    *,
    verify: RewardFunction | None = None,
    labelled: Collection[str] = frozenset(),
    audited: Collection[str] = frozenset(),
    journal: Path | None = None,
    policy: str | None = None,
    min_spread: float = MIN_SPREAD,
    training: Callable[[], bool] | None = None,
    signals: SignalsFunction | None = None,
) -> RewardFunction:
    """Make a reward function over a memory.

    Completions to `labelled` queries get what `verify` says, which the memory learns; all others
    get what the memory concludes, or None where it has no opinion. In evaluation nothing is
    verified and nothing is written.

    Args:
        scorer: the memory.
        verify: any reward function of TRL; it is called with completions to labelled queries and
            their columns only. None stands for a failure of its own.
        labelled: texts of the queries that may be verified.
        audited: those labelled queries on which the memory is asked before it learns the truth.
        journal: file that lets a killed run resume without storing or paying twice; each process
            has its own.
        policy: name of the policy that the memory notes.
        min_spread: groups whose propagated rewards differ by less (standard deviation) get None.
        training: whether this is training; None: the trainer that calls is asked.
        signals: gives the policy's own signals of prompts and completions, which are stored and
            scored with the texts (`trainer.signals.completion_signals`); None: texts alone.

    Raises:
        RewardError: (from the function) if more than 5 % of a batch could not be verified, a
            score is missing or no number in [0, 1], or nobody says whether this is training.
        InputError: if the journal is damaged.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    path = journal if journal is None or world == 1 else journal.with_suffix(f".{rank}.jsonl")
    kept = Journal(path, rank=rank, world=world)
    giver = _Giver(
        scorer=scorer,
        verify=verify,
        labelled=frozenset(labelled),
        audit=Audit(audited, kept),
        journal=kept,
        policy=policy,
    )

    def memreward(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        **kwargs: Any,
    ) -> list[float | None]:
        started = time.monotonic()
        trainer = getattr(kwargs.get("log_metric"), "__self__", None)
        state = kwargs.get("trainer_state")
        columns = {name: kwargs[name] for name in kwargs if _is_column(kwargs[name], len(prompts))}
        batch = Batch(
            rows=rows_of(
                prompts,
                completions,
                completion_ids,
                columns,
                getattr(trainer, "eos_token_ids", None),
            ),
            prompts=prompts,
            completions=completions,
            completion_ids=completion_ids,
            columns=columns,
            step=0 if state is None else int(state.global_step),
            signals=[None] * len(prompts) if signals is None else signals(prompts, completion_ids),
        )
        before = len(giver.audit.findings)
        given = giver.give(batch) if _training(training, trainer) else giver.look(batch)
        rewards = without_noise(given, [row.query for row in batch.rows], min_spread)
        log = kwargs.get("log_metric")
        if log is not None:
            _log(log, given, rewards)
            for finding in giver.audit.findings[before:]:
                log("memreward/agreement", finding.agreement)
            log("memreward/seconds", time.monotonic() - started)
        return rewards

    return memreward


@dataclass(frozen=True, kw_only=True, slots=True)
class _Giver:
    scorer: Scorer
    verify: RewardFunction | None
    labelled: frozenset[str]
    audit: Audit
    journal: Journal
    policy: str | None

    def look(self, batch: Batch) -> list[Given]:
        """Score without verifying or writing."""
        kept = [number for number, row in enumerate(batch.rows) if row.storable()]
        rollouts = [
            batch.rollout(number, place=number, policy=self.policy, reward=None) for number in kept
        ]
        given = [NO_OPINION] * len(batch.rows)
        for number, score in zip(kept, self._scores(rollouts, store=False), strict=True):
            given[number] = score
        return given

    def give(self, batch: Batch) -> list[Given]:
        """Verify what is labelled, store everything, and take the memory's word for the rest."""
        placed = self.journal.place(
            batch.step, [(row.source_query_id, row.content_hash) for row in batch.rows]
        )
        given = [NO_OPINION if item.given is None else item.given for item in placed]
        new = [number for number, item in enumerate(placed) if item.given is None]
        if not new:
            return given
        verified = self._verified(batch, new)
        self._audit(batch, placed, verified)
        for number, one in zip(new, self._stored(batch, placed, new, verified), strict=True):
            given[number] = one
        self.journal.give(batch.step, [(placed[number], given[number]) for number in new])
        return given

    def _verified(self, batch: Batch, new: Sequence[int]) -> dict[int, float | None]:
        """What the verifier says of those rows that are labelled."""
        asked = [number for number in new if batch.rows[number].query in self.labelled]
        if not asked:
            return {}
        if self.verify is None:
            raise RewardError("queries are labelled and nothing can verify them: give `verify`")
        said = self.verify(
            prompts=[batch.prompts[number] for number in asked],
            completions=[batch.completions[number] for number in asked],
            completion_ids=[batch.completion_ids[number] for number in asked],
            **{name: [values[n] for n in asked] for name, values in batch.columns.items()},
        )
        if len(said) != len(asked):
            raise RewardError(
                f"the verifier gave {len(said)} rewards for {len(asked)} completions: "
                "it must give one each"
            )
        for value in said:
            if value is not None and not 0 <= value <= 1:
                raise RewardError(f"the verifier gave {value}: it must give numbers in [0, 1]")
        failed = sum(value is None for value in said)
        if failed > MAX_FAILED_SHARE * len(batch.rows):
            raise RewardError(
                f"{failed} of {len(batch.rows)} completions of step {batch.step} could not be "
                "verified, more than 5 %: see what the verifier reports, then run the same "
                "command again"
            )
        return dict(zip(asked, said, strict=True))

    def _audit(
        self, batch: Batch, placed: Sequence[Placed], verified: Mapping[int, float | None]
    ) -> None:
        """Ask what the memory would have said of verified rows, before it learns the truth."""
        rows = batch.rows
        known = {n: value for n, value in verified.items() if value is not None}
        due = self.audit.due({rows[number].query for number in known})
        asked = [n for n in known if rows[n].query in due and rows[n].storable()]
        rollouts = [self._rollout(batch, placed, number, None) for number in asked]
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for number, promised in zip(asked, self._scores(rollouts, store=False), strict=True):
            if promised.value is not None:
                found[rows[number].query].append((promised.value, known[number]))
        self.audit.find(batch.step, found)

    def _rollout(
        self, batch: Batch, placed: Sequence[Placed], number: int, reward: float | None
    ) -> Rollout:
        return batch.rollout(number, place=placed[number].place, policy=self.policy, reward=reward)

    def _stored(
        self,
        batch: Batch,
        placed: Sequence[Placed],
        new: Sequence[int],
        verified: Mapping[int, float | None],
    ) -> list[Given]:
        """What the new rows are given, once they are stored."""
        kept = [number for number in new if batch.rows[number].storable()]
        rollouts = [self._rollout(batch, placed, n, verified.get(n)) for n in kept]
        scored = dict(zip(kept, self._scores(rollouts, store=True), strict=True))
        given: list[Given] = []
        for number in new:
            if number in verified:
                value = verified[number]
                source = ScoreSource.NONE if value is None else ScoreSource.VERIFIED
                given.append(Given(value=value, source=source))
            else:
                given.append(scored.get(number, NO_OPINION))
        return given

    def _scores(self, rollouts: Sequence[Rollout], *, store: bool) -> list[Given]:
        if not rollouts:
            return []
        scores = self.scorer.score(rollouts, store=store)
        if len(scores) != len(rollouts):
            raise RewardError(
                f"the memory gave {len(scores)} scores for {len(rollouts)} rollouts: this is a "
                "fault of its scorer"
            )
        return [_checked(score) for score in scores]


def _checked(score: Score) -> Given:
    if score.value is None:
        return NO_OPINION
    if not (math.isfinite(score.value) and 0 <= score.value <= 1):
        raise RewardError(
            f"the memory gave rollout {score.rollout_id} the reward {score.value}: train it anew"
        )
    return Given(value=float(score.value), source=score.source)


def _is_column(value: Any, length: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == length


def _training(told: Callable[[], bool] | None, trainer: Any) -> bool:
    """Whether the policy is being trained: what TRL itself goes by, unless the caller says."""
    if told is not None:
        return told()
    model = getattr(trainer, "model", None)
    if model is None:
        raise RewardError(
            "whether this is training or evaluation cannot be told, and in evaluation nothing may "
            "be stored: give memory_reward(..., training=...)"
        )
    return bool(model.training)


def _log(
    log: Callable[[str, float], None], given: Sequence[Given], rewards: Sequence[float | None]
) -> None:
    """Tell the trainer's log about one call."""
    verified = sum(one.source is ScoreSource.VERIFIED for one in given)
    log("memreward/coverage", sum(reward is not None for reward in rewards) / len(rewards))
    log("memreward/verified", verified / len(given))
