"""What users of the Python package need from the other rooms; import it from `memreward`."""

from schema.calls import Reuse
from schema.errors import MemrewardError
from schema.rollout import Rollout
from schema.score import Score
from trainer.rewards import memory_reward
from trainer.runs import learn_every

__all__ = ["MemrewardError", "Reuse", "Rollout", "Score", "learn_every", "memory_reward"]
