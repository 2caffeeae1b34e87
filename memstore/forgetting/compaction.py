"""Compaction: the thinkings and embeddings of most rollouts go, the rollouts stay as evidence.

A forgotten rollout keeps its place, answer, conclusion, signals, hidden state and rewards, and what
its texts showed: numbers that are read from them once more and stored. So its reward, and what it
says of others, stay as they were. The thinking stays where the conclusion is read from it.

What is to go is written down first, in one transaction. Like a re-keying, the batch takes effect
when it is published, in Neo4j first, and nothing is accepted in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from memstore.db import MemoryState, SqlSession, Stores
from memstore.forgetting.choice import check_keep
from memstore.outbox import (
    MemoryLock,
    OutboxBatch,
    begin_change,
    commit_long_change,
    hold,
    refuse_cut_off,
)
from schema import tables
from schema.answers import conclusion_key
from schema.batch import BatchKind
from schema.memory_graph import Floats

ROLLOUTS_A_PAGE: Final = 1_024

#: Called with what is done and how many of how many.
CompactionProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class KeptTexts:
    """What is kept of texts: names, and a function that reads them."""

    names: tuple[str, ...]
    #: Numbers by these names, [K], of a query, a thinking, an answer and a conclusion's key.
    read: Callable[[str, str, str, str | None], Floats]


def compact(
    stores: Stores,
    memory: str,
    keep: int,
    texts: KeptTexts,
    *,
    progress: CompactionProgress = lambda what, done, total: None,
) -> int:
    """Forget rollouts of which nothing was said; returns how many were forgotten now.

    Args:
        stores: both databases.
        memory: whose rollouts.
        keep: so many rollouts of one query, conclusion and policy stay whole.
        texts: what is kept of the texts that go.
        progress: told how far it is.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `keep` is negative.
        QuarantineError: if publication is stopped.
        StoreError: if Neo4j lacks a thinking, or another change was cut off in the meantime.
    """
    check_keep(keep)
    begun = begin_change(stores, memory)
    work = _Compaction(keep, texts, progress)
    return commit_long_change(
        stores,
        begun,
        BatchKind.COMPACT,
        work.forget,
        locks=(MemoryLock.LINKER,),
        prepare=work.choose,
    )


def shrink(stores: Stores) -> None:
    """Give the space of what is gone back to the disk; nobody can use rollouts meanwhile.

    Raises:
        StoreFullError: if the disk has no room for the table as it is now.
    """
    with stores.vectors.session("forget.sql") as session:
        session.run("shrink")


class _Compaction:
    """One compaction of one memory."""

    def __init__(self, keep: int, texts: KeptTexts, progress: CompactionProgress) -> None:
        self._keep, self._texts, self._progress = keep, texts, progress

    def choose(self, session: SqlSession, state: MemoryState) -> None:
        """Write down what goes, and what is kept of it; at last keep new verdicts out."""
        refuse_cut_off(session, state.name)
        sql, memory = session.of("forget.sql"), state.name
        with session.transaction():
            sql.run("clear", memory=memory)
            if state.feature_names not in ((), self._texts.names):
                self._name_anew(sql, state)
            ids = [id_ for (id_,) in sql.rows("chosen", memory=memory, keep=self._keep)]
            for start in range(0, len(ids), ROLLOUTS_A_PAGE):
                page = sql.rows("texts", memory=memory, ids=ids[start : start + ROLLOUTS_A_PAGE])
                sql.copy(tables.TO_FORGET, map(self._row, page), memory=memory)
                self._progress("read texts", start + len(page), len(ids))
        hold(session, memory, MemoryLock.WRITER)
        sql.run("spare", memory=memory)

    def _row(self, page_row: Sequence[Any]) -> dict[str, Any]:
        id_, query, thinking, answer, domain, key = page_row
        keeps = conclusion_key(query, "", answer, domain) != key
        return {
            "rollout_id": id_,
            "kept_features": self._texts.read(query, thinking, answer, key).tolist(),
            "thinking_characters": 0 if keeps else len(thinking),
            "keeps_thinking": keeps,
        }

    def _name_anew(self, sql: SqlSession, state: MemoryState) -> None:
        """What is kept of earlier forgotten rollouts, by the names of now; NaN: it was not kept."""
        place = {name: column for column, name in enumerate(state.feature_names)}
        columns = [place.get(name, len(place)) for name in self._texts.names]
        rows = (
            {
                "rollout_id": id_,
                "kept_features": np.append(kept, np.nan)[columns].tolist(),
                "thinking_characters": characters,
                "keeps_thinking": True,
            }
            for id_, kept, characters in sql.rows("kept", memory=state.name)
        )
        sql.copy(tables.TO_FORGET, rows, memory=state.name)

    def forget(self, batch: OutboxBatch) -> int:
        """Accept the batch, unless it would be empty; returns how many rollouts it forgets."""
        row = batch.session.of("forget.sql").row("count_new", memory=batch.memory)
        count = 0 if row is None else int(row[0])
        if count:
            batch.tell({"seq": batch.seq, "features": list(self._texts.names)})
        return count
