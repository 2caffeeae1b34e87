"""Propagated rewards of a memory that is divided: each is written in the shard of its rollout."""

from collections.abc import Callable, Mapping, Sequence

from memstore.changes import list_models, register_model, write_propagated
from memstore.shards.division import Shard, Shards
from schema.reward import PropagatedReward


def write_in_shards(
    shards: Shards,
    rewards: Sequence[PropagatedReward],
    query_of: Mapping[str, str],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Store propagated rewards, and in each shard the models that they are of.

    Args:
        shards: of the memory; the first one knows the models.
        rewards: of rollouts that are stored.
        query_of: id of the query of each rollout.
        progress: called with the rewards that are written, and their total.

    Raises:
        MemrewardError: see `write_propagated`.
    """
    by_place: dict[int, list[PropagatedReward]] = {}
    for reward in rewards:
        place = shards.part_of(query_of[reward.rollout_id])
        by_place.setdefault(place, []).append(reward)
    done = 0
    for place, own in sorted(by_place.items()):
        part = shards.parts[place]
        _make_known(shards.first, part, {reward.model for reward in own})
        write_propagated(part.stores, part.name, own)
        done += len(own)
        if progress is not None:
            progress(done, len(rewards))


def _make_known(first: Shard, part: Shard, versions: set[str]) -> None:
    """Give a shard the manifests of models that the first one has."""
    if part is first:
        return
    lacking = versions - {version for version, _ in list_models(part.stores, part.name)}
    if not lacking:
        return
    manifests = dict(list_models(first.stores, first.name))
    for version in sorted(lacking):
        register_model(part.stores, part.name, version, {**manifests[version], "memory": part.name})
