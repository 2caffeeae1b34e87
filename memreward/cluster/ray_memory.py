"""`RayMemory`: a memory whose writer and scorers are actors of a Ray cluster."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from memreward.cluster.actors import Places, named_actor, this_node, writers_of
from memreward.cluster.arrow import rollout_table, scores_in
from memreward.cluster.library import ray_library, result_of
from memreward.cluster.ray_jobs import RayJobs
from memreward.cluster.scorer_actor import ScorerActor
from memreward.cluster.scorers import Scorers
from memreward.cluster.watching import NAMESPACE, MetricsActor, actor_names
from memreward.scoring import RowReader
from memstore import Settings
from schema.calls import Reuse
from schema.errors import BusyError, InputError, SettingsError
from schema.ids import DEFAULT_RUN, checked_name
from schema.reward import LabelReport
from schema.rollout import Rollout
from schema.score import Score

#: Most rollouts that wait before a scorer.
QUEUE_ROLLOUTS: Final = 1 << 16
#: A scorer with a full queue is asked again for as long as this.
BUSY_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 0.5
#: Calls that one scorer takes at once; their rollouts wait in its queue.
_CALLS: Final = 64
#: Where `watch` serves.
METRICS_PORT: Final = 8423


class _Stamp(NamedTuple):
    """The encoder of a memory, as far as rows are read by it, and where its shards are."""

    name: str
    dimension: int
    #: None: it is not divided.
    places: Places | None

    @property
    def shards(self) -> int | None:
        """How many it has."""
        return None if self.places is None else sum(map(len, self.places))


class RayMemory(RayJobs):
    """A `schema.calls.CallPlanner` on Ray, for any number of processes, tasks and actors.

    One actor writes to the memory, or to its shards in each pair of databases. One actor a node and
    run scores there. They are found by name, so all who open the same memory share them, and they
    live until `stop`. Rollouts go to the scorer through the object store of the caller's node;
    while that scorer is starting, those of other nodes answer.

    Example:
        ray.init(address="auto")
        with RayMemory("sums", run="grpo-1") as memory:
            reward = memory_reward(memory, verify=accuracy_reward, labelled=texts)
    """

    def __init__(
        self,
        name: str,
        *,
        run: str = DEFAULT_RUN,
        shards: int | None = None,
        reuse: Reuse | None = None,
        keep_scores: bool = False,
        settings: Settings | None = None,
        queue: int = QUEUE_ROLLOUTS,
    ) -> None:
        """Find the actors, or start them.

        Args:
            name: of the memory; a name that is new becomes a memory with the first rollouts.
            run: the run that makes the rollouts.
            shards: how many; a memory that is new is divided so. None: what is there stays as it
                is, and what is new is one memory.
            reuse: rollouts that conclude what was verified on their query take that verdict over
                (docs/labels.md), and `plan_calls` can be asked. Scorers with it are others than
                those without.
            keep_scores: what a trained model says is also written into the memory, as by
                `Memory.open`. Scorers that do it are others, too.
            settings: where the databases are, for actors that this call starts; None: what the
                environment and the files of an actor's node say.
            queue: most rollouts that wait before a scorer that this call starts.

        Raises:
            SettingsError: if Ray is not installed, or this process is not connected to a cluster.
            InputError: if it has another number of shards.
            MemrewardError: if the memory cannot be opened.
        """
        self.name, self.run = checked_name(name, "memory"), checked_name(run, "run")
        self._settings, self._limit, self._rows = settings, queue, RowReader()
        self._reuse, self._keep_scores = reuse, keep_scores
        self._scorers_name = scorers_name(run, reuse, keep_scores)
        if shards is not None and shards < 2:
            raise InputError(f"a memory is divided into 2 shards at least, not {shards}")
        _check_connection()
        self._scorers = Scorers(name, self._scorers_name, self._scorer_here(shards))
        self._stamp = _Stamp(*self._scorers.stamp())
        if shards not in (None, self._stamp.shards):
            raise _other_shards(name, shards, self._stamp.shards)
        self._writers = writers_of(name, self._stamp.places, settings)

    @property
    def shards(self) -> int | None:
        """How many it has; None: it is not divided."""
        return self._stamp.shards

    def score(
        self, rollouts: Sequence[Rollout | Mapping[str, Any]], *, store: bool = True
    ) -> list[Score]:
        """Score new rollouts, in their order, as `memreward.Memory.score` does.

        Rows are given sample numbers before they are sent, so whatever is sent twice is stored
        once. A full queue is asked again for two minutes.

        Raises:
            InputError: if a rollout cannot be stored, or another text is known at its place.
            BusyError: if the queue stays full.
            MemrewardError: if they cannot be scored; nothing is guessed instead.
        """
        if not rollouts:
            return []
        table = self._sent(rollouts)
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return scores_in(self._scorers.ask("score", table, store))
            except BusyError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE_SECONDS)

    def plan_calls(self, rollouts: Sequence[Rollout | Mapping[str, Any]], budget: int) -> list[int]:
        """Rows of new rollouts to verify, at most `budget`; see `schema.calls.CallPlanner`.

        Raises:
            InputError: if a rollout cannot be stored, or the memory was opened without `reuse`.
        """
        return self._scorers.ask("plan_calls", self._sent(rollouts), budget)

    def label(
        self, labels: Sequence[Mapping[str, Any]], *, annotator: str | None = None
    ) -> LabelReport:
        """Store rewards and preferences, as `memreward.Memory.label` does.

        Raises:
            InputError: if a row cannot be used; nothing is written then.
            UnknownMemoryError: if nothing was stored yet.
        """
        rows = ray_library().put([dict(row) for row in labels])
        return self._scorers.ask("label", rows, annotator)

    def refresh(self) -> None:
        """Have this node's scorer pick up the latest checkpoint, and another encoder."""
        result_of(self._scorers.own.refresh.remote())
        self._stamp = _Stamp(*self._scorers.stamp())

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        for flushed in [writer.flush.remote() for writer in self._writers]:
            result_of(flushed)

    def watch(self, *, host: str = "127.0.0.1", port: int = METRICS_PORT) -> str:
        """Have one more actor, on this node, serve Prometheus' text of all the memory's actors.

        It asks for no password, and tells no text of a rollout. Who calls it again gets the same.

        Args:
            host: address to listen at.
            port: 0: a free one.

        Returns:
            Its address, `http://.../metrics`.
        """
        actor = named_actor(
            MetricsActor,
            f"{self.name}/metrics",
            (self.name, host, port),
            scheduling_strategy=this_node(),
        )
        return result_of(actor.url.remote())

    def stop(self) -> None:
        """Publish everything, and end the memory's actors on all nodes, for everybody."""
        self.flush()
        ray = ray_library()
        for name in actor_names(self.name):
            ray.kill(ray.get_actor(name, namespace=NAMESPACE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for publication; the actors stay for others."""
        if error is None:
            self.flush()

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to a task, it is opened there: that node has a scorer, and numbers, of its own."""
        opened = partial(
            RayMemory,
            run=self.run,
            shards=self.shards,
            reuse=self._reuse,
            keep_scores=self._keep_scores,
            settings=self._settings,
            queue=self._limit,
        )
        return opened, (self.name,)

    def _sent(self, rollouts: Sequence[Rollout | Mapping[str, Any]]) -> Any:
        """A reference to the rows as a `rollout_table`, for whichever scorer answers."""
        given = self._rows.rollouts(rollouts, self._stamp)
        return ray_library().put(rollout_table(given, self._stamp.dimension))

    def _scorer_here(self, shards: int | None) -> Any:
        """The handle of this node's scorer."""
        node = ray_library().get_runtime_context().get_node_id()
        return named_actor(
            ScorerActor,
            f"{self.name}/{self._scorers_name}/{node}",
            (
                *(self.name, self.run, self._settings),
                *(shards, self._limit, self._reuse, self._keep_scores),
            ),
            max_concurrency=_CALLS,
            scheduling_strategy=this_node(),
        )


def _check_connection() -> None:
    if not ray_library().is_initialized():
        raise SettingsError(
            'this process is not connected to a Ray cluster: call ray.init(address="auto") first, '
            "or ray.init() for one on this machine"
        )


def _other_shards(name: str, wanted: int | None, found: int | None) -> InputError:
    if found is None:
        return InputError(
            f"memory {name!r} is not divided into {wanted} shards, but one memory: open it without "
            "`shards`, choose another name, or, if nothing is stored in it yet, `stop()` it first"
        )
    return InputError(
        f"memory {name!r} is divided into {found} shards, not {wanted}: open it with "
        f"`shards={found}`"
    )


def scorers_name(run: str, reuse: Reuse | None, keep_scores: bool) -> str:
    """What is common to the names of the scorers that all do the same."""
    reusing = "" if reuse is None else f"+reuse-{reuse.audited:g}-{reuse.seed}"
    return run + reusing + ("+keep-scores" if keep_scores else "")
