"""Verdicts that are taken over: a rollout has that of another which concludes the same.

They have a source of their own, `schema.reward.SAME_CONCLUSION`, and name the verified rollout.
They count only as long as no source spoke of the rollout itself, and follow the verdict that they
were taken from. Where the rollout of a batch was verified all the same, the verdict that would have
been taken over is kept next to its own, as an audit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memstore.db import SqlSession
from memstore.outbox.rollout_rows import insert_sources
from schema import tables
from schema.reward import SAME_CONCLUSION

#: Of the audited verdicts of a kind of question, at least this share must agree; else no more are
#: taken over.
LEAST_AGREEMENT: Final = 0.995


@dataclass(frozen=True, kw_only=True, slots=True)
class ReuseAudit:
    """How verdicts that were taken over agree with verdicts on the rollouts themselves."""

    audited: int
    agreed: int

    @property
    def trusted(self) -> bool:
        """Whether verdicts of this kind may be taken over."""
        return self.agreed >= LEAST_AGREEMENT * self.audited


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What was verified of a conclusion."""

    rollout_id: str
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenOver:
    """A verdict that a rollout has from another."""

    rollout_id: str
    verdict: Verdict
    run: str | None
    #: The rollout was verified itself; this only tells whether both agree.
    audited: bool = False


def verdicts_on(
    session: SqlSession, memory: str, conclusions: Mapping[str, str]
) -> dict[str, Verdict]:
    """The verdict on each of these conclusions of which a rollout was verified.

    Args:
        session: a connection.
        memory: whose conclusions.
        conclusions: ids, each with that of its query.
    """
    rows = session.of("same_conclusion.sql").rows(
        "verdicts", memory=memory, **looked_up(conclusions)
    )
    return {
        conclusion: Verdict(rollout_id=rollout, value=value) for conclusion, rollout, value in rows
    }


def looked_up(conclusions: Mapping[str, str]) -> dict[str, list[str]]:
    """Parameters of statements that find rollouts by conclusion, through their queries."""
    return {"conclusions": sorted(conclusions), "queries": sorted(set(conclusions.values()))}


def reuse_audits(session: SqlSession, memory: str) -> dict[str, ReuseAudit]:
    """What the audit found, by kind of question (the query's domain)."""
    rows = session.of("same_conclusion.sql").rows("audits", memory=memory)
    return {domain: ReuseAudit(audited=audited, agreed=agreed) for domain, audited, agreed in rows}


def may_reuse(audits: Mapping[str, ReuseAudit], domain: str) -> bool:
    """Whether verdicts may be taken over on questions of a domain; so it is before any audit."""
    return domain not in audits or audits[domain].trusted


def to_take_over(
    session: SqlSession,
    memory: str,
    run: str | None,
    ids: Sequence[str],
    audits: Mapping[str, ReuseAudit],
) -> list[TakenOver]:
    """Verdicts for all rollouts that conclude what one of these does and lack a verdict.

    Args:
        session: in a transaction, with what was verified in it.
        memory: whose rollouts.
        run: that has them taken over.
        ids: of rollouts; those of them that were verified themselves are audited.
        audits: kinds that may not be reused are left out; empty: all may.
    """
    sql = session.of("same_conclusion.sql")
    rows = sql.rows("conclusions_of", memory=memory, ids=list(ids))
    conclusions: dict[str, str] = {conclusion: query for query, conclusion in rows}
    verdicts = verdicts_on(session, memory, conclusions)
    given = set(ids)
    taken: list[TakenOver] = []
    rows = sql.rows("rollouts", memory=memory, **looked_up({i: conclusions[i] for i in verdicts}))
    for conclusion, id_, domain, verified, has_one in rows:
        verdict = verdicts[conclusion]
        if id_ == verdict.rollout_id or has_one:
            continue
        if id_ in given if verified else may_reuse(audits, domain):
            taken.append(TakenOver(rollout_id=id_, verdict=verdict, run=run, audited=verified))
    return taken


def to_follow(session: SqlSession, memory: str, ids: Sequence[str]) -> list[TakenOver]:
    """Verdicts that were taken over from these rollouts, of which something else is said now."""
    if not ids:
        return []
    rows = session.of("same_conclusion.sql").rows("taken_over", memory=memory, ids=list(ids))
    return [
        TakenOver(rollout_id=id_, verdict=Verdict(rollout_id=same_as, value=value), run=run)
        for id_, value, run, same_as in rows
    ]


def insert_taken_over(
    session: SqlSession, memory: str, seq: int, taken: Iterable[TakenOver]
) -> list[str]:
    """Insert verdicts that are taken over; returns whose they are."""
    taken = list(taken)
    insert_sources(session, memory, seq, [SAME_CONCLUSION] if taken else [])
    rows = (
        {
            "rollout_id": item.rollout_id,
            "value": item.verdict.value,
            "run": item.run,
            "same_as": item.verdict.rollout_id,
            "audited": item.audited,
        }
        for item in taken
    )
    session.copy(tables.VERIFIED_REWARD, rows, memory=memory, seq=seq, source=SAME_CONCLUSION)
    return [item.rollout_id for item in taken]
