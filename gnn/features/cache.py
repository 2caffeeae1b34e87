"""Features of rollouts' own texts, computed once and stored next to the snapshot.

They cost more than all else in a score, and never change as long as the snapshot's base lives.
The file is named after a hash of the code that computes them, so that other code fills another
file; every row carries a check, so that a row that was not written whole counts as unknown.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gnn.features.assembly import OWN_NAMES, own_rows
from memstore.snapshot import ROLLOUT, Cut, Snapshot, cut, queries_of, rollouts_of
from schema.memory_graph import Floats, Ints, MemoryGraph
from schema.score import Reach

#: Modules whose code decides what the features are: other code fills another file.
_CODE: Final = (
    "gnn.features.arithmetic",
    "gnn.features.assembly",
    "gnn.features.code",
    "gnn.features.options",
    "gnn.features.text",
    "schema.answers.code",
    "schema.answers.completion",
    "schema.answers.conclusion",
    "schema.answers.json_options",
    "schema.answers.options",
    "schema.answers.written_numbers",
    "schema.mathematics.dress",
)
_WIDTH: Final = len(OWN_NAMES)
#: Odd weights of the check, and what it is for zeros: not zero, so that an empty row is none.
_WEIGHTS: Final = (
    np.random.default_rng(2603).integers(0, 2**31, _WIDTH, dtype=np.uint32) * np.uint32(2)
) + np.uint32(1)
_EMPTY: Final = np.uint32(0x9E3779B9)

#: Queries whose rollouts are prepared at once.
_QUERIES_AT_ONCE: Final = 512

Words = NDArray[np.uint32]


@cache
def feature_version() -> str:
    """Hash of the code that computes the features."""
    hasher = hashlib.blake2b(digest_size=6)
    for module in _CODE:
        spec = find_spec(module)
        assert spec is not None and spec.origin is not None, module
        hasher.update(Path(spec.origin).read_bytes())
    return hasher.hexdigest()


class KeptFeatures:
    """The file of one snapshot's base; several processes may use it."""

    def __init__(self, folder: Path, *, write: bool = True) -> None:
        """Use the file in `folder`; `write` False: what is computed is not kept."""
        self._path = folder / f"own-{feature_version()}.words"
        self._write = write
        self._mapped: Words = np.zeros((0, _WIDTH + 1), np.uint32)

    def fill(self, part: Cut, made: Mapping[str, Floats] = MappingProxyType({})) -> MemoryGraph:
        """The graph of `part` with its rollouts' own features; what is not known is computed.

        `made` has some of them by rollout id, computed already.
        """
        rows = part.rollout_rows
        table = self._known(rows)
        unknown = np.flatnonzero(np.isnan(table[:, 0]))
        if len(unknown):
            table[unknown] = own_rows(part.graph, unknown, made)
            if self._write:
                self._keep(rows[unknown], table[unknown])
        return replace(part.graph, own_features_RF=table)

    def prepare(self, snapshot: Snapshot) -> int:
        """Compute what scores of new rollouts will need: rollouts of queries with a verified one.

        What came by an ingest has never been scored; without this the first scores that meet it
        would compute it, the more the larger the memory. Returns the number of rollouts.
        """
        verified = snapshot.verified(np.arange(snapshot.count(ROLLOUT)))
        queries = queries_of(snapshot, np.flatnonzero(~np.isnan(verified)))
        rollouts, place = rollouts_of(snapshot, queries)
        order = np.argsort(rollouts)
        missing = np.isnan(self._known(rollouts[order])[:, 0])
        todo = queries[np.unique(place[order][missing])]
        reach = Reach(hops=0, text_embeddings=False)
        for start in range(0, len(todo), _QUERIES_AT_ONCE):
            self.fill(cut(snapshot, todo[start : start + _QUERIES_AT_ONCE], reach))
        return int(missing.sum())

    def _known(self, rows: Ints) -> Floats:
        """[N, F]; NaN where nothing whole is kept."""
        table = np.full((len(rows), _WIDTH), np.nan, np.float32)
        if len(rows) and rows[-1] >= len(self._mapped) and self._path.exists():
            self._map()
        inside = np.flatnonzero(rows < len(self._mapped))
        words = self._mapped[rows[inside]]
        whole = inside[_check(words[:, :-1]) == words[:, -1]]
        table[whole] = self._mapped[rows[whole], :-1].view(np.float32)
        return table

    def _keep(self, rows: Ints, table: Floats) -> None:
        needed = int(rows.max()) + 1
        if needed > len(self._mapped):
            # One byte at the end makes the file longer and, unlike truncate, never shorter.
            with self._path.open("r+b" if self._path.exists() else "w+b") as file:
                last = 4 * (_WIDTH + 1) * needed - 1
                if os.fstat(file.fileno()).st_size <= last:
                    os.pwrite(file.fileno(), b"\0", last)
            self._map()
        words = np.ascontiguousarray(table, np.float32).view(np.uint32)
        self._mapped[rows] = np.column_stack([words, _check(words)])

    def _map(self) -> None:
        rows = self._path.stat().st_size // (4 * (_WIDTH + 1))
        mode = "r+" if self._write else "r"
        mapped = np.memmap(self._path, np.uint32, mode, shape=(rows, _WIDTH + 1))
        self._mapped = mapped.view(np.ndarray)


def _check(words: Words) -> Words:
    return (words * _WEIGHTS).sum(axis=1, dtype=np.uint32) + _EMPTY
