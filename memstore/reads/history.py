"""Who said what of a rollout, and when; as of now, a time or a sequence number."""

from dataclasses import dataclass
from datetime import UTC, datetime

from memstore.db import SqlSession, Stores, get_memory
from memstore.outbox import current_verified
from memstore.reads.rollout_ids import whole_id
from schema.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement about a rollout."""

    seq: int
    at: datetime
    #: "verified", "propagated" or "preferred".
    kind: str
    #: The verifier, annotator or model.
    who: str
    #: None: no opinion (propagated), or a preference.
    value: float | None = None
    #: Of a propagated value.
    confidence: float | None = None
    #: The other rollout of a preference, and whether this one is the better.
    other: str | None = None
    better: bool | None = None
    #: Of a verdict that was not asked for: the verified rollout, which concludes the same.
    same_as: str | None = None


@dataclass(frozen=True, kw_only=True)
class History:
    """Rewards and preferences of a rollout up to a sequence number, and what was current then."""

    rollout_id: str
    #: Up to which batch was looked.
    seq: int
    run: str
    source_query_id: str
    step: int
    place: int
    statements: list[Statement]
    #: The mean over sources of the last value of each, or the verdict that was taken over; None: it
    #: is not verified.
    verified: float | None
    #: What the last model said; None: none did, or it had no opinion.
    propagated: float | None

    @property
    def reward(self) -> float | None:
        """The verified reward, or else the propagated one."""
        return self.propagated if self.verified is None else self.verified


def read_history(
    stores: Stores, memory: str, rollout: str, as_of: int | datetime | None = None
) -> History:
    """All rewards and preferences of a rollout.

    Args:
        stores: both databases.
        memory: whose rollout.
        rollout: its id, or the beginning of it.
        as_of: leave out what was accepted after this batch or moment (with a time zone).

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if there is no such rollout, or it arrived later.
    """
    state = get_memory(stores, memory)
    with stores.vectors.transaction("reads.sql") as session:
        rollout = whole_id(session, memory, rollout)
        seq = _bound(session, memory, as_of, state.seq)
        run, source_query_id, step, number = _place(session, memory, rollout, seq)
        statements = statements_of(session, memory, rollout, seq)
        verified = current_verified(session, memory, [rollout], seq)
    propagated = [item.value for item in statements if item.kind == "propagated"]
    return History(
        rollout_id=rollout,
        seq=seq,
        run=run,
        source_query_id=source_query_id,
        step=step,
        place=number,
        statements=statements,
        verified=verified[0]["value"] if verified else None,
        propagated=propagated[-1] if propagated else None,
    )


def parse_as_of(text: str) -> int | datetime:
    """A sequence number, or a time in ISO 8601 (UTC where it names no zone).

    Raises:
        InputError: if it is neither.
    """
    if text.isdecimal():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"{text!r} is no sequence number and no time: write 17 or 2026-01-31T12:00:00+00:00"
        ) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _place(session: SqlSession, memory: str, rollout: str, seq: int) -> tuple[str, str, int, int]:
    """Run, source query, step and sample number of a rollout that is there at `seq`."""
    row = session.row("rollout", memory=memory, rollout=rollout)
    if row is None:
        raise InputError(f"memory {memory!r} has no rollout {rollout!r}: check its id")
    _, run, source_query_id, step, number, _, _, born = row
    if born > seq:
        raise InputError(
            f"rollout {rollout} came with batch {born}, after batch {seq}: ask for a later "
            "time or number"
        )
    return run, source_query_id, step, number


def _bound(session: SqlSession, memory: str, as_of: int | datetime | None, last: int) -> int:
    if as_of is None:
        return last
    if isinstance(as_of, int):
        return as_of
    row = session.row("seq_at", memory=memory, at=as_of)
    assert row is not None
    return int(row[0])


def statements_of(session: SqlSession, memory: str, rollout: str, seq: int) -> list[Statement]:
    """All rewards and preferences of a rollout up to a sequence number, in order.

    Args:
        session: with the statements of `reads.sql`.
        memory: whose rollout.
        rollout: its id.
        seq: what came later is left out.
    """
    bounds = {"memory": memory, "rollout": rollout, "seq": seq}
    found = [
        Statement(seq=number, at=at, kind="verified", who=source, value=value, same_as=same_as)
        for number, at, source, value, same_as in session.rows("verified", **bounds)
    ]
    found += [
        Statement(
            seq=number, at=at, kind="propagated", who=model, value=value, confidence=confidence
        )
        for number, at, model, value, confidence in session.rows("propagated", **bounds)
    ]
    found += [
        Statement(
            seq=number,
            at=at,
            kind="preferred",
            who=annotator,
            other=worse if better == rollout else better,
            better=better == rollout,
        )
        for number, at, annotator, better, worse in session.rows("preferences", **bounds)
    ]
    return sorted(found, key=lambda item: (item.seq, item.kind, item.who))
