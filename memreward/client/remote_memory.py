"""A memory behind `memreward serve`, for whatever takes a scorer: TRL's reward function, say."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np

from memreward.client.http import HttpClient
from schema.rollout import POLICY_SIGNALS, Rollout
from schema.score import Score

#: Fields of a rollout that the input format knows by another name.
_COLUMNS: Final = {"source_query_id": "query_id", "place": "rollout"}


class RemoteMemory:
    """A client that is a `schema.score.Scorer`, for any number of threads and processes.

    Example:
        memory = RemoteMemory("http://127.0.0.1:8420", token)
        reward = memory_reward(memory, verify=accuracy_reward, labelled=texts)
    """

    def __init__(self, url: str, token: str) -> None:
        """Nothing is asked yet."""
        self._client = HttpClient(url, token)

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        """See `schema.score.Scorer`, and `HttpClient.score` for what is raised."""
        return self._client.score([row_of(rollout) for rollout in rollouts], train=store)

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._client.flush()


def row_of(rollout: Rollout) -> dict[str, Any]:
    """A rollout as a row of the input format."""
    row: dict[str, Any] = {}
    for field in fields(rollout):
        value = getattr(rollout, field.name)
        if field.name == "policy_signals" or value is None:
            continue
        plain = value.tolist() if isinstance(value, np.ndarray) else value
        row[_COLUMNS.get(field.name, field.name)] = plain
    signals = rollout.policy_signals
    return row if signals is None else row | dict(zip(POLICY_SIGNALS, signals, strict=True))
