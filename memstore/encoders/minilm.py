"""The default encoder's network on CPU, for texts of any length at once and without padding.

The tokens of many texts lie one after another in one matrix [T, 384]; only attention looks at the
texts apart. sentence-transformers pads each batch of 32 texts to its longest instead, and hands
every small matrix to all cores; here every core has texts of its own.
"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

Floats = NDArray[np.float32]

#: Tokens that the model looks at; the rest of a text is cut off, as the model's authors do.
MOST_TOKENS: Final = 256
#: Tokens in a matrix at most: the largest intermediate [T, 1536] stays in a core's cache.
PACK_TOKENS: Final = 512
#: Rows in a matrix at least: below it MKL sums in another order, and the last bits of a text's
#: vector would depend on its company.
FEWEST_ROWS: Final = 16

#: A linear map or a layer normalisation: weight and bias.
Affine = tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class EncoderLayer:
    """Weights of one of BERT's layers (arXiv 1810.04805)."""

    #: To queries, keys and values in one product, [3 D, D].
    attention: Affine
    attended: Affine
    attended_norm: Affine
    widen: Affine
    narrow: Affine
    narrow_norm: Affine


@dataclass(frozen=True, kw_only=True)
class MiniLM:
    """all-MiniLM-L6-v2 in float32: BERT, mean over the tokens, unit length."""

    tokenizer: Tokenizer
    word: Tensor
    #: Of positions, with that of the only segment in it.
    position: Tensor
    embedding_norm: Affine
    layers: Sequence[EncoderLayer]
    heads: int
    epsilon: float

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read config.json, tokenizer.json and model.safetensors from `folder`."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MOST_TOKENS)
        tokenizer.no_padding()
        weights = load_file(folder / "model.safetensors")
        segment = weights["embeddings.token_type_embeddings.weight"][0]
        return cls(
            tokenizer=tokenizer,
            word=weights["embeddings.word_embeddings.weight"],
            position=weights["embeddings.position_embeddings.weight"] + segment,
            embedding_norm=_affine(weights, "embeddings.LayerNorm"),
            layers=[
                _layer(weights, f"encoder.layer.{place}.")
                for place in range(config["num_hidden_layers"])
            ],
            heads=config["num_attention_heads"],
            epsilon=config["layer_norm_eps"],
        )

    def encode(self, texts: Sequence[str]) -> Floats:
        """Embed N texts as [N, D] unit vectors.

        The texts are sorted by length and shared out to as many threads as torch would use. A
        text's vector is the same to the bit whatever the other texts and the number of threads.
        """
        tokens = [found.ids for found in self.tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(texts), self.word.size(1)), dtype=np.float32)
        workers = torch.get_num_threads()
        packs = _packs([len(ids) for ids in tokens], workers)
        # A thread's number of torch threads is its own: those of the caller keep theirs.
        with ThreadPoolExecutor(workers, initializer=lambda: torch.set_num_threads(1)) as pool:
            made = pool.map(lambda pack: self._embed([tokens[i] for i in pack]), packs)
            for pack, vector_PD in zip(packs, made, strict=True):
                vectors[pack] = vector_PD
        return vectors

    @torch.inference_mode()
    def _embed(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """Embed texts, sorted by length, in one matrix."""
        lengths = [len(ids) for ids in tokens]
        runs = [(len(list(same)), length) for length, same in groupby(lengths)]
        rows = max(sum(lengths), FEWEST_ROWS)
        word, place = torch.zeros(rows, dtype=torch.long), torch.zeros(rows, dtype=torch.long)
        word[: sum(lengths)] = torch.tensor([id_ for ids in tokens for id_ in ids])
        place[: sum(lengths)] = torch.cat([torch.arange(length) for length in lengths])
        state_TD = self._normed(self.word[word] + self.position[place], self.embedding_norm)
        for layer in self.layers:
            seen_TD = self._attend(functional.linear(state_TD, *layer.attention), runs)
            added_TD = functional.linear(seen_TD, *layer.attended).add_(state_TD)
            state_TD = self._normed(added_TD, layer.attended_norm)
            wide_TW = functional.gelu(functional.linear(state_TD, *layer.widen))
            added_TD = functional.linear(wide_TW, *layer.narrow).add_(state_TD)
            state_TD = self._normed(added_TD, layer.narrow_norm)
        means, start = [], 0
        for count, length in runs:
            stop = start + count * length
            means.append(state_TD[start:stop].view(count, length, -1).mean(1))
            start = stop
        return functional.normalize(torch.cat(means), dim=1).numpy()

    def _attend(self, asked_TA: Tensor, runs: Sequence[tuple[int, int]]) -> Tensor:
        """What each token sees in its text, [T, D]; `runs`: (texts, their length) in order."""
        size = asked_TA.size(1) // 3
        seen_TD = asked_TA.new_zeros(asked_TA.size(0), size)
        start = 0
        for count, length in runs:
            stop = start + count * length
            parts = asked_TA[start:stop].view(count, length, 3, self.heads, size // self.heads)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            seen = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
            seen_TD[start:stop].view(seen.shape).copy_(seen)
            start = stop
        return seen_TD

    def _normed(self, state_TD: Tensor, norm: Affine) -> Tensor:
        return functional.layer_norm(state_TD, (state_TD.size(1),), *norm, self.epsilon)


def _packs(lengths: Sequence[int], workers: int) -> list[list[int]]:
    """Places of the texts, the longest first, in packs of at most PACK_TOKENS tokens.

    Packs are smaller where there are too few texts to give every worker one.
    """
    limit = min(PACK_TOKENS, -(-sum(lengths) // workers))
    packs: list[list[int]] = []
    size = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if not packs or size + lengths[place] > limit:
            packs.append([])
            size = 0
        packs[-1].append(place)
        size += lengths[place]
    return packs


def _affine(weights: Mapping[str, Tensor], name: str) -> Affine:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _layer(weights: Mapping[str, Tensor], prefix: str) -> EncoderLayer:
    asked = [_affine(weights, f"{prefix}attention.self.{n}") for n in ("query", "key", "value")]
    return EncoderLayer(
        attention=(torch.cat([w for w, _ in asked]), torch.cat([b for _, b in asked])),
        attended=_affine(weights, f"{prefix}attention.output.dense"),
        attended_norm=_affine(weights, f"{prefix}attention.output.LayerNorm"),
        widen=_affine(weights, f"{prefix}intermediate.dense"),
        narrow=_affine(weights, f"{prefix}output.dense"),
        narrow_norm=_affine(weights, f"{prefix}output.LayerNorm"),
    )
