"""The reward function that a trainer is given: verified where paid for, propagated elsewhere.

It follows TRL's convention (1.6 or later): `None` masks a completion, whose advantage is then 0.
"""

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypeVar

from schema.errors import InputError, RewardError
from schema.score import Scorer, ScoreSource
from trainer import StepSigns
from trainer.rewards.alarm import OnAlarm
from trainer.rewards.assign import Late, RewardAssigner
from trainer.rewards.audit import Audit
from trainer.rewards.call_budget import call_budget
from trainer.rewards.collapse import CollapseWatch
from trainer.rewards.journal import Assigned, Journal
from trainer.rewards.noise_mask import MIN_SPREAD, without_noise
from trainer.rewards.training_log import TrainingLog
from trainer.rewards.trl_rows import check_columns, rows_of
from trainer.rewards.trl_warning import expect_masks
from trainer.rewards.types import RewardCall, RewardFunction, SignalsFunction, Watch

Choice = TypeVar("Choice", bound=StrEnum)


def memory_reward(
    scorer: Scorer,
    *,
    verify: RewardFunction | None = None,
    labelled: Collection[str] = frozenset(),
    audited: Collection[str] = frozenset(),
    journal: Path | Journal | None = None,
    policy: str | None = None,
    min_spread: float = MIN_SPREAD,
    training: Callable[[], bool] | bool | None = None,
    signals: SignalsFunction | None = None,
    calls: float | None = None,
    calls_per_step: int | None = None,
    late: Late | Literal["mask", "propagate"] | None = None,
    on_alarm: OnAlarm | Literal["stop", "warn"] = OnAlarm.STOP,
    watch: Watch | None = None,
) -> RewardFunction:
    """Make a reward function over a memory.

    Completions to `labelled` queries get what `verify` says, which the memory learns; all others
    get what the memory concludes, or None where it has no opinion. In evaluation nothing is
    verified and nothing is written.

    Args:
        scorer: the memory.
        verify: any reward function of TRL; it is called with completions to labelled queries and
            their columns only. None means a failure of its own.
        labelled: texts of the queries that may be verified.
        audited: those labelled queries on which the memory is asked before it learns the truth.
        journal: a journal, or the file that lets a killed run resume without storing or paying
            twice; each process has its own.
        policy: name of the policy that the memory notes.
        min_spread: groups whose propagated rewards differ by less (standard deviation) get None.
        training: whether this is training, or what tells it; None: the trainer that calls is asked.
        signals: gives the policy's own signals of prompts and completions, which are stored and
            scored with the texts (`trainer.policy.signals.completion_signals`); None: texts alone.
        calls: instead of `labelled`: share of all completions, of any query, that may be verified.
            The memory, opened with `reuse`, plans which; the verifier is called once a step, and
            what concludes the same on the same query takes the verdict over.
        calls_per_step: the same as a number of completions a step.
        late: `verify` may give None for what it answers later (docs/trainer.md): until then the
            completion is masked, or gets what the memory propagates. None: a None is a failure.
        on_alarm: what the audit and signs of collapse do: stop the run, or log a warning.
        watch: told of each call in training, after its seconds were counted.

    Raises:
        RewardError: (from the function) at an alarm, if more than 5 % of a batch could not be
            verified, a score is missing or no number in [0, 1], or it is not known whether this is
            training.
        InputError: if the journal is damaged, calls are budgeted and queries labelled, `late` or
            `on_alarm` is another word, or the memory cannot plan calls; (from the function) naming
            column and row, if a column of the data set holds something else than it should.
    """
    alarms = _choice("on_alarm", on_alarm, OnAlarm)
    kept = journal if isinstance(journal, Journal) else open_journal(journal)
    budget = call_budget(scorer, kept, calls, calls_per_step)
    if budget is not None and (labelled or audited):
        raise InputError("both calls and queries are budgeted: give `labelled`, or calls")
    assigner = RewardAssigner(
        scorer=scorer,
        verify=verify,
        labelled=frozenset(labelled),
        audit=Audit(audited, kept, alarms),
        journal=kept,
        policy=policy,
        calls=budget,
        late=None if late is None else _choice("late", late, Late),
    )

    log = TrainingLog(scorer, kept)
    collapse = CollapseWatch(kept, alarms, chosen=budget is not None)
    if budget is None:
        log.warn_of_labels(labelled)

    def memreward(
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]],
        **kwargs: Any,
    ) -> list[float | None]:
        started = time.monotonic()
        trainer = getattr(kwargs.get("log_metric"), "__self__", None)
        call = _call(prompts, completions, completion_ids, kwargs, trainer, signals)
        if budget is not None:
            log.warn_of_calls(budget, len(prompts), kwargs.get("trainer_state"))
        before, trains = len(assigner.audit.findings), _training(training, trainer)
        with kept.together():
            assigned = assigner.assign(call) if trains else assigner.look(call)
            signs = collapse.look(call, assigned) if trains else None
        rewards = without_noise(assigned, [row.query for row in call.rows], min_spread)
        metric = kwargs.get("log_metric")
        if trains:
            log.add(call, assigned, rewards)
        if metric is not None and signs is not None:
            _log_signs(metric, signs)
        if metric is not None:
            _log(metric, assigned, rewards)
            _log_rows(kwargs.get("log_extra"), assigned, rewards)
            if budget is not None:
                _log_calls(metric, assigned)
            for finding in assigner.audit.findings[before:]:
                metric("memreward/agreement", finding.agreement)
            metric("memreward/seconds", time.monotonic() - started)
        if trains and watch is not None:
            watch(call, assigned, rewards)
        expect_masks(None in rewards)
        return rewards

    return memreward


