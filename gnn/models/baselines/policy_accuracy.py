"""How often each policy proved right, from verified rollouts alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from schema.memory_graph import Bools, Floats, MemoryGraph

#: Verified rollouts of mean reward that every policy is given beforehand, so that one with few of
#: its own stays near the mean.
PRIOR_ROLLOUTS: Final = 4.0


@dataclass(frozen=True, kw_only=True)
class PolicyAccuracy:
    """Mean verified reward of each policy, shrunk to the mean of all.

    A policy that was never verified, and a rollout that names no policy, has the mean of all.
    """

    mean: float
    by_policy: Mapping[str, float]

    @classmethod
    def fit(cls, graph: MemoryGraph, labelled_R: Bools) -> Self:
        """From the rollouts `labelled_R`, of which there is at least one."""
        mean = float(graph.verified_R[labelled_R].mean())
        policy_R = np.array(graph.policy_R)
        by_policy: dict[str, float] = {}
        for policy in np.unique(policy_R[labelled_R & (policy_R != "")]).tolist():
            reward_L = graph.verified_R[labelled_R & (policy_R == policy)]
            total = float(reward_L.sum()) + PRIOR_ROLLOUTS * mean
            by_policy[policy] = total / (len(reward_L) + PRIOR_ROLLOUTS)
        return cls(mean=mean, by_policy=by_policy)

    def of_rollouts(self, graph: MemoryGraph) -> Floats:
        """Accuracy of each rollout's policy, [R]."""
        return np.array([self.by_policy.get(p, self.mean) for p in graph.policy_R], np.float32)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"mean": self.mean, "by_policy": dict(self.by_policy)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(mean=value["mean"], by_policy=value["by_policy"])
