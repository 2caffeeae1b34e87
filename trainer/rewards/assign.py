"""What each completion is given: its verified reward, what the memory says, or nothing."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schema.errors import RewardError
from schema.rollout import Rollout
from schema.score import Score, Scorer, ScoreSource
from trainer.rewards.audit import Audit
from trainer.rewards.journal import Given, Journal, Placed
from trainer.rewards.types import Batch, RewardFunction

#: More of a batch than this share may not go without a reward because a verification failed.
MAX_FAILED_SHARE: Final = 0.05

NO_OPINION: Final = Given(value=None, source=ScoreSource.NONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Giver:
    """Gives each completion of a batch its reward, and the memory the completions."""

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
        """Score verified rows as the memory would have, before it learns their rewards."""
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
            f"the memory gave rollout {score.rollout_id} the reward {score.value}: train it again"
        )
    return Given(value=float(score.value), source=score.source)
