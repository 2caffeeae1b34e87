"""A memory in four shards whose process is killed: what it does, and what must be left of it."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faults.failpoints import armed, kill_at
from support.divided import COUNT, calls, delete_all, neighbours_in, values

from gnn.jobs.online_scorer import OnlineScorer
from memstore.consistency.check import check_memory
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.outbox.deletion import delete_memory
from memstore.outbox.recovery import repair
from memstore.settings import Settings
from memstore.shards.care import (
    check_edges,
    forget_division,
    places_of,
    repair_edges,
)
from memstore.shards.division import Shards
from memstore.shards.edges import link_shards
from memstore.snapshot.sharded_cache import ShardedSnapshotCache
from schema.keyed_rollout import prepare
from schema.score import Score

#: Steps of its life: calls by number, or what they are.
LINK, LEARN = "link", "learn"
CALLS: tuple[int | str, ...] = (0, 1, 2, 3, 4, 5)
LINKED = 5


@dataclass(frozen=True)
class Life:
    """A memory of this name, opened anew in a home of its own for each step that is done."""

    settings: Settings
    addresses: tuple[Addresses, ...]
    memory: str

    def run(self, pairs: Sequence[Stores], steps: Sequence[int | str]) -> list[list[Score]]:
        """Scores of the calls among the steps."""
        shards = Shards.over(self.memory, COUNT, pairs)
        first, said = shards.first.stores, list[list[Score]]()
        scorer = OnlineScorer(first, self.settings, self.memory, "run-1", shards=shards)
        try:
            for step in steps:
                if isinstance(step, int):
                    said.append(scorer.score(calls()[step]))
                elif step == LINK:
                    link_shards(shards, LINKED)
                else:
                    scorer.learn()
            scorer.flush()
        finally:
            scorer.close()
        return said

    def delete(self, pairs: Sequence[Stores]) -> None:
        """As `memreward delete` does; nothing is left, also of what lost its division."""
        for stores, name in places_of(pairs, self.memory):
            delete_memory(stores, name)
        forget_division(pairs, self.memory)

    def clear(self, pairs: Sequence[Stores]) -> None:
        """Delete it whatever became of it."""
        delete_all(self.memory, *pairs)


def live(life: Life, steps: Sequence[int | str], point: str | None = None) -> None:
    """In a process: do the steps, to be killed at a point."""
    with ExitStack() as stack:
        pairs = [stack.enter_context(open_stores(each)) for each in life.addresses]
        if point is not None:
            stack.enter_context(armed(kill_at(point)))
        life.run(pairs, steps)


def die(life: Life, point: str) -> None:
    """In a process: delete it, to be killed at a point."""
    with ExitStack() as stack:
        pairs = [stack.enter_context(open_stores(each)) for each in life.addresses]
        stack.enter_context(armed(kill_at(point)))
        life.delete(pairs)


@dataclass(frozen=True)
class Whole:
    """What an uninterrupted life leaves."""

    scores: np.ndarray
    neighbours: dict[str, list[tuple[str, float]]]
    rollouts: set[str]


def whole(life: Life, pairs: Sequence[Stores], home: Path, steps: Sequence[int | str]) -> Whole:
    """Run what is missing of the steps, and read what is there."""
    said = life.run(pairs, steps)
    scores = [score for call in said for score in call]
    shards = Shards.over(life.memory, COUNT, pairs)
    snapshot = ShardedSnapshotCache(shards, home, rebuild=True).snapshot
    return Whole(
        scores=values(scores),
        neighbours=neighbours_in(snapshot),
        rollouts=set(stored_once(life, pairs)),
    )


def is_half_stored(life: Life, pairs: Sequence[Stores]) -> bool:
    """Whether shards hold a part of a call.

    Queries that `repair` or another call then ties lack the rest of the call as neighbours.
    """
    found = {id_ for place in places_of(pairs, life.memory) for id_ in _stored(*place)}
    before = set[str]()
    for call in calls():
        new = {prepare(life.memory, "run-1", rollout).id for rollout in call} - before
        if 0 < len(new & found) < len(new):
            return True
        before |= new
    return False


def _stored(stores: Stores, name: str) -> list[str]:
    with stores.vectors.transaction("reads.sql") as session:
        text = b"SELECT id FROM memreward.rollout WHERE memory = %s"
        return [row[0] for row in session._connection.execute(text, (name,)).fetchall()]


def stored_once(life: Life, pairs: Sequence[Stores]) -> list[str]:
    """Ids of what both databases hold; none of them twice."""
    found, shown = list[str](), list[str]()
    for stores, name in places_of(pairs, life.memory):
        found += _stored(stores, name)
        text = "MATCH (a:Answer {memory: $memory}) RETURN a.id AS id"
        shown += [str(row["id"]) for row in stores.graph.query(text, {"memory": name}, 60.0).rows]
    assert len(found) == len(set(found)), "a rollout is there twice"
    assert sorted(found) == sorted(shown), "both databases hold others"
    return found


def repaired(life: Life, pairs: Sequence[Stores], what: str) -> None:
    """Repair as the command does; then `check` finds nothing, and no edge is left over."""
    for stores, name in places_of(pairs, life.memory):
        repair(stores, name)
    shards = Shards.over(life.memory, COUNT, pairs)
    repair_edges(shards)
    for stores, name in places_of(pairs, life.memory):
        report = check_memory(stores, name)
        assert report.ok, f"{what}: {report}"
    edges = check_edges(shards)
    assert edges.ok and not edges.notes, f"{what}: {edges}"
    division = shards.division()
    for part in shards.parts:
        with part.stores.vectors.transaction("reads.sql") as session:
            text = b"SELECT DISTINCT generation FROM memreward.across WHERE memory = %s"
            rows = session._connection.execute(text, (part.name,)).fetchall()
        generations = {row[0] for row in rows}
        assert division is None or generations <= {division.generation}, f"{what}: {generations}"
    stored_once(life, pairs)
