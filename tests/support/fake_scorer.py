"""A memory of a few lines, for tests of what is handed a Scorer."""

from collections.abc import Callable, Sequence

from schema.errors import InputError
from schema.ids import content_hash, rollout_id
from schema.rollout import Rollout
from schema.score import Score, ScoreSource


class FakeScorer:
    """Keeps rollouts by id, refuses changed content, and has an opinion of any text."""

    def __init__(self, opinion: Callable[[Rollout], float | None]) -> None:
        self.opinion = opinion
        self.stored: dict[str, Rollout] = {}
        self.calls: list[tuple[int, bool]] = []
        self.flushed = 0

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        self.calls.append((len(rollouts), store))
        return [self._score(rollout, store) for rollout in rollouts]

    def flush(self) -> None:
        self.flushed += 1

    def _score(self, rollout: Rollout, store: bool) -> Score:
        id_ = rollout_id("fake", "run", rollout.source_query_id, rollout.step, rollout.place)
        if store:
            known = self.stored.setdefault(id_, rollout)
            if _hash(known) != _hash(rollout):
                raise InputError(f"{id_} is known with other content")
        if rollout.reward is not None:
            return Score(
                rollout_id=id_, value=rollout.reward, confidence=1.0, source=ScoreSource.VERIFIED
            )
        value = self.opinion(rollout)
        source = ScoreSource.NONE if value is None else ScoreSource.PROPAGATED
        return Score(rollout_id=id_, value=value, confidence=0.5, source=source, model="fake")


class FakePlanner(FakeScorer):
    """Plans the first rows, and takes verdicts over for equal answers."""

    def __init__(self, opinion: Callable[[Rollout], float | None]) -> None:
        super().__init__(opinion)
        self.budgets: list[int] = []
        self.seen: list[Rollout] = []

    def plan_calls(self, rollouts: Sequence[Rollout], budget: int) -> list[int]:
        self.budgets.append(budget)
        self.seen += rollouts
        return list(range(min(budget, len(rollouts))))

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        known = {(r.query, r.answer): r.reward for r in rollouts if r.reward is not None}
        scores = super().score(rollouts, store=store)
        return [
            Score(
                rollout_id=score.rollout_id,
                value=known[rollout.query, rollout.answer],
                confidence=1.0,
                source=ScoreSource.SAME_CONCLUSION,
            )
            if rollout.reward is None and (rollout.query, rollout.answer) in known
            else score
            for rollout, score in zip(rollouts, scores, strict=True)
        ]


def _hash(rollout: Rollout) -> str:
    return content_hash(rollout.query, rollout.thinking, rollout.answer)
