"""The queries of a memory as somebody sees them who chooses which ones to label.

What is read are the embeddings of the queries, a page at a time: neither texts nor embeddings of
rollouts, of which there are far more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from memstore.db import Stores, get_memory, vectors
from memstore.reads.consistent_read import read_consistently
from schema.memory_graph import Bools, Floats

#: Rows that are held at a time as the driver has them.
_QUERIES_A_PAGE: Final = 1_024


@dataclass(frozen=True, kw_only=True)
class QueriesToChoose:
    """All queries of a memory at one sequence number, in order of id.

    Those that nobody can label, since their rollouts are forgotten, are not among them.
    """

    memory: str
    seq: int
    query_id_Q: list[str]
    embedding_QD: Floats
    #: Whether a rollout of it is verified.
    labelled_Q: Bools


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenQuery:
    """One of them, with its rollouts in order of id."""

    dataset: str
    text: str
    rollouts: tuple[str, ...]


def queries_to_choose(stores: Stores, memory: str) -> QueriesToChoose:
    """The queries of a memory at the last published sequence number.

    Raises:
        UnknownMemoryError: if there is no such memory.
        StoreError: if a delete was interrupted and does not finish.
    """
    return read_consistently(stores, memory, lambda: _queries(stores, memory))


def chosen_queries(
    stores: Stores, found: QueriesToChoose, ids: Sequence[str]
) -> dict[str, ChosenQuery]:
    """Some of these queries; one that was deleted meanwhile is left out."""
    with stores.vectors.transaction("reads.sql") as session:
        rows = session.rows(
            "queries_to_label", memory=found.memory, seq=found.seq, queries=list(ids)
        )
    chosen: dict[str, ChosenQuery] = {}
    for id_, dataset, text, rollout in rows:
        before = chosen[id_].rollouts if id_ in chosen else ()
        rollouts = (*before, rollout)
        chosen[id_] = ChosenQuery(dataset=dataset, text=text, rollouts=rollouts)
    return chosen


def _queries(stores: Stores, memory: str) -> QueriesToChoose:
    state = get_memory(stores, memory)
    bounds = {"memory": memory, "seq": state.published_seq}
    ids: list[str] = []
    pages = [np.zeros((0, state.dimension), dtype=np.float32)]
    with stores.vectors.transaction("reads.sql") as session:
        for rows in session.stream("query_embeddings", _QUERIES_A_PAGE, **bounds):
            ids += [id_ for id_, _ in rows]
            pages.append(vectors([embedding for _, embedding in rows]))
        labelled = {id_ for (id_,) in session.rows("labelled_queries", **bounds)}
        forgotten = {id_ for (id_,) in session.rows("queries_without_text", **bounds)} - labelled
    usable = [row for row, id_ in enumerate(ids) if id_ not in forgotten]
    ids = [ids[row] for row in usable]
    return QueriesToChoose(
        memory=memory,
        seq=state.published_seq,
        query_id_Q=ids,
        embedding_QD=np.concatenate(pages)[usable],
        labelled_Q=np.asarray([id_ in labelled for id_ in ids], dtype=np.bool_),
    )
