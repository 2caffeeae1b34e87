"""A process of its own that has a memory learn on Ray: ADDRESS of the cluster, MEMORY, HOME."""

import sys
from pathlib import Path

from memreward.cluster.library import ray_library
from memreward.cluster.ray_memory import RayMemory
from memstore.settings import load_settings

if __name__ == "__main__":
    address, memory, home = sys.argv[1:]
    ray_library().init(address=address, log_to_driver=False, configure_logging=False)
    RayMemory(memory, run="run-1", settings=load_settings(home=Path(home))).learn()
