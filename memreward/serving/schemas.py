"""What requests to the service and its answers look like: the schemas of its OpenAPI document."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    create_model,
    model_validator,
)

from schema.input_columns import INPUT_COLUMNS, InputColumn, InputKind
from schema.reward import LabelReport
from schema.score import Score, ScoreSource

#: Most rollouts of one request.
MAX_ROLLOUTS = 65_536


_TYPES: Final[dict[InputKind, Any]] = {
    InputKind.TEXT: str,
    InputKind.NAME: str,
    InputKind.NAME_OR_INTEGER: str | int,
    InputKind.INTEGER: int,
    InputKind.TRUTH: bool,
    InputKind.REWARD: float | bool,
    InputKind.NUMBER: float,
    InputKind.VECTOR: list[float],
}


def _field(column: InputColumn) -> tuple[Any, Any]:
    """Type and description of a column; only `query` must be given."""
    kind = _TYPES[column.kind]
    if column.name == "query":
        return kind, Field(description=column.description)
    return kind | None, Field(None, description=column.description)


if TYPE_CHECKING:
    from pydantic import BaseModel as _Columns
else:
    _Columns = create_model(
        "_Columns",
        __config__=ConfigDict(strict=True, extra="ignore"),
        **{column.name: _field(column) for column in INPUT_COLUMNS},
    )


class RolloutForm(_Columns):
    """One rollout, with the columns of docs/format.md; what is left out is not given.

    Other columns are ignored, as in files, and named in the answer.
    """


class RolloutsRequest(BaseModel):
    """Rollouts; columns that mean nothing are noted."""

    model_config = ConfigDict(strict=True, extra="forbid")

    rollouts: list[RolloutForm] = Field(max_length=MAX_ROLLOUTS)
    _not_used: list[str] = PrivateAttr(default_factory=list)

    @model_validator(mode="wrap")
    @classmethod
    def _name_others(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Keep the names of the columns that no rollout form has."""
        request = handler(given)
        rows = given.get("rollouts", ()) if isinstance(given, dict) else ()
        names = {name for row in rows if isinstance(row, dict) for name in row}
        request._not_used = sorted(names - set(RolloutForm.model_fields))
        return request

    @property
    def not_used(self) -> list[str]:
        """Columns of the rollouts that mean nothing to memreward, sorted."""
        return self._not_used


class ScoreRequest(RolloutsRequest):
    """Rollouts to be scored, at best whole groups of a query: agreement within it counts."""

    train: bool = Field(True, description="False: evaluation. Nothing is stored.")


class ScoreForm(BaseModel):
    """What the memory says of one rollout."""

    rollout_id: str
    value: float | None = Field(description="The reward in [0, 1]; null: no opinion.")
    confidence: float = Field(description="In [0, 1]; 1 for a verified reward.")
    source: Literal["verified", "same_conclusion", "propagated", "none"]
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
    not_used: list[str] = Field([], description="Columns that mean nothing to memreward.")


class PlanRequest(RolloutsRequest):
    """New rollouts without rewards, at best all of a step, and how many may be verified."""

    budget: int = Field(ge=0, description="Most calls of the verifier.")


class PlanResponse(BaseModel):
    """What to verify before the rollouts are scored."""

    rows: list[int] = Field(description="Places in the request, counted from 0.")
    not_used: list[str] = Field([], description="Columns that mean nothing to memreward.")


class LabelRequest(BaseModel):
    """Rewards and preferences of rollouts that are stored, rows as docs/labels.md has them."""

    model_config = ConfigDict(strict=True, extra="forbid")

    labels: list[dict[str, Any]] = Field(
        max_length=MAX_ROLLOUTS,
        description="`reward`, or `better` and `worse`, with `rollout_id` of a score, or with "
        "`query_id`, `step`, `rollout`, and `run` where it is not the service's.",
    )
    annotator: str | None = Field(None, description="Who says it, where a row does not.")


class LabelResponse(BaseModel):
    """What was new in the labels; what repeats its annotator's last word is not."""

    rewards: int
    preferences: int
    taken_over: int = Field(description="Rewards of rollouts that conclude the same.")

    @classmethod
    def of(cls, report: LabelReport) -> Self:
        """The form of a report."""
        return cls(**asdict(report))


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


class LearnResponse(BaseModel):
    """What was learned."""

    model: str = Field(description="The new checkpoint, which scores now.")


class Liveness(BaseModel):
    """Whether the service lives, or is ready; and if not, why."""

    ok: bool
    reason: str | None = None


class Refusal(BaseModel):
    """Why there is no answer, and what to do."""

    detail: str


#: A reward that means "no opinion".
Neutral = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
