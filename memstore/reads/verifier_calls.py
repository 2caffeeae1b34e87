"""What verification cost a memory, and what it saved, over all its runs.

Like the label budget it is read from the verdicts themselves. A batch that is sent again adds none,
so it counts once; a call that gave no verdict is not counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memstore.db import SqlSession, Stores, retried
from memstore.outbox import ReuseAudit, Verdict, reuse_audits, verdicts_on


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


def calls_of_run(stores: Stores, memory: str, run: str) -> int:
    """Calls that a run made for its own rollouts, as accepted."""

    def look() -> int:
        with stores.vectors.reading("same_conclusion.sql") as session:
            row = session.row("calls_of_run", memory=memory, run=run)
            assert row is not None
            return int(row[0])

    return retried(look)


def known_verdicts(stores: Stores, memory: str, conclusions: Sequence[str]) -> KnownVerdicts:
    """The verdicts on these conclusions, and what the audit found, as accepted."""

    def look() -> KnownVerdicts:
        with stores.vectors.reading("same_conclusion.sql") as session:
            return KnownVerdicts(
                verdicts=verdicts_on(session, memory, conclusions),
                audits=reuse_audits(session, memory),
            )

    return retried(look)


def taken_over(stores: Stores, memory: str, rollouts: Sequence[str]) -> dict[str, float]:
    """Those of these rollouts that have no verdict but one that was taken over, and which."""

    def look() -> dict[str, float]:
        with stores.vectors.reading("same_conclusion.sql") as session:
            return dict(session.rows("current_taken_over", memory=memory, ids=list(rollouts)))

    return retried(look)
