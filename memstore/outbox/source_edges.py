"""Who verified what, as Neo4j is told it: an edge from a source to each answer it spoke of.

The edge has what the source said last. Its sequence number is that of the first time, so that it
does not change when a source changes its mind.
"""

from collections.abc import Sequence
from typing import Any, Final

from memstore.db import GraphTransaction, SqlSession
from memstore.outbox.fence import Fence
from memstore.outbox.graph_rows import unwind

#: Rollouts whose edges are told in one transaction.
ROLLOUTS_A_PAGE: Final = 2_000

Rows = list[dict[str, Any]]


def edges_of_batch(session: SqlSession, memory: str, seq: int) -> dict[str, Rows]:
    """Sources that are new with a batch, and what all sources said in it."""
    sql = session.of("outbox.sql")
    new = sql.rows("sources_of_batch", memory=memory, seq=seq)
    rows = sql.rows("verified_in_batch", memory=memory, seq=seq)
    return {"sources": [{"name": name} for (name,) in new], "verified_by": _edges(rows)}


def edges_of_rollouts(session: SqlSession, memory: str, ids: Sequence[str], seq: int) -> Rows:
    """What each source said last of these rollouts up to a sequence number."""
    sql = session.of("outbox.sql")
    return _edges(sql.rows("verified_by_sources", memory=memory, ids=list(ids), seq=seq))


def tell_sources(fence: Fence, memory: str, seq: int, payload: dict[str, Any]) -> None:
    """Tell Neo4j all that sources said up to batch `seq`, which comes next; may be repeated."""
    session = fence.session
    bounds = {"memory": memory, "seq": seq}

    def write(name: str, rows: Rows, **parameters: int) -> None:
        def add(tx: GraphTransaction, before: int) -> None:
            if before == seq - 1:
                unwind(tx, name, rows, memory=memory, **parameters)

        fence.write(add)

    for source, first in session.rows("sources_up_to", **bounds):
        write("sources", [{"name": source}], seq=first)
    after = ""
    while page := session.rows("verified_rollouts", after=after, limit=ROLLOUTS_A_PAGE, **bounds):
        ids = [id_ for (id_,) in page]
        write("verified_by", edges_of_rollouts(session, memory, ids, seq))
        after = ids[-1]


def _edges(rows: list[tuple[Any, ...]]) -> Rows:
    return [
        {
            "source": source,
            "rollout_id": rollout,
            "value": value,
            "run": run,
            "at": at.isoformat(),
            "seq": seq,
            "same_as": same_as,
        }
        for source, rollout, value, run, at, seq, same_as in rows
    ]
