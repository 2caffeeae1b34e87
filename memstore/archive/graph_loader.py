"""A memory's tables told to Neo4j a page at a time, by the statements of a publication.

An import does that with an archive, a rebuild with Postgres.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from memstore.archive.tables import ROWS_A_PAGE, Row
from memstore.db import GraphTransaction
from memstore.outbox import Fence, concluding, current_verified, unwind


@dataclass(frozen=True, kw_only=True)
class GraphCopy:
    """One memory on its way into Neo4j, as it stands at one sequence number."""

    fence: Fence
    seq: int
    generation: int
    encoder: str

    def add(self, table: str, page: Sequence[Row]) -> None:
        """Write a page of a table, if Neo4j holds any of it, in one transaction."""
        work = {
            "runs": self._runs,
            "queries": self._queries,
            "conclusions": self._conclusions,
            "rollouts": self._rollouts,
            "models": self._models,
            "similar": self._similar,
        }.get(table)
        if work is not None:
            self._write(lambda tx: work(tx, page))

    def finish(self) -> None:
        """Write what is current of rewards and preferences, then where the memory stands."""
        session, memory = self.fence.session.of("graph_copy.sql"), self.fence.memory
        bounds = {"memory": memory, "seq": self.seq}
        for page in session.stream("verified_ids", ROWS_A_PAGE, **bounds):
            rows = current_verified(session, memory, [row[0] for row in page], self.seq)
            self._write(lambda tx, rows=rows: unwind(tx, "verified", rows, memory=memory))
        for page in session.stream("current_propagated", ROWS_A_PAGE, **bounds):
            names = ("rollout_id", "value", "confidence", "model")
            told = [
                {**dict(zip(names, row[:4], strict=True)), "at": row[4].isoformat()} for row in page
            ]
            self._write(lambda tx, rows=told: unwind(tx, "propagated", rows, memory=memory))
        for page in session.stream("current_preferences", ROWS_A_PAGE, **bounds):
            self._write(lambda tx, page=page: self._preferences(tx, page))
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

    def _runs(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        rows = [(seq, {"id": n, "policy": p, "checkpoint": c}) for n, p, c, seq in page]
        self._unwind(tx, "runs", rows)

    def _queries(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        rows = [
            (seq, {"id": id_, "text": text, "dataset": dataset, "domain": domain})
            for id_, dataset, domain, _, seq, text in page
        ]
        self._unwind(tx, "queries", rows)

    def _conclusions(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        self._unwind(tx, "conclusions", [(seq, {"id": id_, "key": key}) for id_, key, seq in page])

    def _rollouts(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        names = ("id", "query_id", "run", "source_query_id", "step", "place")
        rows = []
        for row in page:
            told = dict(zip(names, row[:6], strict=True))
            told |= {"policy": row[7], "checkpoint": row[8], "completion_tokens": row[10]}
            told |= {"truncated": row[11], "thinking": row[16], "answer": row[17]}
            rows.append((row[15], {**told, "conclusion_id": row[9]}))
        self._unwind(tx, "rollouts", rows)
        edges = [(seq, edge) for seq, told in rows for edge in concluding([told])]
        self._unwind(tx, "concludes", edges)

    def _models(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        for version, manifest, seq, _ in page:
            values = json.loads(manifest)
            scalars = {k: v for k, v in values.items() if isinstance(v, str | int | float | bool)}
            tx.rows(
                "model",
                memory=self.fence.memory,
                version=version,
                seq=seq,
                properties=scalars,
            )

    def _similar(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        rows = [
            (seq, {"query_id": query, "neighbour_id": neighbour, "rank": rank, "score": score})
            for query, neighbour, rank, score, seq in page
        ]
        stamp = {"generation": self.generation, "encoder": self.encoder}
        self._unwind(tx, "similar", rows, **stamp)

    def _preferences(self, tx: GraphTransaction, page: Sequence[Row]) -> None:
        names = ("better", "worse", "annotator")
        rows = [
            (row[4], {**dict(zip(names, row[:3], strict=True)), "at": row[3].isoformat()})
            for row in page
        ]
        self._unwind(tx, "preferred", rows)


def _by_seq(
    page: Sequence[tuple[int, Mapping[str, Any]]],
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    ordered = sorted(page, key=lambda item: item[0])
    for seq, group in groupby(ordered, key=lambda item: item[0]):
        yield seq, [dict(row) for _, row in group]
