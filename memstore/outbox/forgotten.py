"""A compaction takes effect: what goes in Neo4j, then in Postgres.

Like a re-keying, it changes Neo4j a page a transaction, which may be done again, and Postgres at
the end and as a whole.
"""

from typing import Any, Final

from memstore.db import GraphTransaction, SqlSession
from memstore.outbox.fence import Fence
from memstore.outbox.graph_rows import unwind

ROWS_A_TRANSACTION: Final = 5_000


def tell_forgotten(fence: Fence, memory: str, seq: int, payload: dict[str, Any]) -> None:
    """Tell Neo4j which thinkings are forgotten; their texts go, unless conclusions are read there.

    May be repeated.
    """
    sql, after = fence.session.of("forget.sql"), ""
    while page := sql.rows("to_tell", memory=memory, after=after, limit=ROWS_A_TRANSACTION):
        rows = [{"id": id_, "keeps": keeps} for id_, keeps in page]

        def forget(tx: GraphTransaction, before: int, rows: list[dict[str, Any]] = rows) -> None:
            if before == seq - 1:
                unwind(tx, "forget", rows, memory=memory, seq=seq)

        fence.write(forget)
        after = page[-1][0]


def forget_rows(session: SqlSession, memory: str, payload: dict[str, Any]) -> int:
    """Forget the same in Postgres; returns the number of rollouts that changed."""
    sql = session.of("forget.sql")
    changed = sql.run("forget_rollouts", memory=memory, seq=payload["seq"])
    sql.run("name_features", memory=memory, names=payload["features"])
    sql.run("clear", memory=memory)
    return changed
