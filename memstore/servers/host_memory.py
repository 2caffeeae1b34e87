"""What the machine has: memory within the container's limit, and how much of it servers take."""

from pathlib import Path
from typing import Final

import psutil

_CGROUP_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
MIB: Final = 1024 * 1024


def memory_bytes() -> int:
    """Memory of the machine, or of the container if that is less, in bytes."""
    total = psutil.virtual_memory().total
    for file in _CGROUP_LIMITS:
        if file.is_file():
            limit = file.read_text(encoding="ascii").strip()
            if limit.isdigit():
                total = min(total, int(limit))
    return total


def share_of_memory(total: int, *, part: int, least: int, most: int) -> int:
    """One `part`-th of `total` bytes, in MiB, kept between `least` and `most` MiB.

    The servers share the machine with training: together they take three sixteenths of it, and
    where that is much, 10 GiB.
    """
    return max(least, min(most, total // MIB // part))
