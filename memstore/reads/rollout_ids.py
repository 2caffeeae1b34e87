"""Rollouts by what a person has of them: the beginning of an id; and where they came from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memstore.db import SqlSession, Stores
from schema.errors import InputError
from schema.ids import is_prefix, the_one


@dataclass(frozen=True, kw_only=True)
class RolloutPlace:
    """Where a rollout came from, in its owner's terms."""

    run: str
    #: The owner's id of the query.
    query_id: str
    step: int
    #: Its number among the rollouts of that query and step.
    rollout: int


def whole_id(session: SqlSession, memory: str, given: str) -> str:
    """The id that begins with what was given; what is no beginning comes back as it is.

    Raises:
        InputError: if no rollout's id begins so, or several do.
    """
    if not is_prefix(given):
        return given
    return the_one(given, ids_by_prefix(session, memory, [given])[given], memory)


def rollouts_beginning(stores: Stores, memory: str, given: str) -> list[str]:
    """Ids of some rollouts that begin so; a few are enough to tell that there are several."""
    with stores.vectors.transaction("reads.sql") as session:
        return ids_by_prefix(session, memory, [given])[given]


def with_whole_ids(
    session: SqlSession, memory: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[dict[str, Any] | InputError]:
    """Rows with ids in place of their beginnings in the columns `names`.

    Returns:
        For each row its values, or an error where no rollout's id begins so, or several do.
    """
    begun = [{name: row[name] for name in names if _is_begun(row.get(name))} for row in rows]
    found = ids_by_prefix(session, memory, {id_ for row in begun for id_ in row.values()})
    filled: list[dict[str, Any] | InputError] = []
    for row, prefixes in zip(rows, begun, strict=True):
        try:
            whole = {name: the_one(id_, found[id_], memory) for name, id_ in prefixes.items()}
        except InputError as error:
            filled.append(error)
        else:
            filled.append({**row, **whole})
    return filled


def _is_begun(given: Any) -> bool:
    return isinstance(given, str) and is_prefix(given)


def ids_by_prefix(
    session: SqlSession, memory: str, prefixes: Iterable[str]
) -> dict[str, list[str]]:
    """For each beginning of an id the ids that begin so."""
    found: dict[str, list[str]] = {prefix: [] for prefix in prefixes}
    if not found:
        return found
    statements = session.of("reads.sql")
    for prefix, id_ in statements.rows("ids_by_prefix", memory=memory, prefixes=[*found]):
        found[prefix].append(id_)
    return found


def rollout_places(
    stores: Stores, memory: str, rollouts: Collection[str]
) -> dict[str, RolloutPlace]:
    """Where each of these rollouts came from."""
    with stores.vectors.transaction("reads.sql") as session:
        return {
            id_: RolloutPlace(run=run, query_id=source_query_id, step=step, rollout=number)
            for id_, run, source_query_id, step, number in session.rows(
                "places", memory=memory, rollouts=[*rollouts]
            )
        }


def answers_of(stores: Stores, memory: str, rollouts: Collection[str]) -> dict[str, str]:
    """The answer of each of these rollouts."""
    with stores.vectors.transaction("reads.sql") as session:
        rows = session.rows("answers", memory=memory, rollouts=[*rollouts])
    return {str(id_): str(answer) for id_, answer in rows}


def source_query_ids(stores: Stores, memory: str, queries: Collection[str]) -> dict[str, str]:
    """For each query what its owners call it; several names by commas."""
    with stores.vectors.transaction("reads.sql") as session:
        rows = session.rows("source_query_ids", memory=memory, queries=[*queries])
    return {id_: ", ".join(names) for id_, names in rows}
