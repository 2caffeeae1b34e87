"""The state of a training, saved after its epochs: a resumed one ends the same, to the bit.

A folder has one safetensors file a member, replaced in one rename, and a note that tells one
training from another.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from memstore import replacing, write_atomically
from schema.memory_graph import MemoryGraph

NOTE: Final = "course.json"


@dataclass(frozen=True, kw_only=True)
class MemberState:
    """The state of one member's training: all that resuming it depends on."""

    epoch: int
    best_epoch: int
    best_loss: float
    done: bool
    tensors: dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Note:
    """What tells one training from another."""

    #: See `fingerprint`.
    learns_from: str
    seed: int
    #: Version of the checkpoint that it goes on from; None: it begins from nothing.
    resumed: str | None


class KeptStates(Protocol):
    """Where the states of a training's members are kept."""

    def state(self, member: int) -> MemberState | None:
        """State of a member's training; None: it has not begun."""
        ...

    def keep(self, member: int, state: MemberState) -> None:
        """Save the state of a member's training."""
        ...


class Course:
    """The states of a training's members, in a folder."""

    def __init__(self, folder: Path, note: Note, *, every: float = 1.0) -> None:
        """Go on with the course in `folder`, or begin it.

        Args:
            folder: of this course alone; what it keeps of another training is removed.
            note: tells one training from another.
            every: seconds between two writes; a member that is done is always written.
        """
        self._folder, self._every, self._last = folder, every, 0.0
        if read_note(folder) != note:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            write_atomically(folder / NOTE, json.dumps(asdict(note)))

    def state(self, member: int) -> MemberState | None:
        """State of a member's training; None: it has not begun."""
        path = self._path(member)
        if not path.exists():
            return None
        try:
            with safe_open(path, "pt") as file:
                told, names = json.loads(file.metadata()["stand"]), file.keys()
                return MemberState(**told, tensors=_aligned(file, names))
        except (SafetensorError, KeyError, TypeError, ValueError):
            return None  # It was not written whole: this member starts again, with the same result.

    def keep(self, member: int, state: MemberState) -> None:
        """Save the state of a member's training."""
        if not state.done and time.monotonic() - self._last < self._every:
            return
        told = {
            "epoch": state.epoch,
            "best_epoch": state.best_epoch,
            "best_loss": state.best_loss,
            "done": state.done,
        }
        with replacing(self._path(member)) as unfinished:
            save_file(state.tensors, unfinished, {"stand": json.dumps(told)})
        self._last = time.monotonic()

    def remove(self) -> None:
        """Forget it: the training has come to its end."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, member: int) -> Path:
        return self._folder / f"member-{member}.safetensors"


def _aligned(file: Any, names: Iterable[str]) -> dict[str, Tensor]:
    """Copies of the file's tensors: where it has them, they may lie where kernels sum otherwise."""
    return {name: file.get_tensor(name).clone() for name in names}


def read_note(folder: Path) -> Note | None:
    """What the training in `folder` is; None: there is none, or it was cut off at its beginning."""
    try:
        return Note(**json.loads((folder / NOTE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def fingerprint(graph: MemoryGraph, *how: object) -> str:
    """Hash of what a training on `graph` depends on, and of `how` it is done (in its repr).

    Texts and embeddings are told apart by ids and the encoder: under one id they do not change.
    """
    hasher = hashlib.sha256(repr((graph.memory, graph.encoder, *how)).encode())
    for ids in (
        graph.query_id_Q,
        graph.domain_Q,
        graph.rollout_id_R,
        graph.policy_R,
        graph.conclusion_id_C,
        graph.source_name_S,
    ):
        hasher.update("\n".join(ids).encode() + b"\0")
    for array in (
        graph.verified_R,
        graph.source_of_rollout_R,
        graph.said_2W,
        graph.said_reward_W,
        graph.generated_2E,
        graph.leads_to_2E,
        graph.concludes_2E,
        graph.similar_2E,
        graph.similar_score_E,
        graph.preferred_2P,
    ):
        hasher.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()
