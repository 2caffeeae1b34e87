"""What Postgres knows about the size of a table, kept up while a table grows from nothing.

Autovacuum counts once a minute. Until then a table that was emptied (its memory deleted) and fills
again is planned for as if it were empty, and each row's foreign keys are checked by scans: in the
first minute an ingest was three times slower. What was counted says which memory has which share of
the rows, so that a memory that came later seems to have none: see `memstore.db.plans`.
"""

from memstore.db.vector_store import VectorStore


def keep_statistics(vectors: VectorStore) -> list[str]:
    """Have Postgres count each table that has more than doubled; returns their names."""
    with vectors.reading("statistics.sql") as session:
        outgrown = [name for (name,) in session.rows("outgrown")]
        for name in outgrown:
            session.written("statistics.sql", name=name).run("count")
    return outgrown
