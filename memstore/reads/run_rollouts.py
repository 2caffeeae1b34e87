"""The rollouts of a memory's runs with who made them and what was verified of them."""

from dataclasses import dataclass

from memstore.db import Stores, get_memory, retried


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRollout:
    """A rollout, who made it, and what was verified of it."""

    run: str
    policy: str | None
    rollout_id: str
    query_id: str
    #: Current verified reward; None: nothing is verified.
    reward: float | None


def run_rewards(stores: Stores, memory: str) -> list[RunRollout]:
    """All rollouts of a memory, by run and policy.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """

    def look() -> list[RunRollout]:
        get_memory(stores, memory)
        with stores.vectors.transaction("reads.sql") as session:
            return [
                RunRollout(run=run, policy=policy, rollout_id=id_, query_id=query, reward=reward)
                for run, policy, id_, query, reward in session.rows("run_rewards", memory=memory)
            ]

    return retried(look)
