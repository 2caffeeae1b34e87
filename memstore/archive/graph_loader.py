"""A memory's tables told to Neo4j a page at a time, by the statements of a publication.

An import does that with an archive, a rebuild with Postgres.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from memstore.archive.tables import ROWS_A_PAGE, Record
from memstore.db import GraphTransaction
from memstore.outbox import (
    Fence,
    concluding,
    current_verified,
    edges_of_rollouts,
    giving,
    unwind,
)
from schema import tables
from schema.tables import Table


@dataclass(frozen=True, kw_only=True)
class GraphCopy:
    """One memory on its way into Neo4j, as of one sequence number."""

    fence: Fence
    seq: int
    generation: int
    encoder: str

    def add(self, table: Table, page: Sequence[Record]) -> None:
        """Write a page of a table, if Neo4j holds any of it, in one transaction."""
        if table is tables.MODEL:
            self._write(lambda tx: self._models(tx, page))
        elif table in tables.IN_GRAPH:
            self._write(lambda tx: self._rows(tx, table, page))

    def finish(self) -> None:
        """Write the current rewards and preferences, then the memory's sequence number."""
        session, memory = self.fence.session.of("archive.sql"), self.fence.memory
        # A plan for any page of ids reads the whole memory for each of them.
        session.of("plans.sql").run("for_given_values")
        bounds = {"memory": memory, "seq": self.seq}
        for page in session.stream("verified_ids", ROWS_A_PAGE, **bounds):
            ids = [id_ for (id_,) in page]
            rows = current_verified(session, memory, ids, self.seq)
            self._write(lambda tx, rows=rows: unwind(tx, "verified", rows, memory=memory))
            edges = edges_of_rollouts(session, memory, ids, self.seq)
            self._write(lambda tx, rows=edges: unwind(tx, "verified_by", rows, memory=memory))
        for page in session.stream("current_propagated", ROWS_A_PAGE, **bounds):
            rows = [
                {
                    "rollout_id": rollout,
                    "value": value,
                    "confidence": confidence,
                    "model": model,
                    "at": at.isoformat(),
                }
                for rollout, value, confidence, model, at in page
            ]
            self._write(lambda tx, rows=rows: unwind(tx, "propagated", rows, memory=memory))
        for page in session.stream("current_preferences", ROWS_A_PAGE, **bounds):
            pairs = [
                (
                    seq,
                    {
                        "better": better,
                        "worse": worse,
                        "annotator": annotator,
                        "at": at.isoformat(),
                    },
                )
                for better, worse, annotator, at, seq in page
            ]
            self._write(lambda tx, pairs=pairs: self._unwind(tx, "preferred", pairs))
        place = {"seq": self.seq, "generation": self.generation}
        self._write(lambda tx: tx.rows("stand", memory=memory, **place))

    def _write(self, work: Callable[[GraphTransaction], object]) -> None:
        self.fence.write(lambda tx, _: work(tx))

    def _unwind(
        self,
        tx: GraphTransaction,
        name: str,
        page: Sequence[tuple[int, Mapping[str, Any]]],
        **parameters: object,
    ) -> None:
        """Run a statement of a publication over (seq, row) pairs, those of one batch together."""
        for seq, rows in _by_seq(page):
            unwind(tx, name, rows, memory=self.fence.memory, seq=seq, **parameters)

    def _rows(self, tx: GraphTransaction, table: Table, page: Sequence[Record]) -> None:
        rows = [(record["seq"], table.graph_row(record)) for record in page]
        stamp: dict[str, object] = {}
        if table is tables.SIMILAR_TO:
            stamp = {"generation": self.generation, "encoder": self.encoder}
        self._unwind(tx, table.archive or table.name, rows, **stamp)
        if table is tables.ROLLOUT:
            for name, edges_of in (("concludes", concluding), ("gave", giving)):
                edges = [(seq, edge) for seq, row in rows for edge in edges_of([row])]
                self._unwind(tx, name, edges)

    def _models(self, tx: GraphTransaction, page: Sequence[Record]) -> None:
        for record in page:
            values = record["manifest"]
            scalars = {k: v for k, v in values.items() if isinstance(v, str | int | float | bool)}
            tx.rows(
                "model",
                memory=self.fence.memory,
                version=record["version"],
                seq=record["seq"],
                properties=scalars,
            )


def _by_seq(
    page: Sequence[tuple[int, Mapping[str, Any]]],
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    ordered = sorted(page, key=lambda item: item[0])
    for seq, group in groupby(ordered, key=lambda item: item[0]):
        yield seq, [dict(row) for _, row in group]
