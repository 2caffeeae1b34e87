"""An encoder that embeds no text twice: what it made last is at hand, and what is stored can be."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from memstore.encoders.default import EncodeProgress, Floats, TextEncoder

#: Texts whose vectors are kept in memory: about 100 MB at 384 dimensions.
KEPT_TEXTS: Final = 65_536


class CachingEncoder:
    """Wraps an encoder; not for several threads at once."""

    def __init__(self, encoder: TextEncoder) -> None:
        """Nothing is remembered yet."""
        self._encoder = encoder
        self._kept: OrderedDict[str, Floats] = OrderedDict()

    @property
    def name(self) -> str:
        """Name that the memory is stamped with."""
        return self._encoder.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    def knows(self, text: str) -> bool:
        """Whether the vector of `text` is at hand."""
        return text in self._kept

    def remember(self, text: str, vector: Floats) -> None:
        """Take a vector that is known from elsewhere; the oldest goes if there are too many."""
        self._kept[text] = vector
        self._kept.move_to_end(text)
        if len(self._kept) > KEPT_TEXTS:
            self._kept.popitem(last=False)

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        """Embed N texts as [N, D]; only those that are not at hand cost anything."""
        found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = list(dict.fromkeys(text for text in texts if text not in found))
        if missing:
            made = self._encoder.encode(missing, progress)
            found |= dict(zip(missing, made, strict=True))
        for text, vector in found.items():
            self.remember(text, vector)
        return np.stack([found[text] for text in texts])


def caching(encoder: TextEncoder) -> CachingEncoder:
    """The encoder itself if it remembers, or one that wraps it."""
    return encoder if isinstance(encoder, CachingEncoder) else CachingEncoder(encoder)
