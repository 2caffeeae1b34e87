"""What requests to the service and its answers look like: the schemas of its OpenAPI document."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from schema.score import Score, ScoreSource

#: Most rollouts of one request.
MAX_ROLLOUTS = 65_536
_Vector = list[float] | None


class RolloutForm(BaseModel):
    """One rollout, with the columns of docs/format.md; what is left out is not given."""

    model_config = ConfigDict(strict=True, extra="forbid")

    query: str = Field(description="What the policy was asked.")
    answer: str | None = Field(None, description="The final part of what it wrote.")
    thinking: str | None = Field(None, description="The part before.")
    completion: str | None = Field(
        None, description="Both in one piece, to be divided; needed where there is no `answer`."
    )
    query_id: str | int | None = Field(None, description="Your id of the query; else its hash.")
    rollout: int | None = Field(
        None,
        description="Place within (query_id, step). With it, a request that is repeated stores "
        "nothing twice; without it the service counts.",
    )
    step: int | None = Field(None, description="RL step; 0 if not given.")
    dataset: str | None = None
    domain: str | None = None
    policy: str | None = None
    checkpoint: str | None = None
    reward: float | bool | None = Field(None, description="Verified reward in [0, 1].")
    completion_tokens: int | None = None
    truncated: bool | None = None
    logprob_mean: float | None = None
    logprob_min: float | None = None
    entropy_mean: float | None = None
    entropy_max: float | None = None
    logprob_last8: float | None = None
    logprob_low_share: float | None = None
    policy_embedding: _Vector = None
    policy_layer: str | int | None = None
    query_embedding: _Vector = None
    thinking_embedding: _Vector = None
    answer_embedding: _Vector = None
    encoder: str | None = None


class ScoreRequest(BaseModel):
    """Rollouts to be scored, at best whole groups of a query: agreement within it counts."""

    model_config = ConfigDict(strict=True, extra="forbid")

    rollouts: list[RolloutForm] = Field(max_length=MAX_ROLLOUTS)
    train: bool = Field(True, description="False: evaluation. Nothing is stored.")


class ScoreForm(BaseModel):
    """What the memory says of one rollout."""

    rollout_id: str
    value: float | None = Field(description="The reward in [0, 1]; null: no opinion.")
    confidence: float = Field(description="In [0, 1]; 1 for a verified reward.")
    source: Literal["verified", "propagated", "none"]
    model: str | None = Field(description="The checkpoint that propagated it.")
    abstained: str | None = Field(description="Why there is no opinion; null where there is one.")

    @classmethod
    def of(cls, score: Score) -> Self:
        """The form of a score."""
        why = "the query is unlike anything labelled" if score.model else "it has not learnt yet"
        return cls(
            rollout_id=score.rollout_id,
            value=score.value,
            confidence=score.confidence,
            source=score.source.value,
            model=score.model,
            abstained=why if score.source is ScoreSource.NONE else None,
        )


class ScoreResponse(BaseModel):
    """Scores in the order of the rollouts."""

    scores: list[ScoreForm]


class OpenrlhfRequest(BaseModel):
    """What OpenRLHF posts to a remote reward model; labels are not looked at."""

    query: list[str] = Field(description="Prompt and response in one piece.")
    prompts: list[str]


class OpenrlhfResponse(BaseModel):
    """What OpenRLHF expects back."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


class RefreshResponse(BaseModel):
    """The state after a refresh."""

    model: str | None = Field(description="The checkpoint that scores now.")


class Liveness(BaseModel):
    """Whether the service lives, or is ready; and if not, why."""

    ok: bool
    reason: str | None = None


class Refusal(BaseModel):
    """Why there is no answer, and what to do."""

    detail: str


#: A reward that stands for "no opinion".
Neutral = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
