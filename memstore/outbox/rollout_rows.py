"""The rows that batches of rollouts add to Postgres, and those rows read back for Neo4j."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from memstore.db import SqlSession, plans_for_any_memory
from schema import tables
from schema.errors import InputError
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """New rollouts that a batch brings to a memory."""

    memory: str
    seq: int
    new: Sequence[PreparedRollout]


def known_hashes(
    session: SqlSession, memory: str, prepared: Iterable[PreparedRollout]
) -> dict[str, str]:
    """Content hashes, by id, of those rollouts that the memory holds."""
    return known_to(session, [(memory, item.id) for item in prepared])


def known_to(session: SqlSession, asked: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The same of rollouts that are each given with their memory."""
    memories, ids = _columns(asked)
    with plans_for_any_memory(session):
        rows = session.of("outbox.sql").rows("known_rollouts", memories=memories, ids=ids)
    return dict(rows)


def refuse_changed(prepared: Sequence[PreparedRollout], known: dict[str, str]) -> None:
    """Check that no rollout says something else than what is known, or comes earlier, at its place.

    Raises:
        InputError: naming the first that does.
    """
    said = dict(known)
    for item in prepared:
        if said.setdefault(item.id, item.content_hash) != item.content_hash:
            place = item.rollout
            raise InputError(
                f"query_id {place.source_query_id!r}, step {place.step}, rollout {place.place} "
                "is in the memory, or given before, with another text: give new rollouts another "
                "--run or step"
            )


def known_ids(session: SqlSession, statement: str, asked: Iterable[tuple[str, str]]) -> set[str]:
    """Which of these ids, each given with its memory, rows are there for already."""
    memories, ids = _columns(asked)
    with plans_for_any_memory(session):
        return {id_ for (id_,) in session.rows(statement, memories=memories, ids=ids)}


def _columns(pairs: Iterable[tuple[str, str]]) -> tuple[list[str], list[str]]:
    pairs = list(pairs)
    return [first for first, _ in pairs], [second for _, second in pairs]


def insert_queries(
    session: SqlSession, arrivals: Sequence[Arrival]
) -> dict[str, list[PreparedRollout]]:
    """Insert the queries that are new; returns one rollout for each of them, by memory."""
    by_id = [{item.query_id: item for item in reversed(each.new)} for each in arrivals]
    asked = [(each.memory, id_) for each, ids in zip(arrivals, by_id, strict=True) for id_ in ids]
    known = known_ids(session, "known_queries", asked)
    added = {
        each.memory: [items[id_] for id_ in sorted(items.keys() - known)]
        for each, items in zip(arrivals, by_id, strict=True)
    }
    rows = (
        {
            "memory": each.memory,
            "seq": each.seq,
            "id": item.query_id,
            "dataset": item.rollout.dataset,
            "domain": item.rollout.domain,
            "embedding": item.rollout.query_embedding,
            "text": item.rollout.query,
        }
        for each in arrivals
        for item in added[each.memory]
    )
    session.copy(tables.QUERY, rows)
    return added


def insert_policies(session: SqlSession, arrivals: Sequence[Arrival]) -> None:
    """Insert the policies that are new."""
    given = [
        (each.memory, each.seq, name)
        for each in arrivals
        for name in sorted({i.rollout.policy for i in each.new if i.rollout.policy is not None})
    ]
    if given:
        memories, seqs, names = map(list, zip(*given, strict=True))
        session.run("add_policies", memories=memories, seqs=seqs, names=names)


def insert_conclusions(
    session: SqlSession,
    arrivals: Sequence[Arrival],
    conclusions: Mapping[str, tuple[str, str] | None],
) -> None:
    """Insert the conclusions, an id and a key for a rollout each, that are new."""
    found = [
        (each, dict(pair for i in each.new if (pair := conclusions[i.id]) is not None))
        for each in arrivals
    ]
    asked = [(each.memory, id_) for each, key_of in found for id_ in key_of]
    known = known_ids(session, "known_conclusions", asked)
    rows = (
        {"memory": each.memory, "seq": each.seq, "id": id_, "key": key_of[id_]}
        for each, key_of in found
        for id_ in sorted(key_of.keys() - known)
    )
    session.copy(tables.CONCLUSION, rows)


def insert_rollouts(
    session: SqlSession,
    run: str,
    arrivals: Sequence[Arrival],
    conclusions: Mapping[str, tuple[str, str] | None],
) -> None:
    """Insert new rollouts: their ids, and every field that has a column."""

    def row(each: Arrival, item: PreparedRollout) -> dict[str, Any]:
        rollout, conclusion = item.rollout, conclusions[item.id]
        values: dict[str, Any] = {name: getattr(rollout, name) for name in _OF_ROLLOUT}
        for name in _LISTS:
            values[name] = None if values[name] is None else list(values[name])
        values |= {"memory": each.memory, "seq": each.seq, "content_hash": item.content_hash}
        return values | item.ids(None if conclusion is None else conclusion[0])

    rows = (row(each, item) for each in arrivals for item in each.new)
    session.copy(tables.ROLLOUT, rows, run=run)


def insert_policy_embeddings(session: SqlSession, arrivals: Sequence[Arrival]) -> None:
    """Insert the policy's own embeddings where rollouts carry them."""
    rows = (
        {
            "memory": each.memory,
            "seq": each.seq,
            "rollout_id": item.id,
            "policy": item.rollout.policy or "",
            "layer": item.rollout.policy_layer or "",
            "embedding": item.rollout.policy_embedding,
        }
        for each in arrivals
        for item in each.new
        if item.rollout.policy_embedding is not None
    )
    session.copy(tables.POLICY_EMBEDDING, rows)


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
    """Rows of batch `seq` by table."""
    return read_batches(session, [(memory, seq, generation)])[memory]


def read_batches(
    session: SqlSession, batches: Sequence[tuple[str, int, int]]
) -> dict[str, dict[str, Any]]:
    """The same of one batch of each of several memories, by memory.

    Args:
        session: a connection.
        batches: memory, sequence number and generation of each.
    """
    memories, seqs, generations = (list(column) for column in zip(*batches, strict=True))
    bounds = {"memories": memories, "seqs": seqs, "generations": generations}
    found: dict[str, dict[str, Any]] = {memory: {} for memory in memories}
    with plans_for_any_memory(session):
        for table in tables.IN_GRAPH:
            names = [column.name for column in table.in_graph]
            for rows in found.values():
                rows[table.archive or table.name] = []
            for memory, *values in session.of_table(table, table.in_graph).rows(
                "of_batches", **bounds
            ):
                row = table.graph_row(dict(zip(names, values, strict=True)))
                found[memory][table.archive or table.name].append(row)
    return found


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
