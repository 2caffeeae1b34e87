"""Requests of many callers before one scorer."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest
from support.fake_scorer import FakeScorer
from support.rollout_factory import make_rollout, make_rollouts

from memreward.scoring.queue import BATCH_ROLLOUTS, ScoringQueue
from schema.errors import BusyError, InputError, StoreError
from schema.rollout import Rollout
from schema.score import Score


class HeldScorer(FakeScorer):
    """Scores when it is told to."""

    def __init__(self) -> None:
        super().__init__(lambda rollout: rollout.place / 10)
        self.begun, self.go = threading.Event(), threading.Event()

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        self.begun.set()
        assert self.go.wait(300)
        return super().score(rollouts, store=store)


def fresh(question: int, places: int = 2) -> list[Rollout]:
    return [make_rollout(question, place, reward=None) for place in range(places)]


def values(future: Future[list[Score]]) -> list[float | None]:
    return [score.value for score in future.result(300)]


@pytest.fixture
def held() -> HeldScorer:
    return HeldScorer()


def test_what_comes_together_is_scored_together(held: HeldScorer) -> None:
    queue = ScoringQueue(held, limit=100)
    first = queue.submit(fresh(0), store=True)
    assert held.begun.wait(300)
    later = [queue.submit(fresh(n, n), store=n != 3) for n in range(1, 6)]
    held.go.set()
    assert values(first) == [0.0, 0.1]
    for number, future in enumerate(later, start=1):
        assert values(future) == [place / 10 for place in range(number)]
    queue.close()
    # 3 does not store, so it is left for the next batch, and nobody waits for the window twice.
    assert held.calls == [(2, True), (1 + 2 + 4 + 5, True), (3, False)]
    assert len(held.stored) == 2 + 1 + 2 + 4 + 5


def test_a_request_that_is_refused_fails_alone(held: HeldScorer) -> None:
    held.go.set()
    queue = ScoringQueue(held, limit=100, window_seconds=0.2)
    good = queue.submit(fresh(1), store=True)
    queue.submit(fresh(2), store=True)
    bad = queue.submit([make_rollout(1, 0, reward=None, answer="another")], store=True)
    assert values(good) == [0.0, 0.1]
    with pytest.raises(InputError, match="other content"):
        bad.result(300)
    queue.close()


def test_no_more_is_taken_on_than_can_wait(held: HeldScorer) -> None:
    queue = ScoringQueue(held, limit=5)
    first = queue.submit(fresh(0, 5), store=True)
    assert held.begun.wait(300)
    second = queue.submit(fresh(1, 4), store=True)
    with pytest.raises(BusyError, match="4 rollouts are waiting, at most 5 can"):
        queue.submit(fresh(2), store=True)
    assert queue.waiting == 4
    with pytest.raises(InputError, match="in several"):
        queue.submit(fresh(3, 6), store=True)
    held.go.set()
    assert (len(values(first)), len(values(second))) == (5, 4)
    assert len(values(queue.submit(fresh(2), store=True))) == 2
    queue.close()


def test_closing_finishes_what_waits(held: HeldScorer) -> None:
    queue = ScoringQueue(held, limit=9_999)
    futures = [queue.submit(fresh(n, 100), store=True) for n in range(8)]
    given_up = queue.submit(fresh(9), store=True)
    assert given_up.cancel()
    closing = threading.Thread(target=queue.close)
    held.go.set()
    closing.start()
    assert [len(future.result(300)) for future in futures] == [100] * 8
    closing.join(300)
    assert not closing.is_alive()
    with pytest.raises(BusyError, match="stopping"):
        queue.submit(fresh(1), store=True)
    assert len(held.stored) == 800
    assert all(size <= BATCH_ROLLOUTS for size, _ in held.calls)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_scorer_leaves_nobody_waiting(held: HeldScorer) -> None:
    def fault(rollout: Rollout) -> float:
        raise ZeroDivisionError

    held.opinion = fault
    queue = ScoringQueue(held, limit=99)
    first = queue.submit(make_rollouts(1), store=True)
    assert held.begun.wait(300)
    held.go.set()
    assert len(first.result(300)) == 4  # All verified: no opinion is asked for.
    second = queue.submit(fresh(5), store=True)
    with pytest.raises(StoreError, match="has died"):
        second.result(300)
    queue._thread.join(300)
    assert not queue.alive
    with pytest.raises(StoreError, match="has died"):
        queue.submit(fresh(6), store=True)
