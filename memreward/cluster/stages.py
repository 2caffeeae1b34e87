"""How far a long job on Ray is: its actor notes it, and whoever waits asks about once a second."""

from typing import Any, Final

from memreward.cluster.library import ray_library, result_of
from memreward.cluster.watching import WATCH
from memreward.jobs import Told

#: What is done, how much of it, and of how much, as far as that is known.
Stage = tuple[str, int, int | None]
#: Seconds between two questions.
_SECONDS: Final = 1.0


class Staged:
    """An actor that says how far it is, in the group `WATCH`."""

    def __init__(self) -> None:
        """Nothing is begun."""
        self._stage: Stage = ("start", 0, None)

    def stage(self) -> Stage:
        """How far it is."""
        return self._stage

    def note(self, what: str, done: int, total: int | None) -> None:
        """Called by what it does."""
        self._stage = (what, done, total)


def told_until_done(actor: Any, outcome: Any, progress: Told) -> Any:
    """Call `progress` about once a second until a call of a `Staged` actor is done; its result.

    Raises:
        MemrewardError: what the call raised.
    """
    ray = ray_library()
    while not ray.wait([outcome], timeout=_SECONDS)[0]:
        stage = actor.stage.options(concurrency_group=WATCH).remote()
        if ray.wait([stage], timeout=_SECONDS)[0]:
            progress(*result_of(stage))
    return result_of(outcome)
