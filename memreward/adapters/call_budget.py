"""A budget of verifier calls for trainers that hand samples over: the memory chooses the calls."""

import threading
from collections.abc import Callable, Sequence
from functools import cache
from pkgutil import resolve_name
from typing import Any

from memreward.client import plan_calls
from memreward.scoring import Row, said
from schema.calls import calls_allowed
from schema.errors import InputError, SettingsError

#: Says what a sample is worth, called as the trainer calls its own reward function.
Verifier = Callable[..., Any]


class CallBudget:
    """Calls for a share of the samples that this process sees; for any number of threads."""

    def __init__(self, share: float) -> None:
        """Nothing is spent yet.

        Raises:
            InputError: if `share` is not in [0, 1].
        """
        if not 0 <= share <= 1:
            raise InputError(f"calls={share}: give the share of the samples to verify, 0 to 1")
        self._share = share
        self._lock = threading.Lock()
        self._rollouts = self._made = 0

    def spend(self, rows: Sequence[Row], verify: Callable[[int], float | None]) -> list[Row]:
        """The rows, those with a `reward` whose verdict was worth a call.

        Args:
            rows: new rollouts, at best whole groups.
            verify: the verdict on a row, by its place; None: it cannot tell, which is a call too.
        """
        kept = said(rows)
        with self._lock:  # Two plans at a time would spend the same calls.
            self._rollouts += len(rows)
            left = calls_allowed(self._share, self._rollouts) - self._made
            chosen = plan_calls([rows[place] for place in kept], left) if kept and left > 0 else []
            self._made += len(chosen)
        found = [dict(row) for row in rows]
        for place in (kept[row] for row in chosen):
            found[place]["reward"] = verify(place)
        return list(found)


@cache
def call_budget(share: float) -> CallBudget:
    """The budget of this process for a share; made once."""
    return CallBudget(share)


def verifier(named: str | Verifier) -> Verifier:
    """The verifier, or what `package.module:function` names.

    Raises:
        SettingsError: if there is none.
    """
    if not isinstance(named, str):
        return named
    try:
        found = resolve_name(named)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"verify={named}: cannot be imported ({error}): write package.module:function"
        ) from error
    if not callable(found):
        raise SettingsError(f"verify={named} is no function: write package.module:function")
    return found


def verdict(said: Any) -> float | None:
    """What a verifier returned, as a reward; of a dict, its `score`, as verl has it."""
    value = said.get("score") if isinstance(said, dict) else said
    return None if value is None else float(value)
