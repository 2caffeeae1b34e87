"""Training on Ray: the members of the default model are tasks, on any node, a GPU each.

No member depends on another, so the tasks exchange no gradients. What they learn from lies in
the object store, once a node; their states go to the actor that trains, which keeps them in the
folder of its training, as `memreward train` does.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from memreward.base import started_pairs
from memreward.cluster.actors import DURABLE, this_node
from memreward.cluster.divided import divided
from memreward.cluster.library import ray_library, result_of
from memreward.cluster.stages import Staged, told_until_done
from memreward.cluster.watching import WATCH
from memreward.jobs import Told
from memstore import Settings, load_settings
from schema.errors import TrainingError

if TYPE_CHECKING:  # It takes seconds, and callers need none of it.
    from gnn.base import ProgressReport
    from gnn.jobs import SharedTraining
    from gnn.models.memreward import Course, MemberState, PreparedTraining

#: Calls of this group keep members' states while the actor trains.
_STATES: Final = "states"
#: Seconds between two states of a member that are sent; the last one always is.
STATE_SECONDS: Final = 5.0
#: A member whose process dies is trained again as often as this.
MOST_DEATHS: Final = 10


class TrainActor(Staged):
    """Reads what is learned from, has tasks train the members, and keeps the checkpoint."""

    def __init__(self, settings: Settings | None) -> None:
        """Nothing is begun; `settings`: see `WriterActor`."""
        super().__init__()
        self._settings, self._course = settings, None

    def run(self, memory: str, seed: int, own: Any) -> str:
        """Learn; called again after a death, it goes on with what was reached.

        Args:
            memory: its name, which may be divided.
            seed: of a training from nothing.
            own: the handle of this actor.

        Returns:
            Version of the checkpoint.

        Raises:
            MemrewardError: see `gnn.jobs.train_memory`.
        """
        from gnn.jobs import train_memory

        found = self._settings or load_settings()
        with started_pairs(found) as pairs:
            shards = divided(pairs, memory, None)
            stores, first = pairs[0], memory
            if shards is not None:
                stores, first = shards.first.stores, shards.first.name

            def members(training: "SharedTraining", progress: "ProgressReport") -> None:
                self._train(training, own, progress)

            trained = train_memory(
                stores,
                found,
                first,
                self.note,
                seed=seed,
                resume=True,
                shards=shards,
                members=members,
            )
        return trained.manifest.version

    def state(self, member: int) -> "MemberState | None":
        """State of a member, for a task that takes it up; None: it has not begun."""
        return None if self._course is None else self._course.state(member)

    def keep(self, member: int, state: "MemberState") -> None:
        """Keep what a task has reached, unless the member is done already."""
        if self._course is None:  # Of tasks whose actor died; they are being ended.
            return
        kept = self._course.state(member)
        if kept is None or state.done or not kept.done:
            self._course.keep(member, state)

    def _train(self, training: "SharedTraining", own: Any, progress: "ProgressReport") -> None:
        """Have every member trained that is not done yet."""
        from gnn.models.memreward import Course, MemrewardModel

        ray, what = ray_library(), f"train {MemrewardModel.name}"
        self._course = Course(training.folder, training.note, every=0.0)
        prepared = training.prepared()
        count, shared = prepared.n_members, ray.put(prepared)
        task = ray.remote(**_share_of_a_node(ray.cluster_resources()))(train_member)
        left = [
            task.remote(shared, member, own)
            for member in range(count)
            if not _is_done(self._course, member)
        ]
        progress(what, count - len(left), count)
        while left:
            (first,), left = ray.wait(left, num_returns=1)
            try:
                result_of(first)
            except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
                raise TrainingError(
                    f"a process that trains {training.graph.memory!r} died {MOST_DEATHS + 1} "
                    f"times: {error}. Its log says more (`ray logs`); what was reached is kept, "
                    "and `learn()` goes on"
                ) from error
            progress(what, count - len(left), count)


def train_member(prepared: "PreparedTraining", member: int, actor: Any) -> None:
    """Train one member, from where an earlier task was; a task of Ray."""
    from gnn.base import one_thread

    with one_thread():
        prepared.train(member, prepared.shown(member), _StatesElsewhere(actor))


class _StatesElsewhere:
    """`gnn.models.memreward.KeptStates` that the actor keeps."""

    def __init__(self, actor: Any) -> None:
        self._actor, self._sent, self._last = actor, None, time.monotonic()

    def state(self, member: int) -> "MemberState | None":
        """See `Course`."""
        return result_of(self._asked("state").remote(member))

    def keep(self, member: int, state: "MemberState") -> None:
        """See `Course`; the last state has arrived when this returns, others may be under way."""
        if state.done:
            result_of(self._asked("keep").remote(member, state))
        elif time.monotonic() - self._last >= STATE_SECONDS and self._has_arrived():
            self._sent, self._last = self._asked("keep").remote(member, state), time.monotonic()

    def _asked(self, method: str) -> Any:
        return getattr(self._actor, method).options(concurrency_group=_STATES)

    def _has_arrived(self) -> bool:
        return self._sent is None or bool(ray_library().wait([self._sent], timeout=0)[0])


def _share_of_a_node(cluster: Mapping[str, float]) -> dict[str, Any]:
    """What a task reserves: a GPU where the cluster has any."""
    gpus = {"num_gpus": 1} if cluster.get("GPU") else {}
    return {"num_cpus": 1, "max_retries": MOST_DEATHS, **gpus}


def _is_done(course: "Course", member: int) -> bool:
    state = course.state(member)
    return state is not None and state.done


def learn_on_ray(memory: str, settings: Settings | None, seed: int, progress: Told) -> str:
    """Have an actor of this node learn, and call `progress` about once a second.

    Returns:
        Version of the checkpoint.

    Raises:
        MemrewardError: see `gnn.jobs.train_memory`.
    """
    made = ray_library().remote(num_cpus=0, concurrency_groups={WATCH: 1, _STATES: 1})(TrainActor)
    actor = made.options(**DURABLE, scheduling_strategy=this_node()).remote(settings)
    return told_until_done(actor, actor.run.remote(memory, seed, actor), progress)
