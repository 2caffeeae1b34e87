"""What is chosen from a memory: the kind of data set, the thresholds, and what counts as judged."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from memstore.reads import QueryGroup, StoredRollout
from schema.errors import InputError
from schema.score import ScoreSource
from trainer.datasets.preferred import PreferredPair, preferred_pairs

#: A reward from here on counts as right.
RIGHT_FROM: Final = 0.8


class Kind(StrEnum):
    """Data sets, by who trains on them."""

    #: TRL's SFTTrainer.
    SFT = "sft"
    #: TRL's DPOTrainer.
    DPO = "dpo"
    #: TRL's KTOTrainer.
    KTO = "kto"
    #: TRL's RewardTrainer.
    REWARD = "reward"
    #: Trainers that sample themselves, such as GRPOTrainer.
    PROMPTS = "prompts"

    @property
    def takes_pairs(self) -> bool:
        """Whether rows are pairs of rollouts."""
        return self in (Kind.DPO, Kind.REWARD)

    @property
    def takes_preferences(self) -> bool:
        """Whether stored preferences become rows."""
        return self.takes_pairs or self is Kind.KTO


#: Rows a query, where nothing else is asked for; None: as many as there are.
MOST_ROWS: Final[dict[Kind, int | None]] = {
    Kind.SFT: 1,
    Kind.DPO: 4,
    Kind.KTO: None,
    Kind.REWARD: 4,
    Kind.PROMPTS: 1,
}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which rollouts become rows."""

    kind: Kind
    #: Rewards from here on are right, and up to there wrong; a rollout between is neither.
    right_from: float = RIGHT_FROM
    wrong_to: float = 0.2
    #: By how much the rewards of a pair differ at least.
    margin: float = 0.5
    #: Rows a query; None: as MOST_ROWS says.
    most: int | None = None
    #: Whether propagated rewards are left out.
    verified_only: bool = False

    def __post_init__(self) -> None:
        """Refuse what would choose nothing or everything.

        Raises:
            InputError: if a threshold cannot be used.
        """
        if not 0 <= self.wrong_to < self.right_from <= 1:
            raise InputError(
                f"wrong up to {self.wrong_to:g} and right from {self.right_from:g} cannot be used: "
                "give rewards from 0 to 1, the second above the first"
            )
        if not 0 < self.margin <= 1:
            raise InputError(f"a margin of {self.margin:g} cannot be used: give one in (0, 1]")
        if self.most is not None and self.most < 1:
            raise InputError(f"{self.most} rows a query: give at least 1")

    @property
    def rows_a_query(self) -> int | None:
        """How many rows a query gives at most; None: no limit."""
        return MOST_ROWS[self.kind] if self.most is None else self.most


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedRollout:
    """A rollout and the stored reward that decides about it."""

    rollout: StoredRollout
    reward: float
    #: Verified or propagated.
    source: ScoreSource

    @property
    def verified(self) -> bool:
        """Whether a verifier or a person said it."""
        return self.source is ScoreSource.VERIFIED

    @property
    def model(self) -> str | None:
        """Version of the model that propagated the reward; None for a verified one."""
        return None if self.verified else self.rollout.model


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The rollouts of one group by whether they have a reward, and the preferences between them."""

    judged: tuple[JudgedRollout, ...]
    #: Rollouts of which a model was asked that had no opinion.
    abstained: int
    #: Rollouts of which nothing is stored.
    unscored: int
    #: Propagated rewards on the other side of one half than what was verified of the conclusion.
    contradicted: int
    #: Pairs of which annotators prefer one rollout.
    preferred: tuple[PreferredPair, ...] = ()
    #: Pairs of which as many annotators prefer one as the other.
    undecided: int = 0


def judgement(group: QueryGroup, *, verified_only: bool) -> Judgement:
    """The reward of each rollout of a group: the verified one, or else the propagated one.

    A propagated reward is left out where a verified one of the same conclusion contradicts it: it
    is from before that was verified.
    """
    said = _verified_conclusions(group)
    judged: list[JudgedRollout] = []
    abstained = unscored = contradicted = 0
    for rollout in group.rollouts:
        if rollout.verified is not None:
            reward, source = rollout.verified, ScoreSource.VERIFIED
        elif rollout.model is None or verified_only:
            unscored += 1
            continue
        elif rollout.propagated is None:
            abstained += 1
            continue
        elif (rollout.propagated >= 0.5) != said.get(
            rollout.conclusion_id, rollout.propagated >= 0.5
        ):
            contradicted += 1
            continue
        else:
            reward, source = rollout.propagated, ScoreSource.PROPAGATED
        judged.append(JudgedRollout(rollout=rollout, reward=reward, source=source))
    preferred, undecided = preferred_pairs(group)
    return Judgement(
        judged=tuple(judged),
        abstained=abstained,
        unscored=unscored,
        contradicted=contradicted,
        preferred=preferred,
        undecided=undecided,
    )


def _verified_conclusions(group: QueryGroup) -> dict[str | None, bool]:
    """Whether the conclusions of which something is verified are right."""
    rewards: dict[str, list[float]] = {}
    for rollout in group.rollouts:
        if rollout.verified is not None and rollout.conclusion_id is not None:
            rewards.setdefault(rollout.conclusion_id, []).append(rollout.verified)
    return {conclusion: sum(of) / len(of) >= 0.5 for conclusion, of in rewards.items()}
