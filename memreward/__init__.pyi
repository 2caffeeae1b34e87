from .api import MemrewardError as MemrewardError
from .api import Rollout as Rollout
from .api import Score as Score
from .api import learn_every as learn_every
from .api import memory_reward as memory_reward
from .client.remote_memory import RemoteMemory as RemoteMemory
from .memory import DEFAULT_RUN as DEFAULT_RUN
from .memory import Memory as Memory
