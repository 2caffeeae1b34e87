"""The scorer of a node, and whoever stands in while it is not there: any scorer gives its scores.

A scorer that was killed, or is just being started, takes seconds: it imports its models and opens
a snapshot. Those of other nodes answer meanwhile.
"""

from collections.abc import Iterator
from typing import Any, Final

from memreward.cluster.actors import Places
from memreward.cluster.library import ray_library, result_of, unavailable
from memreward.cluster.watching import NAMESPACE, WATCH, actor_names
from schema.errors import ServerError

#: After so long without an answer a scorer is asked whether it is there, and given as long again.
PATIENCE_SECONDS: Final = 1.0


class Scorers:
    """Asks a run's scorers, this node's first."""

    def __init__(self, memory: str, run: str, own: Any) -> None:
        """Nobody is asked yet.

        Args:
            memory: its name.
            run: what its scorers are called: see `scorers_name`.
            own: the handle of this node's scorer, which may still be starting.
        """
        self._prefix, self._memory, self.own = f"{memory}/{run}/", memory, own
        #: Answered once this node's scorer works; None: it does, as far as is known.
        self._starting: Any = _ping(own)

    def ask(self, method: str, *arguments: Any) -> Any:
        """What a method of `ScorerActor` gives; whoever dies over it is replaced by another.

        Args:
            method: its name; asking twice does what asking once does.
            arguments: or references to them.

        Raises:
            MemrewardError: what the method raises, or if no scorer can be started.
        """
        while True:
            scorer = self._one_that_works()
            call = getattr(scorer, method).options(max_task_retries=0)
            reference = call.remote(*arguments)
            if self._is_answered(scorer, reference):
                try:
                    return result_of(reference)
                except ServerError as error:
                    if not isinstance(error.__cause__, unavailable()):
                        raise
            if scorer is self.own:
                self._starting = _ping(self.own)

    def stamp(self) -> tuple[str, int, Places | None]:
        """See `ScorerActor.stamp`.

        Raises:
            MemrewardError: if no scorer can be started.
        """
        return result_of(self._one_that_works().stamp.remote())

    def _is_answered(self, scorer: Any, reference: Any) -> bool:
        """Wait for a call; False: the scorer is not there, and the call is taken back."""
        ray = ray_library()
        while not ray.wait([reference], timeout=PATIENCE_SECONDS)[0]:
            if not ray.wait([reference, _ping(scorer)], timeout=PATIENCE_SECONDS)[0]:
                ray.cancel(reference)
                return False
        return True

    def _one_that_works(self) -> Any:
        """This node's scorer, or while it is starting the first one that answers."""
        ray, starting = ray_library(), self._starting
        if starting is None:
            return self.own
        asked = {starting: self.own} | {_ping(other): other for other in self._others()}
        while True:
            (first,), _ = ray.wait([*asked], num_returns=1)
            try:
                result_of(first)
            except ServerError:  # It cannot be started, there or at all; another one may work.
                if len(asked) == 1:
                    raise
                del asked[first]
                continue
            if first is starting and self._starting is starting:  # No thread has lost it again.
                self._starting = None
            return asked[first]

    def _others(self) -> Iterator[Any]:
        """The run's scorers on other nodes."""
        ray = ray_library()
        for name in actor_names(self._memory):
            if name.startswith(self._prefix):
                try:
                    actor = ray.get_actor(name, namespace=NAMESPACE)
                except ValueError:  # It has died for good meanwhile.
                    continue
                if actor != self.own:
                    yield actor


def _ping(scorer: Any) -> Any:
    """Answered at once by a scorer that works; by one that is starting, once it does."""
    return scorer.stamp.options(concurrency_group=WATCH).remote()
