"""What each completion is assigned: its verified reward, what the memory says, or nothing."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schema.errors import RewardError
from schema.rollout import Rollout
from schema.score import Score, Scorer, ScoreSource
from trainer.rewards.audit import Audit
from trainer.rewards.call_budget import CallBudget
from trainer.rewards.journal import Assigned, Journal, Placed
from trainer.rewards.types import RewardCall, RewardFunction

#: More of a batch than this share may not go without a reward because a verification failed.
MAX_FAILED_SHARE: Final = 0.05


class Late(StrEnum):
    """What a completion gets until a slow verifier answers."""

    MASK = "mask"
    PROPAGATE = "propagate"


NO_OPINION: Final = Assigned(value=None, source=ScoreSource.NONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardAssigner:
    """Gives each completion of a batch its reward, and the memory the completions."""

    scorer: Scorer
    verify: RewardFunction | None
    labelled: frozenset[str]
    audit: Audit
    journal: Journal
    policy: str | None
    #: With it, the memory plans what is verified, of any query; without, `labelled` says it.
    calls: CallBudget | None = None
    #: Where the verifier's None means that it answers later; None: it means a failure.
    late: Late | None = None

    def look(self, call: RewardCall) -> list[Assigned]:
        """Score without verifying or writing."""
        kept = [number for number, row in enumerate(call.rows) if row.storable()]
        rollouts = [
            call.rollout(number, place=number, policy=self.policy, reward=None) for number in kept
        ]
        assigned = [NO_OPINION] * len(call.rows)
        for number, score in zip(kept, self._scores(rollouts, store=False), strict=True):
            assigned[number] = score
        return assigned

    def assign(self, call: RewardCall) -> list[Assigned]:
        """Verify what is labelled, store everything, and take the memory's word for the rest."""
        placed = self.journal.place(
            call.step, [(row.source_query_id, row.content_hash) for row in call.rows]
        )
        assigned = [NO_OPINION if item.assigned is None else item.assigned for item in placed]
        new = [number for number, item in enumerate(placed) if item.assigned is None]
        if not new:
            return assigned
        asked = self._asked(call, placed, new)
        self.journal.sync()  # Places and calls outlive a kill from here on.
        verified = self._verified(call, asked)
        self._audit(call, placed, verified)
        for number, one in zip(new, self._stored(call, placed, new, verified), strict=True):
            assigned[number] = one
        self.journal.record(call.step, [(placed[number], assigned[number]) for number in new])
        return assigned

    def _asked(self, call: RewardCall, placed: Sequence[Placed], new: Sequence[int]) -> list[int]:
        """The new rows to verify."""
        if self.calls is None:
            return [number for number in new if call.rows[number].query in self.labelled]
        kept = [number for number in new if call.rows[number].storable()]
        rollouts = [self._rollout(call, placed, number, None) for number in kept]
        return sorted(kept[row] for row in self.calls.plan(call.step, rollouts))

    def _verified(self, call: RewardCall, asked: Sequence[int]) -> dict[int, float | None]:
        """What the verifier says of these rows."""
        if not asked:
            return {}
        if self.verify is None:
            raise RewardError("queries are labelled and nothing can verify them: give `verify`")
        said = self.verify(
            prompts=[call.prompts[number] for number in asked],
            completions=[call.completions[number] for number in asked],
            completion_ids=[call.completion_ids[number] for number in asked],
            **{name: [values[n] for n in asked] for name, values in call.columns.items()},
        )
        if len(said) != len(asked):
            raise RewardError(
                f"the verifier gave {len(said)} rewards for {len(asked)} completions: "
                "it must give one each"
            )
        rewards = [_reward(value) for value in said]
        failed = sum(value is None for value in rewards)
        if self.late is None and failed > MAX_FAILED_SHARE * len(call.rows):
            raise RewardError(
                f"{failed} of {len(call.rows)} completions of step {call.step} could not be "
                "verified, more than 5 %: see what the verifier reports, then run the same "
                "command again"
            )
        return dict(zip(asked, rewards, strict=True))

    def _audit(
        self, call: RewardCall, placed: Sequence[Placed], verified: Mapping[int, float | None]
    ) -> None:
        """Score verified rows as the memory would have, before it learns their rewards."""
        rows = call.rows
        known = {n: value for n, value in verified.items() if value is not None}
        due = self.audit.due({rows[number].query for number in known})
        asked = [n for n in known if rows[n].query in due and rows[n].storable()]
        rollouts = [self._rollout(call, placed, number, None) for number in asked]
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for number, promised in zip(asked, self._scores(rollouts, store=False), strict=True):
            if promised.value is not None:
                found[rows[number].query].append((promised.value, known[number]))
        self.audit.find(call.step, found)

    def _rollout(
        self, call: RewardCall, placed: Sequence[Placed], number: int, reward: float | None
    ) -> Rollout:
        return call.rollout(number, place=placed[number].place, policy=self.policy, reward=reward)

    def _stored(
        self,
        call: RewardCall,
        placed: Sequence[Placed],
        new: Sequence[int],
        verified: Mapping[int, float | None],
    ) -> list[Assigned]:
        """What the new rows are assigned, once they are stored."""
        kept = [number for number in new if call.rows[number].storable()]
        rollouts = [self._rollout(call, placed, n, verified.get(n)) for n in kept]
        scored = dict(zip(kept, self._scores(rollouts, store=True), strict=True))
        assigned: list[Assigned] = []
        for number in new:
            value = verified.get(number)
            later = value is None and self.late is Late.PROPAGATE
            if number in verified and not later:
                source = ScoreSource.NONE if value is None else ScoreSource.VERIFIED
                assigned.append(Assigned(value=value, source=source))
            else:
                assigned.append(scored.get(number, NO_OPINION))
        return assigned

    def _scores(self, rollouts: Sequence[Rollout], *, store: bool) -> list[Assigned]:
        if not rollouts:
            return []
        scores = self.scorer.score(rollouts, store=store)
        if len(scores) != len(rollouts):
            raise RewardError(
                f"the memory gave {len(scores)} scores for {len(rollouts)} rollouts: this is a "
                "fault of its scorer"
            )
        return [_checked(score) for score in scores]


def _reward(said: Any) -> float | None:
    """What a verifier said of a completion: as TRL takes it, or as NumPy and torch have numbers."""
    if said is None:
        return None
    try:
        value = math.nan if isinstance(said, str) else float(said)
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value <= 1:
        raise RewardError(
            f"the verifier gave {said!r}: it must give numbers in [0, 1], or None where it failed"
        )
    return value


def _checked(score: Score) -> Assigned:
    if score.value is None:
        return NO_OPINION
    if not (math.isfinite(score.value) and 0 <= score.value <= 1):
        raise RewardError(
            f"the memory gave rollout {score.rollout_id} the reward {score.value}: train it again"
        )
    return Assigned(value=float(score.value), source=score.source)
