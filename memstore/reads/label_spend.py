"""Which queries of a memory were paid for: of those, some rollout was verified."""

from dataclasses import dataclass
from datetime import datetime

from memstore.db import Stores, find_memory, retried


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Who had a query verified first."""

    run: str | None
    source: str
    at: datetime


def paid_queries(stores: Stores, memory: str) -> dict[str, Payment]:
    """Payments by query id, over all runs; none for a memory that does not exist yet.

    It is read from the verified rewards themselves, so what is stored and what is counted as
    spent cannot differ. A query that was paid for once may be verified again at no further cost.

    Raises:
        UnknownMemoryError: if the memory is being deleted or imported.
    """

    def look() -> dict[str, Payment]:
        with stores.vectors.transaction("reads.sql") as session:
            if find_memory(session, memory) is None:
                return {}
            return {
                query_id: Payment(run=run, source=source, at=at)
                for query_id, run, source, at in session.rows("paid_queries", memory=memory)
            }

    return retried(look)
