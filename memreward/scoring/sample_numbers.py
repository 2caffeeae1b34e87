"""Places for rollouts of callers that count nothing themselves."""

import secrets
import threading
from collections import defaultdict
from typing import Final

#: Counting starts below this, so that places stay 32-bit integers.
_STARTS: Final = 1 << 30


class FreshPlaces:
    """Counts up by source query and step, from a random start.

    Processes that write to one run at the same time, or one after another, meet at a place of the
    same query and step with a probability of about (rollouts of that query and step) / 2**29.
    """

    def __init__(self) -> None:
        """Draw the start."""
        self._start = secrets.randbelow(_STARTS)
        self._counts: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._lock = threading.Lock()

    def __call__(self, source_query_id: str, step: int) -> int:
        """The next place."""
        with self._lock:
            count = self._counts[source_query_id, step]
            self._counts[source_query_id, step] += 1
        return self._start + count
