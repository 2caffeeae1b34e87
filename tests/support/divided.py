"""A memory as one, and the same in four shards, side by side in tests."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from support.rollout_factory import make_rollouts, unit_vector

from gnn.jobs.online_scorer import OnlineScorer
from memstore.changes.relink import link
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.db.vector_store import SqlSession, connect
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings
from memstore.shards.division import Shards
from memstore.shards.edges import link_shards
from memstore.snapshot.cache import SnapshotCache
from memstore.snapshot.sharded_cache import ShardedSnapshotCache
from memstore.snapshot.snapshot import Snapshot
from schema.graph import QUERY, SIMILAR
from schema.rollout import Rollout
from schema.score import Score

COUNT = 4


@contextmanager
def another_postgres(servers: Addresses) -> Iterator[Addresses]:
    """A second, empty Postgres beside the session's Neo4j, in which shards have names of their own.

    It is a database of the same server.
    """
    name = f"pair_{uuid.uuid4().hex[:12]}"
    with connect(servers.postgres_dsn) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield replace(servers, postgres_dsn=make_conninfo(servers.postgres_dsn, dbname=name))
        finally:
            statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(name)))


#: Of each query by id, its neighbours in order, with their cosines.
Neighbours = dict[str, list[tuple[str, float]]]


def delete_all(name: str, *pairs: Stores) -> None:
    """A memory, or all shards of it."""
    for stores in pairs:
        delete_memory(stores, name)
        with stores.vectors.transaction("shards.sql") as session:
            found = [row[0] for row in session.rows("standing", memory=name)]
            session.run("forget", memory=name)
        for shard in found:
            delete_memory(stores, shard)


def calls() -> list[list[Rollout]]:
    """Mixed queries of two policies; some come back, many are as near as others."""
    said = [
        replace(
            rollout,
            policy=("tiny", "small")[(place + rollout.place) % 2],
            reward=rollout.reward if place % 3 == 0 else None,
            query_embedding=near(int(rollout.source_query_id.split("-")[1])),
        )
        for place, rollout in enumerate(make_rollouts(30, places=3))
    ]
    labels = [replace(rollout, reward=float(rollout.place % 2)) for rollout in said[1:20:3]]
    return [said[:10], said[10:45], said[40:60], said[60:61], said[61:80], [*labels, *said[75:]]]


def near(question: int) -> np.ndarray:
    """Vectors in two clusters; most of a cluster are the same, more than a query has neighbours."""
    vector = unit_vector(question // 15)
    if question % 5 == 0:
        vector = vector + 0.5 * unit_vector(question + 500)
    return vector.astype(np.float16).astype(np.float32)


@dataclass
class Said:
    """What a memory said after each call, and in the end."""

    scores: list[list[Score]]
    neighbours: list[Neighbours]


class OneMemory:
    """The memory as one."""

    def __init__(self, stores: Stores, settings: Settings, name: str) -> None:
        self.stores, self.name, self.home = stores, name, settings.home
        self.settings = settings
        self.scorer = OnlineScorer(stores, settings, name, "run-1")

    def relink(self, neighbours: int) -> None:
        link(self.stores, self.name, neighbours)

    def rebuilt(self) -> Snapshot:
        return SnapshotCache(self.stores, self.name, self.home / "again", rebuild=True).snapshot

    def close(self) -> None:
        self.scorer.flush()
        self.scorer.close()


class FourShards(OneMemory):
    """The same, divided."""

    def __init__(self, stores: Stores, settings: Settings, name: str, *others: Stores) -> None:
        self.stores, self.name, self.home = stores, name, settings.home
        self.settings = settings
        self.shards = Shards.over(name, COUNT, [stores, *others])
        first = self.shards.first.stores
        self.scorer = OnlineScorer(first, settings, name, "run-1", shards=self.shards)

    def relink(self, neighbours: int) -> None:
        link_shards(self.shards, neighbours)

    def rebuilt(self) -> Snapshot:
        return ShardedSnapshotCache(self.shards, self.home / "again", rebuild=True).snapshot


def neighbours_in(snapshot: Snapshot) -> Neighbours:
    edges = np.arange(snapshot.n_edges(SIMILAR[1]))
    source, target = snapshot.ends(SIMILAR[1], edges)
    scores = snapshot.take("similar.score", edges).tolist()
    found: Neighbours = {id_: [] for id_ in snapshot.ids(QUERY, np.arange(snapshot.count(QUERY)))}
    ends = (snapshot.ids(QUERY, rows) for rows in (source, target))
    for asked, other, score in zip(*ends, scores, strict=True):
        found[asked].append((other, score))
    return {id_: sorted(rows, key=lambda row: (-row[1], row[0])) for id_, rows in found.items()}


def current(memory: OneMemory) -> Neighbours:
    snapshot = memory.scorer._snapshot.current  # pyright: ignore[reportPrivateUsage]
    assert snapshot is not None
    return neighbours_in(snapshot)


def current_of(name: str, *pairs: Stores) -> Neighbours:
    """Neighbours that are stored of a memory in shards."""
    with TemporaryDirectory() as home:
        shards = Shards.over(name, COUNT, pairs)
        return neighbours_in(ShardedSnapshotCache(shards, Path(home), rebuild=True).snapshot)


def values(scores: Sequence[Score]) -> np.ndarray:
    return np.array([(np.nan if s.value is None else s.value, s.confidence) for s in scores])


def assert_says(memory: OneMemory, expected: Said) -> None:
    for call, scores, neighbours in zip(calls(), expected.scores, expected.neighbours, strict=True):
        said = memory.scorer.score(call)
        assert [s.rollout_id for s in said] == [s.rollout_id for s in scores]
        assert current(memory) == neighbours
        np.testing.assert_allclose(values(said), values(scores), rtol=0, atol=1e-5)


def what_is_said(memory: OneMemory) -> Said:
    said = Said(scores=[], neighbours=[])
    for call in calls():
        said.scores.append(memory.scorer.score(call))
        said.neighbours.append(current(memory))
    return said


@contextmanager
def once_before(statement: str, strike: Callable[[], object]) -> Iterator[list[bool]]:
    """Call `strike` before a named statement is run for the first time; whether it was."""
    whole, struck = SqlSession.run, list[bool]()

    def run(session: SqlSession, name: str, /, **parameters: object) -> int:
        if name == statement and not struck:
            struck.append(True)
            strike()
        return whole(session, name, **parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlSession, "run", run)
        yield struck
