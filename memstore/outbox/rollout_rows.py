"""The rows that a batch of rollouts adds to Postgres, and those rows read back for Neo4j."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from memstore.db import SqlSession, plans_for_any_memory
from schema import tables
from schema.keyed_rollout import PreparedRollout
from schema.rollout import Rollout
from schema.tables import ColumnType

#: Source of rewards that come with the rollouts themselves.
FILE_SOURCE = "file"
_FIELDS: Final = {field.name for field in fields(Rollout)}
#: Columns of the table of rollouts that hold a field of a rollout; those that hold lists.
_OF_ROLLOUT: Final = tuple(c.name for c in tables.ROLLOUT.columns if c.name in _FIELDS)
_LISTS: Final = tuple(
    c.name for c in tables.ROLLOUT.columns if c.name in _FIELDS and c.type is ColumnType.FLOATS
)


def insert_queries(
    session: SqlSession, memory: str, seq: int, new: Sequence[PreparedRollout]
) -> list[PreparedRollout]:
    """Insert the queries that are new; returns one rollout for each of them."""
    by_id = {item.query_id: item for item in reversed(new)}
    with plans_for_any_memory(session):
        found = session.rows("known_queries", memory=memory, ids=list(by_id))
    known = {row[0] for row in found}
    added = [by_id[id_] for id_ in sorted(by_id.keys() - known)]
    rows = (
        {
            "id": item.query_id,
            "dataset": item.rollout.dataset,
            "domain": item.rollout.domain,
            "embedding": item.rollout.query_embedding,
            "text": item.rollout.query,
        }
        for item in added
    )
    session.copy(tables.QUERY, rows, memory=memory, seq=seq)
    return added


def insert_policies(
    session: SqlSession, memory: str, seq: int, new: Sequence[PreparedRollout]
) -> None:
    """Insert the policies that are new."""
    names = sorted({i.rollout.policy for i in new if i.rollout.policy is not None})
    if names:
        session.run("add_policies", memory=memory, seq=seq, names=names)


def insert_conclusions(
    session: SqlSession, memory: str, seq: int, conclusions: Mapping[str, tuple[str, str] | None]
) -> None:
    """Insert the conclusions, an id and a key for a rollout each, that are new."""
    key_of = dict(pair for pair in conclusions.values() if pair is not None)
    with plans_for_any_memory(session):
        found = session.rows("known_conclusions", memory=memory, ids=list(key_of))
    known = {row[0] for row in found}
    rows = ({"id": id_, "key": key_of[id_]} for id_ in sorted(key_of.keys() - known))
    session.copy(tables.CONCLUSION, rows, memory=memory, seq=seq)


def insert_rollouts(
    session: SqlSession,
    memory: str,
    run: str,
    seq: int,
    new: Sequence[PreparedRollout],
    conclusions: Mapping[str, tuple[str, str] | None],
) -> None:
    """Insert new rollouts: their ids, and every field that has a column."""

    def row(item: PreparedRollout) -> dict[str, Any]:
        rollout, conclusion = item.rollout, conclusions[item.id]
        values: dict[str, Any] = {name: getattr(rollout, name) for name in _OF_ROLLOUT}
        for name in _LISTS:
            values[name] = None if values[name] is None else list(values[name])
        values["content_hash"] = item.content_hash
        return values | item.ids(None if conclusion is None else conclusion[0])

    session.copy(tables.ROLLOUT, map(row, new), memory=memory, run=run, seq=seq)


def insert_policy_embeddings(
    session: SqlSession, memory: str, seq: int, new: Sequence[PreparedRollout]
) -> None:
    """Insert the policy's own embeddings where rollouts carry them."""
    rows = (
        {
            "rollout_id": item.id,
            "policy": item.rollout.policy or "",
            "layer": item.rollout.policy_layer or "",
            "embedding": item.rollout.policy_embedding,
        }
        for item in new
        if item.rollout.policy_embedding is not None
    )
    session.copy(tables.POLICY_EMBEDDING, rows, memory=memory, seq=seq)


def insert_sources(session: SqlSession, memory: str, seq: int, names: Iterable[str]) -> None:
    """Insert the sources that are new."""
    distinct = sorted(set(names))
    if distinct:
        session.of("outbox.sql").run("add_sources", memory=memory, seq=seq, names=distinct)


def insert_labels(
    session: SqlSession, memory: str, run: str, seq: int, labelled: Sequence[PreparedRollout]
) -> None:
    """Insert the verified rewards that rollouts carry, and the source of them all."""
    insert_sources(session, memory, seq, [FILE_SOURCE] if labelled else [])
    rows = ({"rollout_id": item.id, "value": item.rollout.reward} for item in labelled)
    session.copy(tables.VERIFIED_REWARD, rows, memory=memory, seq=seq, source=FILE_SOURCE, run=run)


def read_batch(session: SqlSession, memory: str, seq: int, generation: int) -> dict[str, Any]:
    """Rows of batch `seq` by table, and the edges `concludes` and `gave`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in tables.IN_GRAPH:
        names = [column.name for column in table.in_graph]
        rows = session.of_table(table, table.in_graph)
        with plans_for_any_memory(session):
            page = rows.rows("of_batch", memory=memory, seq=seq, generation=generation)
        found[table.archive or table.name] = [
            table.graph_row(dict(zip(names, row, strict=True))) for row in page
        ]
    rollouts = found["rollouts"]
    return {**found, "concludes": concluding(rollouts), "gave": giving(rollouts)}


def concluding(rollouts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Edges from answers to what they conclude."""
    return [
        {"answer_id": row["id"], "conclusion_id": row["conclusion_id"]}
        for row in rollouts
        if row["conclusion_id"] is not None
    ]


def giving(rollouts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Edges from policies to what they answered; an answer without a policy has none."""
    return [
        {
            "policy": row["answer"]["policy"],
            "answer_id": row["id"],
            "step": row["step"],
            "checkpoint": row["answer"]["checkpoint"],
        }
        for row in rollouts
        if row["answer"]["policy"] is not None
    ]
