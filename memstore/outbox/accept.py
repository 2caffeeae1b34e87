"""Accepting rollouts: one Postgres transaction, after which they are promised.

Under the memory's lock: what is new is told from what is known, new queries get their nearest
neighbours, and rows, edges and the payload for Neo4j are written with the next sequence number.
Several memories of one Postgres, the shards of one, are accepted to together: all or none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from memstore.db import (
    MemoryState,
    SqlSession,
    VectorStore,
    keep_statistics,
    plans_for_any_memory,
    retried,
)
from memstore.outbox import rollout_rows
from memstore.outbox.change import OutboxBatch, accept_batches, take_numbers
from memstore.outbox.locks import deleted_memory_error, lock_memories
from memstore.outbox.rollout_rows import Arrival
from memstore.outbox.said_rewards import current_verified
from memstore.outbox.same_conclusion import (
    ReuseAudit,
    insert_taken_over,
    reuse_audits,
    to_follow,
    to_take_over,
)
from memstore.similarity import (
    QueryVectors,
    Search,
    begin_searches,
    copy_arriving_edges,
    nearest_of_arriving,
    query_vectors,
)
from schema.batch import BatchKind
from schema.keyed_rollout import Keys, PreparedRollout

DEFAULT_NEIGHBOURS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """What one call of `accept_rollouts` found and did; `seq` None: there was nothing to do."""

    seq: int | None
    new: int
    existing: int
    new_queries: int
    labels: int
    #: Which memory of that name it went to; None: there is none, since nothing was given.
    incarnation: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """What one memory is given."""

    memory: str
    prepared: Sequence[PreparedRollout]
    #: None: whichever memory has the name, made now if there is none.
    incarnation: str | None
    #: How verdicts that are taken over have proved; None: as this memory knows. See `reuse_audits`.
    audits: Mapping[str, ReuseAudit] | None = None


def accept_rollouts(
    vectors: VectorStore,
    memory: str,
    run: str,
    prepared: Sequence[PreparedRollout],
    *,
    encoder: str,
    dimension: int,
    incarnation: str | None,
    neighbours: int = DEFAULT_NEIGHBOURS,
    keys: Callable[[], Keys] = dict,
    reuse: bool = False,
) -> Accepted:
    """Accept rollouts that carry their embeddings; when this returns they are durable.

    Only the memory of that `incarnation` is written to, not a later one of the same name. Callers
    outside the tests use a `RolloutWriter`, which keeps the incarnation from batch to batch.

    Raises:
        MemrewardError: see `accept_to_several`.
    """
    given = Given(memory=memory, prepared=prepared, incarnation=incarnation)
    stamp = encoder, dimension
    return accept_to_several(vectors, run, [given], stamp, neighbours, keys=keys, reuse=reuse)[0]


def accept_to_several(
    vectors: VectorStore,
    run: str,
    given: Sequence[Given],
    stamp: tuple[str, int],
    neighbours: int = DEFAULT_NEIGHBOURS,
    *,
    keys: Callable[[], Keys] = dict,
    reuse: bool = False,
    fence: Callable[[SqlSession], None] | None = None,
) -> list[Accepted]:
    """Accept what several memories of one Postgres are given: all of it, or nothing.

    Args:
        vectors: Postgres.
        run: that made the rollouts.
        given: of a memory each.
        stamp: encoder of the embeddings, and their dimension.
        neighbours: edges that a query gets in a memory that is made now.
        keys: asked, late, for conclusions that were read elsewhere; others are read here.
        reuse: rollouts that conclude what was verified on their query take that verdict over
            (`memstore.outbox.same_conclusion`).
        fence: called first in the transaction; what it raises undoes everything.

    Raises:
        InputError: if an id is known with other content.
        EncoderMismatchError: if a memory is stamped with another encoder.
        UnknownMemoryError: if the memory of an incarnation was deleted.
    """
    asked = [each for each in given if each.prepared]
    done = {each.memory: _nothing(len(each.prepared), each.incarnation) for each in given}
    if not asked:
        return list(done.values())
    incarnations = {each.memory: each.incarnation for each in asked}

    def lock(session: SqlSession) -> list[MemoryState]:
        if fence is not None:
            fence(session)
        return lock_memories(session, incarnations, *stamp, neighbours)

    def write(batches: Sequence[OutboxBatch]) -> list[Accepted]:
        parts = [
            _Part(batch, each.prepared, query_vectors(vectors, each.memory), each.audits)
            for batch, each in zip(batches, asked, strict=True)
        ]
        return _write(parts, run, keys, reuse)

    accepted = accept_batches(vectors, BatchKind.INGEST, lock, write)
    if any(one.new for one in accepted):
        retried(lambda: keep_statistics(vectors))
    done |= zip(incarnations, accepted, strict=True)
    return list(done.values())


def _nothing(existing: int, incarnation: str | None) -> Accepted:
    return Accepted(
        seq=None, new=0, existing=existing, new_queries=0, labels=0, incarnation=incarnation
    )


@dataclass(slots=True)
class _Part:
    """What one memory is given, and what is found of it under the lock."""

    batch: OutboxBatch
    prepared: Sequence[PreparedRollout]
    cache: QueryVectors
    audits: Mapping[str, ReuseAudit] | None
    new: list[PreparedRollout] = field(default_factory=list)
    labelled: list[PreparedRollout] = field(default_factory=list)
    new_queries: int = 0

    @property
    def memory(self) -> str:
        """Its name."""
        return self.batch.memory

    def look(self, known: dict[str, str]) -> None:
        """Find what is new, given the content hashes by id of what is known."""
        rollout_rows.refuse_changed(self.prepared, known)
        by_id = {item.id: item for item in self.prepared if item.id not in known}
        self.new = sorted(by_id.values(), key=lambda item: item.id)
        if any(item.rollout.query_embedding is None for item in self.new):
            raise deleted_memory_error(self.memory)  # They were known, and so not embedded.
        self.labelled = _new_labels(self.batch.session, self.memory, self.prepared)

    def accepted(self) -> Accepted:
        """What was done."""
        incarnation = self.batch.state.incarnation
        if not self.new and not self.labelled:
            return _nothing(len(self.prepared), incarnation)
        return Accepted(
            seq=self.batch.seq,
            new=len(self.new),
            existing=len(self.prepared) - len(self.new),
            new_queries=self.new_queries,
            labels=len(self.labelled),
            incarnation=incarnation,
        )


def _write(
    parts: Sequence[_Part], run: str, keys: Callable[[], Keys], reuse: bool
) -> list[Accepted]:
    """Insert what is new of the rollouts."""
    asked = [(part.memory, item.id) for part in parts for item in part.prepared]
    known = rollout_rows.known_to(parts[0].batch.session, asked)
    for part in parts:
        part.look(known)
    changed = [part for part in parts if part.new or part.labelled]
    if changed:
        take_numbers([part.batch for part in changed])
        _insert(changed, run, keys)
    for part in changed:
        _tell(part, run, reuse)
    return [part.accepted() for part in parts]


def _tell(part: _Part, run: str, reuse: bool) -> None:
    """Insert the labels, and what follows from them, and tell of the batch."""
    batch, session, memory = part.batch, part.batch.session, part.memory
    rollout_rows.insert_labels(session, memory, run, batch.seq, part.labelled)
    taken = _take_over(part, run, reuse)
    said = sorted({*taken, *(item.id for item in part.labelled)})
    batch.tell(
        {
            "generation": batch.state.generation,
            "encoder": batch.state.encoder,
            "verified": current_verified(session, memory, said),
        }
    )


def _take_over(part: _Part, run: str, reuse: bool) -> list[str]:
    """Insert the verdicts that follow from those of the batch; returns whose they are."""
    session, memory = part.batch.session, part.memory
    taken = to_follow(session, memory, [item.id for item in part.labelled])
    if reuse:
        ids = [item.id for item in (*part.new, *part.labelled)]
        audits = reuse_audits(session, memory) if part.audits is None else part.audits
        taken += to_take_over(session, memory, run, ids, audits)
    return insert_taken_over(session, memory, part.batch.seq, taken)


def _new_labels(
    session: SqlSession, memory: str, prepared: Sequence[PreparedRollout]
) -> list[PreparedRollout]:
    """Rollouts whose reward is not yet what the memory holds from a file."""
    given = list({i.id: i for i in prepared if i.rollout.reward is not None}.values())
    if not given:
        return []
    current = dict(
        session.rows(
            "current_verified",
            memory=memory,
            source=rollout_rows.FILE_SOURCE,
            ids=[item.id for item in given],
        )
    )
    return [item for item in given if current.get(item.id) != item.rollout.reward]


def _insert(parts: Sequence[_Part], run: str, keys: Callable[[], Keys]) -> None:
    """Insert everything that batches bring but their labels."""
    session = parts[0].batch.session
    arrivals = [Arrival(memory=p.memory, seq=p.batch.seq, new=p.new) for p in parts]
    firsts = [part.new[0].rollout if part.new else None for part in parts]
    with plans_for_any_memory(session):
        session.run(
            "add_runs",
            name=run,
            memories=[part.memory for part in parts],
            policies=[first and first.policy for first in firsts],
            checkpoints=[first and first.checkpoint for first in firsts],
            seqs=[part.batch.seq for part in parts],
        )
        rollout_rows.insert_policies(session, arrivals)
        queries = rollout_rows.insert_queries(session, arrivals)
        # On arrival a query is tied to its nearest among all that its memory has accepted, its own
        # batch included; another thread searches while the other rows are written.
        searches = [
            Search(
                state=part.batch.state,
                cache=part.cache,
                arriving={item.query_id: item.embedding for item in queries[part.memory]},
            )
            for part in parts
        ]
        begun = begin_searches(session, searches)
        read = keys()
        conclusions = {i.id: i.conclusion(p.memory, read) for p in parts for i in p.new}
        rollout_rows.insert_conclusions(session, arrivals, conclusions)
        rollout_rows.insert_rollouts(session, run, arrivals, conclusions)
        rollout_rows.insert_policy_embeddings(session, arrivals)
    found = nearest_of_arriving(session, searches, begun)
    copy_arriving_edges(session, {p.memory: p.batch.seq for p in parts}, searches, found)
    for part in parts:
        part.new_queries = len(queries[part.memory])
