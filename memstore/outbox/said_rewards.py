"""What was verified, as Neo4j is told it: current rewards, and an edge from each source that spoke.

Every source (a verifier, the input file, a person) is heard once, with what it said last; the
current reward is the mean over sources. What was said before stays in the history. An edge has what
its source said last; its sequence number is that of the first time, so that it does not change when
a source changes its mind.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from memstore.db import GraphTransaction, SqlSession
from memstore.outbox.fence import Fence
from memstore.outbox.graph_rows import unwind

#: Rollouts whose edges are told in one transaction.
ROLLOUTS_A_PAGE: Final = 2_000

Rows = list[dict[str, Any]]


def current_verified(
    session: SqlSession, memory: str, ids: Sequence[str], seq: int | None = None
) -> list[dict[str, Any]]:
    """Current verified rewards of these rollouts as Neo4j is told them, in order of id.

    Args:
        session: a connection.
        memory: whose rollouts.
        ids: of the rollouts; those without a verified reward are left out.
        seq: what was said up to this sequence number; None: everything accepted.
    """
    if not ids:
        return []
    rows = session.of("changes.sql").rows("current_verified", memory=memory, ids=list(ids), seq=seq)
    return [
        {
            "rollout_id": id_,
            "value": value,
            "source": source,
            "run": run,
            "at": at.isoformat(),
            "sources": sources,
            "spread": spread,
        }
        for id_, value, source, run, at, sources, spread in rows
    ]


def edges_of_batch(session: SqlSession, memory: str, seq: int) -> dict[str, Rows]:
    """Sources that are new with a batch, and what all sources said in it."""
    return edges_of_batches(session, {memory: seq})[memory]


def edges_of_batches(session: SqlSession, seq_of: Mapping[str, int]) -> dict[str, dict[str, Rows]]:
    """The same of one batch of each of several memories, by memory."""
    sql, bounds = session.of("outbox.sql"), {"memories": list(seq_of), "seqs": [*seq_of.values()]}
    new: dict[str, Rows] = {memory: [] for memory in seq_of}
    said: dict[str, list[tuple[Any, ...]]] = {memory: [] for memory in seq_of}
    for memory, name in sql.rows("sources_of_batches", **bounds):
        new[memory].append({"name": name})
    for memory, *row in sql.rows("verified_in_batches", **bounds):
        said[memory].append(tuple(row))
    return {
        memory: {"sources": new[memory], "verified_by": _edges(said[memory])} for memory in seq_of
    }


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
