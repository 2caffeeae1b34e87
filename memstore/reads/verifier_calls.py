"""What verification cost a memory, and what it saved, over all its runs.

Like the label budget it is read from the verdicts themselves. A batch that is sent again adds none,
so it counts once; a call that gave no verdict is not counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from memstore.db import SqlSession, VectorStore, retried
from memstore.outbox import ReuseAudit, Verdict, reuse_audits, verdicts_on

T = TypeVar("T")
#: Postgres of a memory, or of each of its shards, and its name there.
Places = Sequence[tuple[VectorStore, str]]


@dataclass(frozen=True, kw_only=True)
class VerifierCalls:
    """Verdicts that a memory holds, by how it came to them."""

    #: Asked for: one a rollout and a source.
    made: int
    #: Rollouts whose verdict was taken over from another that concludes the same.
    saved: int
    #: By domain of the question, verdicts that were asked for to compare.
    audits: Mapping[str, ReuseAudit]

    @property
    def audited(self) -> int:
        """Verdicts that were compared, of all domains."""
        return sum(item.audited for item in self.audits.values())

    @property
    def agreed(self) -> int:
        """Those of them that agree."""
        return sum(item.agreed for item in self.audits.values())


@dataclass(frozen=True, kw_only=True)
class KnownVerdicts:
    """What may be taken over."""

    #: By id of the conclusion.
    verdicts: Mapping[str, Verdict]
    audits: Mapping[str, ReuseAudit]


def count_calls(session: SqlSession, memory: str) -> VerifierCalls:
    """Calls made and saved, as accepted."""
    row = session.of("same_conclusion.sql").row("calls", memory=memory)
    assert row is not None
    return VerifierCalls(made=row[0], saved=row[1], audits=reuse_audits(session, memory))


def calls_of_run(places: Places, run: str) -> int:
    """Calls that a run made for its own rollouts, as accepted."""

    def look(session: SqlSession, memory: str) -> int:
        row = session.row("calls_of_run", memory=memory, run=run)
        assert row is not None
        return int(row[0])

    return sum(_of_each(places, look))


def known_verdicts(places: Places, conclusions: Mapping[str, str]) -> KnownVerdicts:
    """The verdicts on these conclusions, and what the audit found, as accepted.

    Args:
        places: where the memory is.
        conclusions: ids, each with that of its query.
    """

    def look(session: SqlSession, memory: str) -> dict[str, Verdict]:
        return verdicts_on(session, memory, conclusions)

    verdicts: dict[str, Verdict] = {}
    for found in _of_each(places, look) if conclusions else []:
        verdicts |= found
    return KnownVerdicts(verdicts=verdicts, audits=known_audits(places))


def known_audits(places: Places) -> dict[str, ReuseAudit]:
    """What the audit found, by kind of question, in all places together."""
    audits: dict[str, ReuseAudit] = {}
    for found in _of_each(places, reuse_audits):
        for domain, audit in found.items():
            before = audits.get(domain, ReuseAudit(audited=0, agreed=0))
            audits[domain] = ReuseAudit(
                audited=before.audited + audit.audited, agreed=before.agreed + audit.agreed
            )
    return audits


def taken_over(places: Places, rollouts: Sequence[str]) -> dict[str, float]:
    """Those of these rollouts that have no verdict but one that was taken over, and which."""

    def look(session: SqlSession, memory: str) -> dict[str, float]:
        return dict(session.rows("current_taken_over", memory=memory, ids=list(rollouts)))

    return {id_: value for found in _of_each(places, look) for id_, value in found.items()}


def _of_each(places: Places, look: Callable[[SqlSession, str], T]) -> list[T]:
    """What is found in each place."""

    def one(vectors: VectorStore, memory: str) -> T:
        with vectors.reading("same_conclusion.sql") as session:
            return look(session, memory)

    return [retried(partial(one, vectors, memory)) for vectors, memory in places]
