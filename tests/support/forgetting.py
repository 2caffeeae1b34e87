"""What a test keeps of texts that are forgotten."""

import numpy as np

from memstore.forgetting.compaction import KeptTexts
from schema.memory_graph import Floats


def _lengths(query: str, thinking: str, answer: str, key: str | None) -> Floats:
    return np.array([len(query), len(thinking), len(answer), len(key or "")], np.float32)


LENGTHS = KeptTexts(names=("query", "thinking", "answer", "key"), read=_lengths)
