"""memreward's front door: the command line, and `memreward.Memory` for trainers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memreward.memory import Memory

__all__ = ["Memory"]


def __getattr__(name: str) -> Any:
    """Import what is asked for only then: torch takes seconds that most commands need not."""
    if name == "Memory":
        from memreward.memory import Memory

        return Memory
    raise AttributeError(f"module 'memreward' has no attribute {name!r}")
