"""A rollout as it arrives, and as it is stored."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Statistics of the policy's token log-probabilities and entropies over one completion.
POLICY_SIGNALS: Final[tuple[str, ...]] = (
    "logprob_mean",
    "logprob_min",
    "entropy_mean",
    "entropy_max",
    "logprob_last8",
    "logprob_low_share",
)

Vector = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout:
    """One answer of a policy to one query, with what is known about it."""

    query: str
    answer: str
    thinking: str = ""
    #: Whether the answer came as one or was marked; false: it is the last line, or there is none.
    answer_given: bool = True
    #: The id that the data's owner gave to the query; equal texts may have several.
    source_query_id: str
    #: RL step that made it, and a counter within (run, source query, step).
    step: int = 0
    place: int
    dataset: str = "default"
    domain: str = "general"
    policy: str | None = None
    checkpoint: str | None = None
    #: Verified reward in [0, 1]; None: not verified, or not to be stored.
    reward: float | None = None
    completion_tokens: int | None = None
    truncated: bool | None = None
    #: Why the policy's engine ended it, in its own words, such as "stop" or "length".
    finish_reason: str | None = None
    #: Values of POLICY_SIGNALS, in that order; all or none.
    policy_signals: tuple[float, ...] | None = None
    #: Pooled hidden state of the policy, of any dimension, and the layer it comes from.
    policy_embedding: Vector | None = None
    policy_layer: str | None = None
    #: Text embeddings made by `encoder`; None: to be computed.
    encoder: str | None = None
    query_embedding: Vector | None = None
    thinking_embedding: Vector | None = None
    answer_embedding: Vector | None = None
