"""Re-keying: what every answer concludes is read again by the rules of this version.

The new keys are stored next to the old ones, which stay in use, a page at a time, so that it can be
stopped and run again. Then one batch replaces them. Like a delete, the batch takes effect when it
is published, in Neo4j first, and nothing is accepted in between. Afterwards the memory is as if its
rollouts had been ingested with the new keys, also as of earlier sequence numbers.

A key is read from the texts that are stored, with the domain of the query: the one that the query's
first rollout had.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from memstore.db import MemoryState, SqlSession, Stores
from memstore.outbox import (
    MemoryLock,
    OutboxBatch,
    begin_change,
    commit_long_change,
    hold,
    refuse_cut_off,
    refuse_other_keys,
)
from schema import tables
from schema.answers import KEYS_VERSION, conclusion_key
from schema.batch import BatchKind
from schema.ids import conclusion_id

ROLLOUTS_A_PAGE: Final = 1_024

#: Called with what is done and how many of how many.
RekeyProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class RekeyReport:
    """What a re-keying did."""

    #: Version of the keys that the memory has now.
    version: int
    #: Answers that were read now; an earlier re-keying that was stopped may have read others.
    read: int = 0
    #: Rollouts that come to another conclusion than before.
    changed: int = 0


def rekey(
    stores: Stores,
    memory: str,
    *,
    progress: RekeyProgress = lambda what, done, total: None,
) -> RekeyReport:
    """Give a memory the conclusion keys of this version; nothing happens if it has them.

    Args:
        stores: both databases.
        memory: whose rollouts.
        progress: told how far it is.

    Raises:
        UnknownMemoryError: if there is no such memory.
        KeysVersionError: if its keys are of a newer version.
        QuarantineError: if publication is stopped.
        StoreError: if Neo4j lacks an answer, or a delete was cut off in the meantime.
    """
    begun = begin_change(stores, memory)
    if begun.keys_version >= KEYS_VERSION:
        refuse_other_keys(begun)
        return RekeyReport(version=KEYS_VERSION)
    work = _Rekeying(begun, progress)
    changed = commit_long_change(
        stores,
        begun,
        BatchKind.REKEY,
        work.replace,
        locks=(MemoryLock.LINKER,),
        prepare=work.read,
    )
    return RekeyReport(version=KEYS_VERSION, read=work.n_read, changed=changed)


class _Rekeying:
    """The new keys of one memory."""

    def __init__(self, begun: MemoryState, progress: RekeyProgress) -> None:
        self._begun, self._progress = begun, progress
        self.n_read = 0

    def read(self, session: SqlSession, state: MemoryState) -> None:
        """Make the keys that are missing, at last under the lock that keeps new rollouts out."""
        refuse_cut_off(session, state.name)
        if self._is_done(state):
            return
        session.of("keys.sql").run("drop_other_versions", memory=state.name, version=KEYS_VERSION)
        self._read_missing(session, state.name)
        hold(session, state.name, MemoryLock.WRITER)
        self._read_missing(session, state.name)

    def replace(self, batch: OutboxBatch) -> int:
        """Accept the batch; returns the number of rollouts that it changes."""
        if self._is_done(batch.state):
            return 0
        row = batch.session.of("keys.sql").row("count_changed", memory=batch.memory)
        assert row is not None
        batch.tell({"version": KEYS_VERSION})
        return int(row[0])

    def _is_done(self, state: MemoryState) -> bool:
        """Whether another process has re-keyed the memory in the meantime."""
        return state.keys_version != self._begun.keys_version

    def _read_missing(self, session: SqlSession, memory: str) -> None:
        """Make the keys of all rollouts that have no new one yet, a page a transaction."""
        sql = session.of("keys.sql")
        row = sql.row("left", memory=memory)
        total = 0 if row is None else int(row[0])
        query, rollout, done = "", "", 0
        while page := sql.rows(
            "rollouts_to_do",
            memory=memory,
            query_id=query,
            rollout_id=rollout,
            limit=ROLLOUTS_A_PAGE,
        ):
            rows = []
            for query, rollout, *texts in page:
                key = conclusion_key(*texts)
                new = None if key is None else conclusion_id(memory, query, key)
                rows.append({"rollout_id": rollout, "conclusion_id": new, "key": key})
            sql.copy(tables.NEW_KEY, rows, memory=memory, version=KEYS_VERSION)
            done += len(page)
            self.n_read += len(page)
            self._progress("read answers", done, total)
