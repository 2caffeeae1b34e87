"""A memory in the trainer's own process, behind the queue that the service has, too."""

import atexit
from collections.abc import Sequence

from memreward import Memory
from memreward.scoring import Row, RowReader, ScoringQueue
from schema.calls import Reuse
from schema.ids import DEFAULT_RUN
from schema.score import Score

#: Rollouts that may wait: more than a trainer has in the air at once.
_LIMIT = 1 << 20


class LocalClient:
    """Opens a memory; calls from several threads are scored together."""

    def __init__(self, memory: str, run: str | None, *, reuse: bool = False) -> None:
        """Open it; it is closed, and everything published, when the process ends."""
        taken_over = Reuse() if reuse else None
        self._memory = Memory.open(memory, run=run or DEFAULT_RUN, reuse=taken_over)
        self._queue = ScoringQueue(self._memory, limit=_LIMIT)
        self._rows = RowReader()
        atexit.register(self.close)

    def score(self, rows: Sequence[Row], *, train: bool) -> list[Score]:
        """Scores in order; see `Memory.score`."""
        rollouts = self._rows.rollouts(rows, self._memory.encoder)
        return self._queue.submit(rollouts, store=train).result()

    def plan_calls(self, rows: Sequence[Row], budget: int) -> list[int]:
        """Places of the rows to verify; see `Memory.plan_calls`."""
        return self._memory.plan_calls(rows, budget)

    def close(self) -> None:
        """Finish, publish and let go of the databases."""
        atexit.unregister(self.close)
        self._queue.close()
        with self._memory:
            pass
