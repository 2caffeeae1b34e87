"""One line of requests before a scorer: what comes together is scored together.

Callers that each bring one rollout of a group at nearly the same time thereby get scores that know
the whole group, and the cost of a score is shared. What was taken on is scored and, if it is to be,
stored, whether its caller still waits or not.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from schema.errors import BusyError, CheckpointError, InputError, MemrewardError, StoreError
from schema.rollout import Rollout
from schema.score import Score, Scorer

#: How long the first request of a batch waits for others.
WINDOW_SECONDS: Final = 0.02
#: A batch is closed once it holds this many rollouts.
BATCH_ROLLOUTS: Final = 512


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Request:
    rollouts: Sequence[Rollout]
    store: bool
    future: Future[list[Score]] = field(default_factory=Future)


class ScoringQueue:
    """Hands requests to a scorer, in a thread of its own, a batch at a time."""

    def __init__(
        self, scorer: Scorer, *, limit: int, window_seconds: float = WINDOW_SECONDS
    ) -> None:
        """Start the thread.

        Args:
            scorer: used by this thread only, as far as this object is concerned.
            limit: most rollouts that wait; those that are being scored do not count.
            window_seconds: see WINDOW_SECONDS.
        """
        self.limit = limit
        self._scorer, self._window = scorer, window_seconds
        self._changed = threading.Condition()
        self._waiting: deque[_Request] = deque()
        self._current: list[_Request] = []
        self._n_waiting = 0
        self._closing = self._dead = False
        self._thread = threading.Thread(target=self._run, name="score", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many rollouts wait."""
        return self._n_waiting

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return not self._dead

    def submit(self, rollouts: Sequence[Rollout], *, store: bool) -> Future[list[Score]]:
        """Line up one request; its rollouts stay together.

        The future has the scores in order, or the error that scoring this request alone gives.

        Raises:
            InputError: if it is larger than the whole queue.
            BusyError: if there is no room now, or the queue is being closed.
            StoreError: if the thread has died.
        """
        if len(rollouts) > self.limit:
            raise InputError(
                f"{len(rollouts)} rollouts in one request, at most {self.limit} can wait: send "
                "them in several, or start the service with a longer --queue"
            )
        request = _Request(rollouts=rollouts, store=store)
        with self._changed:
            if self._closing:
                raise BusyError("the service is stopping: try again when it is back")
            if self._dead:
                raise _died()
            if self._n_waiting + len(rollouts) > self.limit:
                raise BusyError(
                    f"{self._n_waiting} rollouts are waiting, at most {self.limit} can: try again "
                    "soon, or start the service with a longer --queue"
                )
            self._waiting.append(request)
            self._n_waiting += len(rollouts)
            self._changed.notify_all()
        return request.future

    def close(self) -> None:
        """Take on nothing more, finish what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not (self._closing and not self._waiting):
                self._current = self._next_batch()
                if self._current:
                    self._score(self._current)
                self._current = []
        finally:
            with self._changed:
                self._dead = True
                left = [*self._current, *self._waiting]
                self._waiting.clear()
                self._n_waiting = 0
            for request in left:
                if not request.future.done():
                    request.future.set_exception(_died())

    def _next_batch(self) -> list[_Request]:
        """Requests in order that all store or all do not; none if their callers gave up."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            until = time.monotonic() + self._window
            while self._n_waiting < BATCH_ROLLOUTS and not self._closing:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return self._take()

    def _take(self) -> list[_Request]:
        batch: list[_Request] = []
        rollouts = 0
        for request in list(self._waiting):
            if batch and request.store != batch[0].store:
                continue
            if batch and rollouts + len(request.rollouts) > BATCH_ROLLOUTS:
                break
            self._waiting.remove(request)
            self._n_waiting -= len(request.rollouts)
            if request.future.set_running_or_notify_cancel():
                batch.append(request)
                rollouts += len(request.rollouts)
        return batch

    def _score(self, batch: Sequence[_Request]) -> None:
        rollouts = [rollout for request in batch for rollout in request.rollouts]
        try:
            scores = self._scorer.score(rollouts, store=batch[0].store)
        except (InputError, CheckpointError) as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
            else:  # Nothing was stored. Whose fault it is shows when each is scored alone.
                for request in batch:
                    self._score([request])
        except MemrewardError as error:
            for request in batch:
                request.future.set_exception(error)
        else:
            start = 0
            for request in batch:
                end = start + len(request.rollouts)
                request.future.set_result(scores[start:end])
                start = end


def _died() -> StoreError:
    return StoreError(
        "the thread that scores has died of a fault that the service printed: start the service "
        "again; what was stored before is kept"
    )
