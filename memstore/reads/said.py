"""What was said of rollouts, and by whom, as arrays of a graph: as of any sequence number."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from memstore.db import SqlSession, Stores
from schema.memory_graph import MemoryGraph


@dataclass(frozen=True, slots=True)
class SaidRows:
    """What was said, of one memory or of several shards."""

    #: Rollout, value and source.
    rewards: list[tuple[Any, ...]] = field(default_factory=list)
    #: Rollout, source and value, where several sources spoke.
    several: list[tuple[Any, ...]] = field(default_factory=list)
    #: Better and worse rollout.
    preferences: list[tuple[Any, ...]] = field(default_factory=list)

    def read(self, session: SqlSession, memory: str, seq: int) -> None:
        """Add what was said in a memory up to a sequence number."""
        reads, bounds = session.of("reads.sql"), {"memory": memory, "seq": seq}
        self.rewards.extend(reads.rows("current_verified_rewards", **bounds))
        self.several.extend(reads.rows("several_said", **bounds))
        self.preferences.extend(reads.rows("current_preferences", **bounds))

    def arrays(self, rollouts: dict[str, int], sources: dict[str, int]) -> dict[str, Any]:
        """What was said of the rollouts, and by whom, by field of MemoryGraph."""
        verified_R = np.full(len(rollouts), np.nan, dtype=np.float32)
        source_R = np.full(len(rollouts), -1, dtype=np.int64)
        for id_, value, source in self.rewards:
            if id_ in rollouts:
                verified_R[rollouts[id_]] = value
                source_R[rollouts[id_]] = sources.get(source, -1)
        several = [
            (sources[source], rollouts[id_], value)
            for id_, source, value in sorted(self.several)
            if id_ in rollouts and source in sources
        ]
        preferred = [
            (rollouts[better], rollouts[worse])
            for better, worse in sorted(self.preferences)
            if better in rollouts and worse in rollouts
        ]
        return {
            "verified_R": verified_R,
            "source_of_rollout_R": source_R,
            "said_2W": np.array([pair[:2] for pair in several], np.int64).reshape(-1, 2).T.copy(),
            "said_reward_W": np.array([value for *_, value in several], np.float32),
            "preferred_2P": np.array(preferred, np.int64).reshape(-1, 2).T.copy(),
        }


def as_known(graph: MemoryGraph, moments: Iterable[tuple[Stores, str, int]]) -> MemoryGraph:
    """`graph` with the verified rewards and preferences that were known at earlier numbers.

    Args:
        graph: of a memory.
        moments: databases, name and sequence number of the memory, or of each of its shards.
    """
    rollouts = {id_: row for row, id_ in enumerate(graph.rollout_id_R)}
    sources = {name: row for row, name in enumerate(graph.source_name_S)}
    said = SaidRows()
    for stores, memory, seq in moments:
        with stores.vectors.transaction("reads.sql") as session:
            said.read(session, memory, seq)
    return replace(graph, **said.arrays(rollouts, sources))