def open_journal(path: Path | None) -> Journal:
    """The journal of this process; where there are several, each has its own file.

    Raises:
        InputError: if the file is damaged.
    """
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    own = path if path is None or world == 1 else path.with_suffix(f".{rank}.jsonl")
    return Journal(own, rank=rank, world=world)


def _choice(name: str, value: str, choices: type[Choice]) -> Choice:
    """A choice that may be given by its word.

    Raises:
        InputError: if there is no such choice.
    """
    if value not in list(choices):
        raise InputError(f"{name}={value!r}: give one of {', '.join(choices)}")
    return choices(value)


def _call(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Sequence[int]],
    others: Mapping[str, Any],
    trainer: Any,
    signals: SignalsFunction | None,
) -> RewardCall:
    """What a trainer handed over, checked, with the policy's signals."""
    state = others.get("trainer_state")
    check_columns(others, len(prompts))
    columns = {name: others[name] for name in others if _is_column(others[name], len(prompts))}
    end_tokens = getattr(trainer, "eos_token_ids", None)
    return RewardCall(
        rows=rows_of(prompts, completions, completion_ids, columns, end_tokens),
        prompts=prompts,
        completions=completions,
        completion_ids=completion_ids,
        columns=columns,
        step=0 if state is None else int(state.global_step),
        signals=[None] * len(prompts) if signals is None else signals(prompts, completion_ids),
    )


def _is_column(value: Any, length: int) -> bool:
    return isinstance(value, list | tuple) and len(value) == length


def _training(told: Callable[[], bool] | bool | None, trainer: Any) -> bool:
    """Whether the policy is being trained: what TRL itself goes by, unless the caller says."""
    if told is not None:
        return told if isinstance(told, bool) else told()
    model = getattr(trainer, "model", None)
    if model is None:
        raise RewardError(
            "whether this is training or evaluation cannot be told, and in evaluation nothing may "
            "be stored: give memory_reward(..., training=True), or False"
        )
    return bool(model.training)


def _log(
    log: Callable[[str, float], None], assigned: Sequence[Assigned], rewards: Sequence[float | None]
) -> None:
    """Tell the trainer's log about one call."""
    verified = sum(one.source is ScoreSource.VERIFIED for one in assigned)
    log("memreward/coverage", sum(reward is not None for reward in rewards) / len(rewards))
    log("memreward/verified", verified / len(assigned))


def _log_rows(
    log: Callable[[str, list[Any]], None] | None,
    assigned: Sequence[Assigned],
    rewards: Sequence[float | None],
) -> None:
    """Add to the trainer's table of completions what it cannot see: where rewards come from."""
    if log is None:
        return
    log("memreward/source", [one.source.value for one in assigned])
    log("memreward/assigned", [one.value for one in assigned])
    log("memreward/masked", [reward is None for reward in rewards])


def _log_signs(log: Callable[[str, float], None], signs: StepSigns) -> None:
    """Tell the trainer's log what the step's conclusions look like."""
    for name in ("in_groups", "entropy", "everywhere"):
        value = getattr(signs, name)
        if value is not None:
            log(f"memreward/{name}", value)


def _log_calls(log: Callable[[str, float], None], assigned: Sequence[Assigned]) -> None:
    """Tell the trainer's log what was asked of the verifier, and what needed not be."""
    sources = [one.source for one in assigned]
    log("memreward/calls", sources.count(ScoreSource.VERIFIED))
    log("memreward/calls_saved", sources.count(ScoreSource.SAME_CONCLUSION))
