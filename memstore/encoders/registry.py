"""Which text encoders there are: the default one, and folders of sentence-transformers models.

A memory is stamped with the name of its encoder. The name of a folder's model ends in a hash of
its weights, so that two models of one name are two encoders.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from memstore.db import MemoryState, Stores, find_memory
from memstore.encoders.default import (
    DEFAULT_ENCODER,
    EncodeProgress,
    Encoder,
    Floats,
    TextEncoder,
    each_once,
)
from schema.errors import EncoderMismatchError, InputError, SettingsError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_HASHED_BYTES: Final = 1 << 20


def text_encoder(name: str) -> TextEncoder:
    """The encoder of that name: the default one, or the model in the folder of that path.

    Raises:
        InputError: if it is neither.
    """
    if name == DEFAULT_ENCODER:
        return Encoder()
    path = Path(name).expanduser()
    if not (path / "modules.json").is_file():
        raise InputError(
            f"{name!r} is no encoder: give {DEFAULT_ENCODER}, or the path of a folder that "
            "sentence-transformers has saved (it holds modules.json)"
        )
    return FolderEncoder(path.resolve())


def encoder_for(stores: Stores, memory: str) -> TextEncoder:
    """The encoder of a memory, or the default one if there is no such memory yet.

    Raises:
        EncoderMismatchError: if its folder holds another model now.
        InputError: if its folder is gone.
    """
    with stores.vectors.transaction("outbox.sql") as session:
        state = find_memory(session, memory)
    return Encoder() if state is None else encoder_of(state)


def encoder_of(state: MemoryState) -> TextEncoder:
    """The encoder that a memory is stamped with.

    Raises:
        EncoderMismatchError: if its folder holds another model now.
        InputError: if its folder is gone.
    """
    encoder = text_encoder(state.encoder_path or DEFAULT_ENCODER)
    if (encoder.name, encoder.dimension) != (state.encoder, state.dimension):
        raise EncoderMismatchError(
            f"memory {state.name!r} is stamped with {state.encoder} ({state.dimension} "
            f"dimensions), the encoder here is {encoder.name} ({encoder.dimension}): give its "
            f"own model, or run `memreward reembed --memory {state.name} --encoder ...`"
        )
    return encoder


class FolderEncoder:
    """A sentence-transformers model from a folder; only safetensors weights are loaded."""

    def __init__(self, path: Path) -> None:
        """Look at the folder; the model is loaded at the first use."""
        self.path = path
        weights = sorted(path.rglob("*.safetensors"))
        if not weights:
            raise InputError(f"{path}: no .safetensors weights in it; save the model with them")
        if unsafe := [p for p in path.rglob("*") if p.suffix in (".bin", ".pt", ".pkl", ".ckpt")]:
            raise InputError(f"{unsafe[0]}: pickled weights are not loaded; keep safetensors only")
        hasher = hashlib.sha256()
        for file in sorted([*weights, *path.rglob("*.json")]):
            hasher.update(file.relative_to(path).as_posix().encode())
            with file.open("rb") as stream:
                while chunk := stream.read(_HASHED_BYTES):
                    hasher.update(chunk)
        self.name = f"{path.name}@{hasher.hexdigest()[:12]}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        found = self._model.get_embedding_dimension()
        if found is None:
            raise SettingsError(f"{self.path}: the model does not say how long its vectors are")
        return int(found)

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        """Embed N texts as float32 [N, D], rounded to float16 like the default encoder's."""
        return each_once(texts, self._embed, self.dimension, progress)

    def _embed(self, texts: list[str]) -> Floats:
        made = self._model.encode(texts, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(made)

    @cached_property
    def _model(self) -> "SentenceTransformer":
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(
            str(self.path), local_files_only=True, model_kwargs={"use_safetensors": True}
        )
