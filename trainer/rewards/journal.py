"""The journal of a run: the place and the reward of each rollout, so that a run can resume.

A trainer that was killed begins again at its last checkpoint and makes the steps since then once
more. A completion that is the same as before gets its old place and its old reward, so nothing is
stored or paid for twice and the run takes the same course; one that differs gets a new place.

A file of JSON lines. Before rollouts are scored: `{"step", "placed": [[query id, place, hash]]}`;
afterwards `{"step", "scored": [[query id, place, value, source]]}`. A last line that was cut off
in the middle is dropped.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.score import ScoreSource
from trainer import add_lines, read_lines


@dataclass(frozen=True, kw_only=True, slots=True)
class Assigned:
    """What a rollout was assigned; `value` None: no opinion."""

    value: float | None
    source: ScoreSource


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A rollout's place, and what it was assigned if that is known from before."""

    source_query_id: str
    place: int
    assigned: Assigned | None = None


@dataclass(kw_only=True, slots=True)
class _Entry:
    place: int
    content_hash: str
    assigned: Assigned | None = None
    #: Not yet met again by this process.
    waiting: bool = True


class Journal:
    """The journal of one process of one run."""

    def __init__(self, path: Path | None = None, *, rank: int = 0, world: int = 1) -> None:
        """Read what is there.

        Args:
            path: the file, made where it is missing; None: kept in memory only.
            rank: of this process among `world`; its places are rank, rank + world, ...
            world: number of processes.

        Raises:
            InputError: if the file is damaged.
        """
        self._rank, self._world = rank, world
        self._entries: defaultdict[tuple[int, str], list[_Entry]] = defaultdict(list)
        #: The steps in which each query was met, in order.
        self._steps: defaultdict[str, dict[int, None]] = defaultdict(dict)
        #: Records of other kinds, in order: `{"step", "<kind>": ...}`.
        self.notes: list[dict[str, Any]] = []
        self._path = path
        #: What is not on the disk yet, and whether that may wait.
        self._waiting: list[dict[str, Any]] = []
        self._together = False
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            for record in read_lines(path):
                self._read(record)

    def place(self, step: int, rows: Sequence[tuple[str, str]]) -> list[Placed]:
        """Give each (source query id, content hash) of `step` its place, known or new."""
        placed: list[Placed] = []
        new: list[list[Any]] = []
        for query, content_hash in rows:
            entries = self._entries[step, query]
            entry = next((e for e in entries if e.waiting and e.content_hash == content_hash), None)
            if entry is None:
                place = self._rank + self._world * len(entries)
                entry = _Entry(place=place, content_hash=content_hash)
                entries.append(entry)
                self._steps[query][step] = None
                new.append([query, place, content_hash])
            entry.waiting = False
            placed.append(Placed(source_query_id=query, place=entry.place, assigned=entry.assigned))
        if new:
            self._write({"step": step, "placed": new})
        return placed

    def record(self, step: int, assigned: Sequence[tuple[Placed, Assigned]]) -> None:
        """Keep what placed rollouts were assigned."""
        for placed, given in assigned:
            self._entry(step, placed.source_query_id, placed.place).assigned = given
        self._write(
            {
                "step": step,
                "scored": [[p.source_query_id, p.place, g.value, g.source] for p, g in assigned],
            }
        )

    def note(self, record: dict[str, Any]) -> None:
        """Keep a record of another kind."""
        self.notes.append(record)
        self._write(record)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written in the block is on the disk at its end, or at `sync`, however it ends."""
        self._together = True
        try:
            yield
        finally:
            self._together = False
            self.sync()

    def sync(self) -> None:
        """Bring what was written to the disk."""
        if self._path is not None and self._waiting:
            add_lines(self._path, self._waiting)
        self._waiting = []

    @property
    def verified(self) -> frozenset[str]:
        """Source ids of the queries of which something was verified."""
        return frozenset(
            query
            for (_, query), entries in self._entries.items()
            for entry in entries
            if entry.assigned is not None and entry.assigned.source is ScoreSource.VERIFIED
        )

    @property
    def placed(self) -> int:
        """Rollouts that have a place, of all steps."""
        return sum(map(len, self._entries.values()))

    def count(self, source: ScoreSource) -> int:
        """Rollouts whose reward is from there."""
        return sum(
            entry.assigned is not None and entry.assigned.source is source
            for entries in self._entries.values()
            for entry in entries
        )

    def last_rewards(self, query: str, visits: int) -> list[float]:
        """What rollouts of a query were assigned in the last steps that it was met in."""
        steps = list(self._steps[query])[-visits:]
        entries = [entry for step in steps for entry in self._entries[step, query]]
        return [
            entry.assigned.value
            for entry in entries
            if entry.assigned is not None and entry.assigned.value is not None
        ]

    def _read(self, record: dict[str, Any]) -> None:
        if "placed" in record:
            for query, place, content_hash in record["placed"]:
                entries = self._entries[record["step"], query]
                entries.append(_Entry(place=place, content_hash=content_hash))
                self._steps[query][record["step"]] = None
        elif "scored" in record:
            for query, place, value, source in record["scored"]:
                entry = self._entry(record["step"], query, place)
                entry.assigned = Assigned(value=value, source=ScoreSource(source))
        else:
            self.notes.append(record)

    def _entry(self, step: int, query: str, place: int) -> _Entry:
        return next(entry for entry in self._entries[step, query] if entry.place == place)

    def _write(self, record: dict[str, Any]) -> None:
        self._waiting.append(record)
        if not self._together:
            self.sync()
