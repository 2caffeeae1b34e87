"""A memory behind `memreward serve`, for whatever takes a scorer: TRL's reward function, say."""

from collections.abc import Mapping, Sequence
from typing import Any

from memreward.client.http import HttpClient
from memstore.formats import to_row
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score


class RemoteMemory:
    """A `schema.score.Scorer` and `schema.calls.CallPlanner` over HTTP, for any number of threads.

    Example:
        memory = RemoteMemory("http://127.0.0.1:8420", token)
        reward = memory_reward(memory, verify=accuracy_reward, labelled=texts)
    """

    def __init__(self, url: str, token: str) -> None:
        """Nothing is asked yet.

        Args:
            url: what `memreward serve` says it serves at.
            token: the content of the file that it names.
        """
        self._client = HttpClient(url, token)

    def score(
        self, rollouts: Sequence[Rollout | Mapping[str, Any]], *, store: bool = True
    ) -> list[Score]:
        """Score rows, as `memreward.Memory.score` does; see `HttpClient.score` for what is raised.

        The run is that of the service.
        """
        return self._client.score(_rows(rollouts), train=store)

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Store rewards and preferences, as `memreward.Memory.label` does.

        Rows that name no run mean the service's.
        """
        return self._client.label(labels, annotator)

    def plan_calls(self, rollouts: Sequence[Rollout | Mapping[str, Any]], budget: int) -> list[int]:
        """See `schema.calls.CallPlanner`; the service must have been started with `--reuse`."""
        return self._client.plan_calls(_rows(rollouts), budget)

    def learn(self) -> str:
        """Have the service learn from what is verified, and score by that from here on.

        Returns:
            Version of the checkpoint.
        """
        return self._client.learn()

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._client.flush()


def _rows(rollouts: Sequence[Rollout | Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [to_row(row) if isinstance(row, Rollout) else row for row in rollouts]
