"""The named actors of a memory: found, or started if they are not there."""

from typing import Any, Final

from memreward.cluster.library import ray_library
from memreward.cluster.watching import NAMESPACE, WATCH
from memreward.cluster.writer_actor import WriterActor
from memstore import Settings
from schema.ids import shard_name

#: Died actors are started again, and what they were asked is asked again.
DURABLE: Final = {"max_restarts": -1, "max_task_retries": -1}
#: Places of a memory's shards, from 0, that lie in the same databases.
Places = tuple[tuple[int, ...], ...]
#: Whoever watches an actor does not wait for its work.
_WATCHED: Final = {WATCH: 1}


def named_actor(kind: type, name: str, arguments: tuple[Any, ...], **options: Any) -> Any:
    """The handle of the actor of that name, which is started if there is none."""
    made = ray_library().remote(num_cpus=0, concurrency_groups=_WATCHED)(kind)
    named = {"name": name, "namespace": NAMESPACE, "get_if_exists": True, "lifetime": "detached"}
    return made.options(**named, **DURABLE, **options).remote(*arguments)


def writers_of(memory: str, places: Places | None, settings: Settings | None) -> list[Any]:
    """The handles of a memory's writers: one for the shards of each pair of databases.

    Args:
        memory: its name.
        places: of its shards, by their pairs; None: it is not divided.
        settings: see `WriterActor`.
    """
    if places is None:
        return [named_actor(WriterActor, f"{memory}/writer", ([memory], settings))]
    count = sum(map(len, places))
    return [
        named_actor(
            WriterActor,
            f"{memory}/writer-{own[0] + 1}-of-{count}",
            ([shard_name(memory, place + 1, count) for place in own], settings),
        )
        for own in places
    ]


def this_node() -> Any:
    """Where an actor is to be placed that belongs to the node of this process."""
    ray = ray_library()
    node = ray.get_runtime_context().get_node_id()
    return ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
