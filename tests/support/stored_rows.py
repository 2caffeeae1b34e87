"""What Postgres holds of a memory, or of all shards of one, in the same form."""

from typing import Any

from memstore.consistency.check import check_memory
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.db.vector_store import connect
from memstore.shards.care import check_edges
from memstore.shards.division import Shards

#: Ids of a query and of a neighbour, and the cosine.
Edges = list[tuple[str, str, float]]


def rows_of(servers: Addresses, memory: str, text: str) -> list[tuple[Any, ...]]:
    """Of a statement with two parameters: a memory's name, and how its shards' names begin."""
    with connect(servers.postgres_dsn) as connection:
        return connection.execute(text.encode(), (memory, f"{memory}@")).fetchall()


def stored(servers: Addresses, memory: str) -> list[tuple[Any, ...]]:
    """All rollouts with their labels."""
    return rows_of(
        servers,
        memory,
        "SELECT r.id, r.query_id, r.content_hash, v.source, v.value::text "
        "FROM memreward.rollout AS r LEFT JOIN memreward.verified_reward AS v "
        "ON v.memory = r.memory AND v.rollout_id = r.id "
        "WHERE r.memory = %s OR starts_with(r.memory, %s) ORDER BY r.id, v.source",
    )


def edges_of_one(servers: Addresses, memory: str) -> Edges:
    """Those of a memory that is not divided."""
    found = rows_of(
        servers,
        memory,
        "SELECT s.query_id, s.neighbour_id, s.score FROM memreward.similar_to AS s "
        "JOIN memreward.memory AS m ON m.name = s.memory AND m.generation = s.generation "
        "WHERE m.name = %s OR m.name = %s",
    )
    return sorted((a, b, float(score)) for a, b, score in found)


def edges_across(servers: Addresses, memory: str) -> Edges:
    """Those of a memory that is divided."""
    found = rows_of(
        servers,
        memory,
        "SELECT a.query_id, a.neighbour_id, a.score FROM memreward.across AS a "
        "JOIN memreward.shard AS s ON s.generation = a.generation AND s.number = 1 "
        "WHERE s.memory = %s AND starts_with(a.memory, %s)",
    )
    return sorted((a, b, float(score)) for a, b, score in found)


def assert_whole(stores: Stores, memory: str, count: int) -> None:
    """`check` finds nothing in a memory of so many shards."""
    shards = Shards.over(memory, count, [stores])
    reports = [check_memory(stores, part.name) for part in shards.parts] + [check_edges(shards)]
    assert all(report.ok and not report.notes for report in reports), reports


def visible(stores: Stores, memory: str) -> list[str]:
    """Ids of the answers that Neo4j shows of all shards."""
    text = "MATCH (a:Answer) WHERE a.memory STARTS WITH $start RETURN a.id AS id"
    return [row["id"] for row in stores.graph.query(text, {"start": f"{memory}@"}, 60.0).rows]
