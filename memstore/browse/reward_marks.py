"""What is known of the rewards of some rollouts, without their texts."""

from collections.abc import Sequence
from dataclasses import dataclass

from memstore.browse.brief_read import View


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutMark:
    """A rollout and its current rewards."""

    id: str
    run: str
    policy: str | None
    step: int
    #: Rollouts of a query with the same id say the same; None: no conclusion was found.
    conclusion_id: str | None
    verified: float | None = None
    #: Who verified it last.
    source: str | None = None
    #: What the last model said; None: none was asked, or it had no opinion.
    propagated: float | None = None
    confidence: float | None = None
    #: The model that was asked last; None: none was.
    model: str | None = None
    #: Whether its thinking and embeddings are gone (`memreward compact`).
    forgotten: bool = False

    @property
    def reward(self) -> float | None:
        """The verified reward, or else the propagated one."""
        return self.propagated if self.verified is None else self.verified


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A current verified reward."""

    value: float
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Propagated:
    """A current propagated reward; value None: no opinion."""

    value: float | None
    confidence: float
    model: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewards:
    """Current rewards by rollout."""

    verified: dict[str, Verified]
    propagated: dict[str, Propagated]

    def mark(
        self,
        id_: str,
        run: str,
        policy: str | None,
        step: int,
        conclusion_id: str | None,
        *,
        forgotten: bool,
    ) -> RolloutMark:
        """A rollout with what is known of it."""
        said, thought = self.verified.get(id_), self.propagated.get(id_)
        return RolloutMark(
            id=id_,
            run=run,
            policy=policy,
            step=step,
            conclusion_id=conclusion_id,
            verified=None if said is None else said.value,
            source=None if said is None else said.source,
            propagated=None if thought is None else thought.value,
            confidence=None if thought is None else thought.confidence,
            model=None if thought is None else thought.model,
            forgotten=forgotten,
        )


def rewards_of(view: View, ids: Sequence[str]) -> Rewards:
    """Current rewards of these rollouts."""
    bounds = {**view.bounds, "ids": list(ids)}
    return Rewards(
        verified={
            id_: Verified(value=value, source=source)
            for id_, value, source in view.session.rows("verified", **bounds)
        },
        propagated={
            id_: Propagated(value=value, confidence=confidence, model=model)
            for id_, value, confidence, model in view.session.rows("propagated", **bounds)
        },
    )
