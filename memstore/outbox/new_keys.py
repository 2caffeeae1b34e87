"""New conclusion keys take effect: what a re-keying changes in Neo4j, then in Postgres.

Like a delete, it changes Neo4j a page a transaction, which may be done again, and Postgres at the
end and as a whole. Each page leaves a graph without loose ends, and
`memstore.reads.consistent_read` keeps readers from seeing one in between.
"""

from collections.abc import Callable
from typing import Any, Final

from memstore.db import GraphTransaction, SqlSession
from memstore.outbox.fence import Fence
from memstore.outbox.graph_rows import unwind
from schema import tables

#: Few: the time that Neo4j needs grows faster than what one transaction deletes.
ROWS_A_TRANSACTION: Final = 1_000
#: Statements of `keys.sql` that put the new keys in force, what is referred to first.
_STATEMENTS: Final = ("write_conclusions", "move_rollouts", "remove_conclusions", "stamp")


def tell_new_keys(fence: Fence, memory: str, seq: int, payload: dict[str, Any]) -> None:
    """Tell Neo4j new conclusions, then which answers move to which, then which conclusions go."""
    sql = fence.session.of("keys.sql")

    def write(work: Callable[[GraphTransaction], object]) -> None:
        fence.write(lambda tx, before: work(tx) if before == seq - 1 else None)

    for page in sql.stream("conclusions_to_tell", ROWS_A_TRANSACTION, memory=memory):
        rows = [
            {**tables.CONCLUSION.graph_row({"id": id_, "key": key}), "seq": first}
            for id_, key, first in page
        ]
        write(lambda tx, rows=rows: unwind(tx, "new_conclusions", rows, memory=memory))
    for page in sql.stream("rollouts_to_move", ROWS_A_TRANSACTION, memory=memory):
        write(lambda tx, page=page: _move(tx, memory, page))
    for page in sql.stream("conclusions_to_remove", ROWS_A_TRANSACTION, memory=memory):
        ids = [id_ for (id_,) in page]
        write(lambda tx, ids=ids: tx.rows("delete_conclusions", memory=memory, rows=ids))


def _move(tx: GraphTransaction, memory: str, page: list[tuple[Any, ...]]) -> None:
    """Answers leave the conclusions they came to, where Neo4j still says so, for the new ones."""
    left = [{"answer_id": id_, "conclusion_id": old} for id_, old, _, _ in page if old is not None]
    tx.rows("leave_conclusions", memory=memory, rows=left)
    reached = [
        {"answer_id": id_, "conclusion_id": new, "seq": seq}
        for id_, _, new, seq in page
        if new is not None
    ]
    unwind(tx, "reach_conclusions", reached, memory=memory)


def use_new_keys(session: SqlSession, memory: str, payload: dict[str, Any]) -> int:
    """Put the new keys in force in Postgres; returns the number of rollouts that changed."""
    sql = session.of("keys.sql")
    changed = {
        name: sql.run(name, memory=memory, version=payload["version"]) for name in _STATEMENTS
    }
    sql.run("drop_new_keys", memory=memory)
    return changed["move_rollouts"]
