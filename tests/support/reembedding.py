"""An encoder that costs nothing, and rollouts that cost another one something."""

from collections.abc import Sequence

import numpy as np
from support.rollout_factory import make_rollout, unit_vector

from memstore.encoders.default import EncodeProgress, Floats
from schema.ids import digest
from schema.rollout import Rollout

#: Of a `reembed` on Ray, what is killed in turn, each while it works; the `RenewActor` writes.
KILLED_EMBEDDING = {
    "ReembedWorker": "ReembedWorker.embedded",
    "RenewActor": "ReembedWorker.embedded",
    "ReembedWorker again": "ReembedWorker.embedded",
}


class HashEncoder:
    """A direction for each text, at once."""

    name = "hash-8"
    dimension = 8

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        return np.stack([unit_vector(int(digest(text)[:8], 16), 8) for text in texts])


def wordy(question: int, place: int) -> Rollout:
    """A rollout whose texts take a moment to embed."""
    said = " ".join(f"Then I add {question + n} to {place * n}." for n in range(16))
    return make_rollout(question, place, thinking=said)
