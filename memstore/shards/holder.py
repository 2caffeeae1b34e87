"""Which shard holds a rollout that somebody names by its id, or by the beginning of it."""

from memstore.reads import rollouts_beginning
from memstore.shards.division import Shard, Shards
from schema.ids import the_one


def holder_of(shards: Shards, rollout: str) -> tuple[Shard, str]:
    """The shard, and the rollout's whole id.

    Raises:
        InputError: if no shard holds one whose id begins so, or there are several.
    """
    found = {
        id_: part
        for part in shards.parts
        for id_ in rollouts_beginning(part.stores, part.name, rollout)
    }
    id_ = the_one(rollout, sorted(found), shards.memory)
    return found[id_], id_
