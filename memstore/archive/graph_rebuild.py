"""Rebuilding Neo4j from Postgres, which holds everything that was accepted.

For a Neo4j whose disk was lost, whose log met a full disk, or that was restored from an older
backup. Edges drawn or removed by hand are not in Postgres, so they go.
"""

from collections.abc import Callable
from typing import Final

from memstore.archive.graph_loader import GraphCopy
from memstore.archive.tables import ROWS_A_PAGE
from memstore.db import Stores, retried
from memstore.outbox import Fence, MemoryLock, catch_up, empty_graph, finish_delete, hold
from schema import tables
from schema.errors import UnknownMemoryError

#: Tables of which Neo4j holds something; what refers to another comes after it.
_TABLES: Final = (*tables.IN_GRAPH, tables.MODEL)

#: Called with a table and the rows of it that are told.
RebuildProgress = Callable[[str, int], None]


def rebuild_graph(
    stores: Stores, memory: str, progress: RebuildProgress = lambda table, rows: None
) -> int:
    """Rebuild a memory's graph in Neo4j; returns the number of rollouts it holds.

    The memory cannot be used until it is done; an interrupted rebuild starts over. Batches that
    were accepted and not published are published afterwards.

    Raises:
        UnknownMemoryError: if there is no such memory.
        StoreError: if Neo4j refuses.
        UnreachableError: if a database stays out of reach.
    """
    if finish_delete(stores, memory):
        return 0
    rollouts = retried(lambda: _rebuild(stores, memory, progress))
    catch_up(stores, memory)
    return rollouts


def _rebuild(stores: Stores, memory: str, progress: RebuildProgress) -> int:
    with stores.vectors.session("archive.sql") as session:
        hold(session, memory, MemoryLock.LINKER, MemoryLock.PUBLISHER)
        row = session.row("begin_rebuild", memory=memory)
        if row is None:
            raise UnknownMemoryError(
                f"there is no memory {memory!r} whose graph could be rebuilt: `memreward stats` "
                "lists the memories; run an interrupted import again"
            )
        incarnation, encoder, seq, generation = row
        stores.graph.write(
            "outbox.cypher",
            lambda tx: tx.rows("disown", memory=memory, incarnation=incarnation),
        )
        fence = Fence(
            graph=stores.graph,
            session=session,
            memory=memory,
            incarnation=incarnation,
            permission="may_rebuild",
        )
        empty_graph(fence)
        graph = GraphCopy(fence=fence, seq=seq, generation=generation, encoder=encoder)
        rollouts = 0
        bounds = {"memory": memory, "seq": seq, "generation": generation}
        for table in _TABLES:
            names = [column.name for column in table.archived]
            source = session.of_table(table, table.archived)
            for page in source.stream("up_to", ROWS_A_PAGE, **bounds):
                graph.add(table, [dict(zip(names, row, strict=True)) for row in page])
                rollouts += len(page) if table is tables.ROLLOUT else 0
                progress(table.archive or table.name, len(page))
        graph.finish()
        session.run("finish_rebuild", memory=memory, incarnation=incarnation)
    return rollouts
