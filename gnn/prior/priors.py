"""Priors of several memories: one of all, and one of each choice that leaves some out.

A prior must not judge queries that it was learned from. So the queries of each memory are kept as
hashes, and for a graph that has one of them, the prior is taken that was learned without that
memory.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from gnn.evidence import NUMBER_NAMES, Prior
from schema.errors import CheckpointError
from schema.ids import text_hash

_QUERIES: Final = "queries."
_PRIOR: Final = "prior."


def prior_tensors(prior: Prior, prefix: str = "prior.") -> dict[str, torch.Tensor]:
    """A prior's arrays as tensors, by names that begin with `prefix`."""
    return {f"{prefix}{name}": torch.from_numpy(a) for name, a in prior.arrays().items()}


def prior_from(tensors: Mapping[str, torch.Tensor], prefix: str = "prior.") -> Prior:
    """The prior whose tensors have names that begin with `prefix`; see `prior_tensors`."""
    return Prior(
        **{
            name.removeprefix(prefix): tensor.numpy()
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
    )


@dataclass(frozen=True, kw_only=True)
class Priors:
    """Priors by the memories that they were learned from, and the hashes of each one's queries."""

    #: Ascending hashes of the queries' texts, by memory.
    queries: Mapping[str, np.ndarray]
    #: By the memories' names, in order.
    priors: Mapping[tuple[str, ...], Prior]

    def of(self, texts: Sequence[str]) -> Prior:
        """The prior of all memories that have none of the queries `texts`.

        Where every memory has one, it is a prior that knows nothing.
        """
        hash_Q = np.array([text_hash(text) for text in texts], dtype=np.int64)
        strange = [name for name, known in self.queries.items() if not np.isin(hash_Q, known).any()]
        return self.priors.get(tuple(sorted(strange)), Prior.none(len(NUMBER_NAMES)))

    def save(self, path: Path) -> None:
        """Write all of them as one safetensors file."""
        tensors = {
            f"{_QUERIES}{name}": torch.from_numpy(hashes) for name, hashes in self.queries.items()
        }
        for memories, prior in self.priors.items():
            tensors |= prior_tensors(prior, f"{_PRIOR}{'+'.join(memories)}.")
        save_file(tensors, path, {"numbers": json.dumps(NUMBER_NAMES)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            CheckpointError: if it was learned from other numbers than this version has.
        """
        queries: dict[str, np.ndarray] = {}
        tensors: dict[str, torch.Tensor] = {}
        with safe_open(path, "pt") as file:
            if json.loads(file.metadata()["numbers"]) != list(NUMBER_NAMES):
                raise CheckpointError(
                    f"{path} was learned from other numbers than this version counts: run "
                    "`memreward prior` again"
                )
            for key in file.keys():  # noqa: SIM118 (it is no mapping)
                if key.startswith(_QUERIES):
                    queries[key.removeprefix(_QUERIES)] = file.get_tensor(key).numpy()
                else:
                    tensors[key] = file.get_tensor(key)
        prefixes = {f"{key.rpartition('.')[0]}." for key in tensors}
        return cls(
            queries=queries,
            priors={
                tuple(prefix.removeprefix(_PRIOR)[:-1].split("+")): prior_from(tensors, prefix)
                for prefix in prefixes
            },
        )
