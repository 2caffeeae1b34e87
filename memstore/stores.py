"""Both databases of one deployment, opened together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from memstore.graph_store import GraphStore
from memstore.servers import Addresses
from memstore.vector_store import SqlSession, VectorStore
from schema.errors import UnknownMemoryError


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Neo4j holds what is visible, Postgres what is accepted."""

    graph: GraphStore
    vectors: VectorStore


@dataclass(frozen=True, kw_only=True)
class MemoryState:
    """Where one memory stands in Postgres."""

    name: str
    encoder: str
    dimension: int
    #: Similarity edges a query gets.
    neighbours: int
    #: Last accepted and last published batch.
    seq: int
    published_seq: int
    #: Generation of similarity edges that readers see.
    generation: int


@contextmanager
def open_stores(addresses: Addresses) -> Iterator[Stores]:
    """Connect to both databases; closed at the end of the block.

    Raises:
        ServerError: if one of them cannot be reached or refuses the password.
    """
    vectors = VectorStore(addresses.postgres_dsn)
    try:
        graph = GraphStore(addresses.neo4j_uri, addresses.neo4j_user, addresses.neo4j_password)
        try:
            yield Stores(graph=graph, vectors=vectors)
        finally:
            graph.close()
    finally:
        vectors.close()


def find_memory(session: SqlSession, name: str) -> MemoryState | None:
    """The state of a memory; None if there is none of that name.

    Raises:
        UnknownMemoryError: if it is being deleted.
    """
    row = session.of("accept.sql").row("memory_state", memory=name)
    if row is None:
        return None
    *fields, deleted = row
    if deleted:
        raise UnknownMemoryError(
            f"memory {name!r} is being deleted: run the delete again, or choose another name"
        )
    encoder, dimension, neighbours, seq, published_seq, generation = fields
    return MemoryState(
        name=name,
        encoder=encoder,
        dimension=dimension,
        neighbours=neighbours,
        seq=seq,
        published_seq=published_seq,
        generation=generation,
    )


def get_memory(stores: Stores, name: str) -> MemoryState:
    """The state of a memory.

    Raises:
        UnknownMemoryError: if there is none of that name.
    """
    with stores.vectors.transaction("accept.sql") as session:
        state = find_memory(session, name)
    if state is None:
        raise UnknownMemoryError(
            f"there is no memory {name!r}: `memreward stats` lists those there are, "
            "`memreward ingest` makes one"
        )
    return state
