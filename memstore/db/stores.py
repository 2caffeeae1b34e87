"""Both databases of one deployment, opened together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from memstore.db.addresses import Addresses
from memstore.db.graph_store import GraphStore
from memstore.db.retry import retried
from memstore.db.vector_store import SqlSession, VectorStore
from schema.answers import KEYS_VERSION
from schema.errors import ShardedError, UnknownMemoryError
from schema.ids import shard_name


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Neo4j holds what is visible, Postgres what is accepted."""

    graph: GraphStore
    vectors: VectorStore


@dataclass(frozen=True, kw_only=True)
class MemoryState:
    """State of one memory in Postgres."""

    name: str
    encoder: str
    dimension: int
    #: Tells the memory from a deleted one of the same name.
    incarnation: str
    #: Similarity edges a query gets.
    neighbours: int
    #: Last accepted and last published batch.
    seq: int
    published_seq: int
    #: Generation of similarity edges that arriving queries are added to, and the one in Neo4j.
    generation: int
    published_generation: int
    #: Folder of the encoder's model; None: the default encoder.
    encoder_path: str | None = None
    #: Version of the conclusion keys that it was made with.
    keys_version: int = KEYS_VERSION
    #: Names of what is kept of the texts of forgotten rollouts.
    feature_names: tuple[str, ...] = ()


@contextmanager
def open_stores(addresses: Addresses) -> Iterator[Stores]:
    """Connect to both databases; closed at the end of the block.

    Raises:
        ServerError: if one of them cannot be reached or refuses the password.
    """
    vectors = VectorStore(addresses.postgres_dsn)
    try:
        graph = GraphStore(
            addresses.neo4j_uri,
            addresses.neo4j_user,
            addresses.neo4j_password,
            folder=addresses.neo4j_folder,
        )
        try:
            yield Stores(graph=graph, vectors=vectors)
        finally:
            graph.close()
    finally:
        vectors.close()


def find_memory(session: SqlSession, name: str) -> MemoryState | None:
    """The state of a memory; None if there is none of that name.

    Raises:
        UnknownMemoryError: if it is being deleted, imported or rebuilt.
        ShardedError: if it is divided into shards.
    """
    found = find_memories(session, [name])
    if not found:
        _refuse_divided(session, name)
    return found.get(name)


def find_memories(session: SqlSession, names: Sequence[str]) -> dict[str, MemoryState]:
    """The states of those of these memories that there are, by name.

    Raises:
        UnknownMemoryError: if one is being deleted, imported or rebuilt.
    """
    rows = session.of("outbox.sql").rows("memory_states", memories=list(names))
    return {row[0]: _state(*row) for row in rows}


def _state(name: str, *row: Any) -> MemoryState:
    *fields, deleted, importing, rebuilding = row
    if deleted:
        raise UnknownMemoryError(
            f"memory {name!r} is being deleted: run the delete again, or choose another name"
        )
    if importing:
        raise UnknownMemoryError(
            f"memory {name!r} is being imported: wait for it, or run the import again if it was "
            "interrupted"
        )
    if rebuilding:
        raise UnknownMemoryError(rebuilding_message(name))
    encoder, dimension, incarnation, neighbours, *numbers = fields
    seq, published_seq, generation, published_generation, encoder_path, *made = numbers
    keys_version, feature_names = made
    return MemoryState(
        name=name,
        encoder=encoder,
        dimension=dimension,
        incarnation=incarnation,
        neighbours=neighbours,
        seq=seq,
        published_seq=published_seq,
        generation=generation,
        published_generation=published_generation,
        encoder_path=encoder_path,
        keys_version=keys_version,
        feature_names=tuple(feature_names),
    )


def _refuse_divided(session: SqlSession, name: str) -> None:
    row = session.of("outbox.sql").row("shards", memory=name)
    if row is not None and row[0]:
        count = int(row[0])
        raise ShardedError(
            f"memory {name!r} is divided into {count} shards, and this works on one memory: use "
            f"`memreward.ShardedMemory.open({name!r}, shards={count})`, or name a shard, "
            f"{shard_name(name, 1, count)!r} to {shard_name(name, count, count)!r} (docs/shards.md)"
        )


def rebuilding_message(name: str) -> str:
    """Message for those who want to use a memory while its graph is rebuilt."""
    return (
        f"the graph of memory {name!r} is being rebuilt: wait for it, or run "
        f"`memreward repair --rebuild-neo4j --memory {name}` if that was interrupted"
    )


def get_memory(stores: Stores, name: str) -> MemoryState:
    """The state of a memory.

    Raises:
        UnknownMemoryError: if there is none of that name.
    """
    state = look_up_memory(stores, name)
    if state is None:
        raise UnknownMemoryError(
            f"there is no memory {name!r}: `memreward stats` lists the memories, "
            "`memreward ingest` makes one"
        )
    return state


def look_up_memory(stores: Stores, name: str) -> MemoryState | None:
    """The state of a memory; None: there is none of that name. See `find_memory`."""

    def look() -> MemoryState | None:
        with stores.vectors.reading("outbox.sql") as session:
            return find_memory(session, name)

    return retried(look)
