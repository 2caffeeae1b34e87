"""A memory behind `memreward serve`, for whatever takes a scorer: TRL's reward function, say."""

from collections.abc import Sequence

from memreward.client.http import HttpClient
from memstore.formats import to_row
from schema.rollout import Rollout
from schema.score import Score


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
        return self._client.score([to_row(rollout) for rollout in rollouts], train=store)

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._client.flush()
