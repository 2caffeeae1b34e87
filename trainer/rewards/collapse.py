"""Watching a run for collapse: what each step looks like is noted in its journal.

A resumed run goes on from the journal; steps that it makes once more are not counted twice.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean

from schema.answers import conclusion_key
from schema.score import ScoreSource
from trainer import Alarm, AlarmKind, StepSigns, alarms
from trainer.rewards.alarm import OnAlarm, report
from trainer.rewards.journal import Assigned, Journal
from trainer.rewards.types import RewardCall


class CollapseWatch:
    """Notes the signs of each step, and raises or warns at an alarm."""

    def __init__(self, journal: Journal, on_alarm: OnAlarm, *, chosen: bool) -> None:
        """Go on from what the journal holds.

        Args:
            journal: of the run.
            on_alarm: stop the run, or log a warning, once for each kind of alarm.
            chosen: the memory chooses what is verified, which is no random part then.
        """
        self._journal, self._on_alarm, self._chosen = journal, on_alarm, chosen
        self._warned: set[AlarmKind] = set()
        #: Of all steps so far.
        self.steps = [StepSigns(**note["signs"]) for note in journal.notes if "signs" in note]

    def look(self, call: RewardCall, assigned: Sequence[Assigned]) -> StepSigns | None:
        """Note a step that is new, then judge; None: the step was noted before.

        Raises:
            RewardError: if there is an alarm, and alarms stop the run.
        """
        if self.steps and call.step <= self.steps[-1].step:
            return None
        signs = _signs(call, assigned, chosen=self._chosen)
        self.steps.append(signs)
        self._journal.note({"step": call.step, "signs": asdict(signs)})
        new = [alarm for alarm in alarms(self.steps) if alarm.kind not in self._warned]
        self._warned.update(alarm.kind for alarm in new)
        if new:
            report(self._on_alarm, f"step {call.step}: {_sentences(new)}")
        return signs


def _sentences(found: Sequence[Alarm]) -> str:
    return "; ".join(alarm.text for alarm in found)


def _signs(call: RewardCall, assigned: Sequence[Assigned], *, chosen: bool) -> StepSigns:
    groups: defaultdict[str, list[str | None]] = defaultdict(list)
    for row in call.rows:
        key = conclusion_key(row.query, row.thinking, row.answer, row.domain)
        groups[row.source_query_id].append(key)
    shared = [Counter(keys) for keys in groups.values() if len(keys) > 1]
    return StepSigns(
        step=call.step,
        queries=len(groups),
        tokens=fmean(row.completion_tokens for row in call.rows),
        in_groups=fmean(_top(counts) for counts in shared) if shared else None,
        entropy=fmean(_entropy(counts) for counts in shared) if shared else None,
        everywhere=_top(Counter(key for keys in groups.values() for key in keys))
        if len(groups) > 1
        else None,
        reward=_mean(assigned),
        verified=None
        if chosen
        else _mean([one for one in assigned if one.source is ScoreSource.VERIFIED]),
    )


def _mean(assigned: Sequence[Assigned]) -> float | None:
    values = [one.value for one in assigned if one.value is not None]
    return fmean(values) if values else None


def _top(counts: Counter[str | None]) -> float:
    """Share of the most frequent conclusion; what has none shares none."""
    return max((n for key, n in counts.items() if key is not None), default=0) / counts.total()


def _entropy(counts: Counter[str | None]) -> float:
    """Entropy in nats; each completion without a conclusion is one of its own."""
    alone = [1] * counts[None]
    parts = [n / counts.total() for key, n in counts.items() if key is not None]
    parts += [n / counts.total() for n in alone]
    return -sum(part * math.log(part) for part in parts)
