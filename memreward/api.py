"""What users of the Python package need from the other rooms; import it from `memreward`."""

from schema.calls import ConclusionToJudge, Reuse
from schema.errors import MemrewardError
from schema.ids import DEFAULT_RUN
from schema.rollout import Rollout
from schema.score import Score
from trainer.rewards import memory_reward
from trainer.runs import learn_every

__all__ = [
    "DEFAULT_RUN",
    "ConclusionToJudge",
    "MemrewardError",
    "Reuse",
    "Rollout",
    "Score",
    "learn_every",
    "memory_reward",
]
