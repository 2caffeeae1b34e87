"""Rows of label files that judge a conclusion, as `memreward suggest-labels` writes them.

Such a row names one rollout that reaches it, or the query and the conclusion itself. Rows that
`suggest-labels` wrote may be left without a reward.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from memstore.db import SqlSession
from memstore.formats import RawRow
from memstore.outbox import looked_up
from schema.errors import InputError
from schema.ids import conclusion_id, query_id

#: What the column `unit` says of such a row.
UNIT: Final = "conclusion"
#: What it says of any row of suggestions: its reward is for a conclusion, or for one rollout.
UNITS: Final = (UNIT, "rollout")


def is_for_conclusion(row: RawRow) -> bool:
    """Whether a row's reward counts for all rollouts that conclude the same."""
    return row.values.get("unit") == UNIT or row.values.get("conclusion") is not None


def is_unjudged(row: RawRow) -> bool:
    """Whether a row of suggestions is not filled in yet."""
    said = (row.values.get(name) for name in ("reward", "better", "worse"))
    return row.fault is None and row.values.get("unit") in UNITS and all(v is None for v in said)


def with_representatives(session: SqlSession, memory: str, rows: Sequence[RawRow]) -> list[RawRow]:
    """The rows; those that name a conclusion and no rollout get one that reaches it, or a fault."""
    wanted = {row.line: _conclusion(memory, row) for row in rows if _names_no_rollout(row)}
    asked = dict(named for named in wanted.values() if not isinstance(named, InputError))
    found: dict[str, str] = {}
    if asked:
        found = dict(session.rows("representatives", memory=memory, **looked_up(asked)))

    def filled(row: RawRow) -> RawRow:
        named = wanted.get(row.line)
        if named is None:
            return row
        if isinstance(named, InputError):
            return replace(row, fault=str(named))
        conclusion = named[0]
        if conclusion not in found:
            fault = "no rollout of that query concludes this: check `query` and `conclusion`"
            return replace(row, fault=fault)
        values = {**row.values, "unit": UNIT, "rollout_id": found[conclusion]}
        return replace(row, values=values)

    return [filled(row) for row in rows]


def _names_no_rollout(row: RawRow) -> bool:
    given = row.values
    if row.fault is not None or not is_for_conclusion(row):
        return False
    return given.get("rollout_id") is None and given.get("rollout") is None


def _conclusion(memory: str, row: RawRow) -> tuple[str, str] | InputError:
    """Ids of the conclusion that a row names and of its query; an error where it names none."""
    key, text = row.values.get("conclusion"), row.values.get("query")
    if not isinstance(key, str):
        return InputError("`conclusion` is missing, and so is `rollout_id`: say what is judged")
    if not isinstance(text, str):
        return InputError("`query` is missing: say which question the conclusion is of")
    query = query_id(memory, text)
    return conclusion_id(memory, query, key), query
