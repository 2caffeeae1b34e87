"""Writing as with the bare drivers: a rival for benchmarks, no way to fill a memory.

The same rows by the same COPY, the same nodes and edges, a transaction a batch in each database.
Left out is all that makes it a memory: ids, conclusions and neighbours are given; nothing is
validated, locked, numbered or looked up, and a batch that was cut off cannot be tried again.
"""

from collections.abc import Sequence
from typing import Any

from memstore.db import GraphTransaction, Stores
from memstore.outbox import (
    ROWS_A_STATEMENT,
    concluding,
    edges_of_batch,
    giving,
    lock_memory,
    read_batch,
)
from memstore.outbox import rollout_rows as accept_rows
from memstore.similarity import copy_edges
from schema.keyed_rollout import PreparedRollout

_TABLES = (
    *("runs", "policies", "queries", "rollouts", "conclusions", "concludes", "gave", "similar"),
    *("sources", "verified_by"),
)


def rows_of_batch(
    stores: Stores, memory: str, seq: int, prepared: Sequence[PreparedRollout]
) -> dict[str, Any]:
    """What batch `seq` has written, as `write_bare` takes it."""
    with stores.vectors.transaction("outbox.sql") as session:
        rows = read_batch(session, memory, seq, 0) | edges_of_batch(session, memory, seq)
    rows |= {"concludes": concluding(rows["rollouts"]), "gave": giving(rows["rollouts"])}
    reward_of = {item.id: item.rollout.reward for item in prepared}
    for row in rows["rollouts"]:
        row["reward"] = reward_of[row["id"]]
    keys = {row["id"]: row["conclusion"]["key"] for row in rows["conclusions"]}
    rows["conclusion_of"] = {
        row["answer_id"]: (row["conclusion_id"], keys.get(row["conclusion_id"], ""))
        for row in rows["concludes"]
    }
    return rows


def write_bare(
    stores: Stores,
    memory: str,
    seq: int,
    prepared: Sequence[PreparedRollout],
    rows: dict[str, Any],
    *,
    encoder: str,
    dimension: int,
) -> None:
    """Write one batch to both databases, Postgres first."""
    conclusions = {item.id: rows["conclusion_of"].get(item.id) for item in prepared}
    with stores.vectors.transaction("outbox.sql") as session:
        lock_memory(session, memory, encoder, dimension, 7, incarnation=None)
        for run in rows["runs"]:
            session.run(
                "add_runs",
                name=run["name"],
                memories=[memory],
                policies=[run["run"]["policy"]],
                checkpoints=[run["run"]["checkpoint"]],
                seqs=[seq],
            )
        arrivals = [accept_rows.Arrival(memory=memory, seq=seq, new=prepared)]
        accept_rows.insert_policies(session, arrivals)
        accept_rows.insert_queries(session, arrivals)
        accept_rows.insert_conclusions(session, arrivals, conclusions)
        run_name = rows["rollouts"][0]["run"]
        accept_rows.insert_rollouts(session, run_name, arrivals, conclusions)
        labelled = [item for item in prepared if item.rollout.reward is not None]
        accept_rows.insert_labels(session, memory, run_name, seq, labelled)
        copy_edges(session, memory, 0, seq, rows["similar"])

    def write(tx: GraphTransaction) -> None:
        for table in _TABLES:
            for start in range(0, len(rows[table]), ROWS_A_STATEMENT):
                page = rows[table][start : start + ROWS_A_STATEMENT]
                tx.rows(table, rows=page, memory=memory, seq=seq)

    stores.graph.write("bench.cypher", write)
