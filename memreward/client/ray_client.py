"""A memory on Ray, for adapters inside the workers of a trainer that runs there."""

from collections.abc import Sequence

from memreward.cluster import RayMemory
from memreward.scoring import Row
from schema.score import Score


class RayClient:
    """Asks the scorer of the worker's node, which scores together what comes together."""

    def __init__(self, memory: RayMemory) -> None:
        """It is not closed: its actors belong to all workers."""
        self._memory = memory

    def score(self, rows: Sequence[Row], *, train: bool) -> list[Score]:
        """Scores in order; see `RayMemory.score`."""
        return self._memory.score(rows, store=train)

    def plan_calls(self, rows: Sequence[Row], budget: int) -> list[int]:
        """Places of the rows to verify; see `RayMemory.plan_calls`."""
        return self._memory.plan_calls(rows, budget)
