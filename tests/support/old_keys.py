"""Memories as an earlier version of the conclusion keys made them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from schema.answers import KEYS_VERSION, conclusion_key

OLD: int = KEYS_VERSION - 1


def old_key(query: str, thinking: str, answer: str, domain: str) -> str | None:
    """By the query's number: today's key, one for all answers, one for each, or today's for one."""
    key = conclusion_key(query, thinking, answer, domain)
    only_last = key if "attempt 3" in thinking else None
    return (key, "text:all of them", f"text:{thinking}", only_last)[int(query.split()[2]) % 4]


@contextmanager
def old_keys() -> Iterator[None]:
    """Within the block this process makes keys of the version before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("schema.keyed_rollout.conclusion_key", old_key)
        patch.setattr("memstore.outbox.locks.KEYS_VERSION", OLD)
        yield
