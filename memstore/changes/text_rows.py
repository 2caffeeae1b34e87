"""Rows of label files that name rollouts by what they say: a question's text and an answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from memstore.db import SqlSession
from memstore.formats import RawRow, texts
from schema.errors import InputError
from schema.ids import query_id
from schema.messages import normal_query, query_text
from schema.validation import check_text

#: Columns that hold what the rollout says.
REPLY_COLUMNS: Final = ("answer", "completion", "thinking")
_OTHER_NAMES: Final = ("rollout_id", "rollout", "conclusion", "better", "worse")

#: Query ids, thinking and answer.
_Said = tuple[frozenset[str], str | None, str]


def rows_by_id(session: SqlSession, memory: str, rows: Sequence[RawRow]) -> list[RawRow]:
    """The rows; one that names texts becomes a row for each rollout that says them, or a fault.

    Equal texts deserve one verdict, so no place need be named; `run` and `step` narrow it down.

    Args:
        session: on `changes.sql`.
        memory: whose rollouts are meant.
        rows: of a label file.
    """
    said = {row.line: _said(memory, row) for row in rows if _names_texts(row)}
    found = _found(
        session, memory, {line: it for line, it in said.items() if isinstance(it, tuple)}
    )
    result: list[RawRow] = []
    for row in rows:
        meant = said.get(row.line)
        if meant is None:
            result.append(row)
        elif isinstance(meant, InputError):
            result.append(replace(row, fault=str(meant)))
        else:
            result += _by_id(row, found.get(row.line, []))
    return result


def _names_texts(row: RawRow) -> bool:
    given = {name for name, value in row.values.items() if value is not None}
    return (
        row.fault is None
        and "query" in given
        and not given & set(_OTHER_NAMES)
        and bool(given & {"answer", "completion"})
    )


def _said(memory: str, row: RawRow) -> _Said | InputError:
    """What a row says, cleaned as `memreward ingest` does it; an error where that cannot be."""
    given = {name: row.values[name] for name in REPLY_COLUMNS if row.values.get(name) is not None}
    query: Any = row.values["query"]
    try:
        query = query_text(query) if isinstance(query, list) else query
        check_text(query, "query")
        reply = texts(given)
        check_text(reply["answer"], "answer")
    except InputError as error:
        return error
    # An answer alone means it with whatever thinking.
    thinking = reply["thinking"] if {"completion", "thinking"} & given.keys() else None
    ids = frozenset(query_id(memory, text) for text in (query, normal_query(query)))
    return ids, thinking, reply["answer"]


def _found(
    session: SqlSession, memory: str, said: dict[int, _Said]
) -> dict[int, list[tuple[str, str, int]]]:
    """Id, run and step of the rollouts that say what a line says."""
    wanted = [
        (line, id_, thinking, answer)
        for line, (ids, thinking, answer) in said.items()
        for id_ in sorted(ids)
    ]
    if not wanted:
        return {}
    lines, ids, thinkings, answers = map(list, zip(*wanted, strict=True))
    rows = session.rows(
        "rollouts_that_say",
        memory=memory,
        lines=lines,
        queries=ids,
        thinkings=thinkings,
        answers=answers,
    )
    found: dict[int, list[tuple[str, str, int]]] = {}
    for line, *rollout in rows:
        id_, run, step = rollout
        found.setdefault(line, []).append((id_, run, step))
    return found


def _by_id(row: RawRow, found: Sequence[tuple[str, str, int]]) -> list[RawRow]:
    run, step = row.values.get("run"), row.values.get("step")
    ids = [
        id_
        for id_, its_run, its_step in found
        if run in (None, its_run) and step in (None, its_step)
    ]
    if not ids:
        fault = (
            "no rollout of the memory says this to this `query`: check both texts"
            + (", `run` and `step`" if found else "")
            + ", or name it by `rollout_id`"
        )
        return [replace(row, fault=fault)]
    kept = {n: v for n, v in row.values.items() if n not in ("query_id", *REPLY_COLUMNS)}
    return [replace(row, values={**kept, "rollout_id": id_}) for id_ in ids]
