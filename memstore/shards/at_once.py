"""Calls to several shards at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """What the calls return, in their order, once all have ended.

    Raises:
        Exception: what the first of those that failed raised.
    """
    if len(calls) < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(len(calls), "shard") as pool:
        futures = [pool.submit(call) for call in calls]
        wait(futures)
    return [future.result() for future in futures]


def once(ask: Callable[[], T]) -> Callable[[], T]:
    """Asks at most once, late, however many threads want to know."""
    lock, said = Lock(), list[T]()

    def told() -> T:
        with lock:
            if not said:
                said.append(ask())
            return said[0]

    return told
