"""Which rollouts shards hold, and which shard holds one of which the id begins so."""

from collections.abc import Sequence

from memstore.db import retried
from memstore.reads import rollouts_beginning
from memstore.shards.division import InOnePlace, Shard, Shards
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


def known_in(there: InOnePlace, ids: Sequence[str]) -> dict[str, str]:
    """Content hashes, by id, of those rollouts that these shards hold."""

    def look() -> dict[str, str]:
        with there.stores.vectors.reading("shards.sql") as session:
            return dict(session.rows("known_rollouts", memories=there.names, ids=list(ids)))

    return retried(look)
