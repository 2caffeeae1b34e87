"""The current verified reward of a rollout: one rule, for both databases.

Every source (a verifier, the input file, a person) is heard once, with what it said last; the
current reward is the mean over sources. What was said before stays in the history.
"""

from collections.abc import Sequence
from typing import Any

from memstore.db import SqlSession


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
