"""Sums of verified rewards by run and policy, kept between pages.

Making them reads every verified reward of a memory. Whoever looks again after some more batches
needs only the queries that these batches touched: their part of the sums is taken out as it was,
and put in as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memstore.browse.brief_read import View
from memstore.browse.last_kept import LastKept
from schema.reward import VerifiedSums

#: Sums of each policy (None: without a name) in each run.
Totals = Mapping[tuple[str, str | None], VerifiedSums]
#: Rewards that came since; where there are more, all are read again.
MOST_NEW: Final = 20_000
#: Sums that are kept, of all memories.
MOST_KEPT: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    #: The last batch that they count.
    seq: int
    #: The last published batch when they were made.
    known: int
    totals: Totals


class VerifiedTotals:
    """What a server keeps of the memories that it shows. Threads may share it."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: LastKept[tuple[str, str], _Kept] = LastKept(MOST_KEPT)

    def of(self, view: View) -> Totals:
        """The sums of a view."""
        key = (view.state.name, view.state.incarnation)
        kept = self._kept.get(key)
        if kept is not None and _has_deleted(view, kept.known):
            kept = None
        if kept is not None and kept.seq == view.seq:
            return kept.totals
        totals = None if kept is None else _brought_to(view, kept)
        if totals is None:
            totals = all_totals(view)
        if kept is None or view.seq >= kept.seq:  # An older state is looked at once.
            made = _Kept(seq=view.seq, known=view.state.published_seq, totals=totals)
            self._kept.put(key, made)
        return totals


def all_totals(view: View) -> Totals:
    """The sums of a view, from all that is verified."""
    view.session.row("expect_many")
    return _totals(view, view.seq, None)


def _has_deleted(view: View, known: int) -> bool:
    """Whether a batch after `known` took rollouts out of the memory."""
    return view.session.row("deletes", memory=view.state.name, after=known) is not None


def _brought_to(view: View, kept: _Kept) -> Totals | None:
    """The kept sums as the view has them; None: too much is new."""
    low, high = sorted((kept.seq, view.seq))
    rows = view.session.rows(
        "newly_verified", memory=view.state.name, low=low, high=high, limit=MOST_NEW + 1
    )
    if len(rows) > MOST_NEW:
        return None
    ids = [
        id_
        for (id_,) in view.session.rows(
            "rollouts_beside", memory=view.state.name, seq=high, ids=list({id_ for (id_,) in rows})
        )
    ]
    before, after = (_totals(view, seq, ids) for seq in (kept.seq, view.seq))
    names = kept.totals.keys() | after.keys()
    none = VerifiedSums()
    changed = {
        name: _changed(kept.totals.get(name, none), before.get(name, none), after.get(name, none))
        for name in names
    }
    return {name: sums for name, sums in changed.items() if sums.n}


def _totals(view: View, seq: int, ids: Sequence[str] | None) -> Totals:
    rows = view.session.rows("verified_sums", memory=view.state.name, seq=seq, ids=ids)
    return {
        (run, policy): VerifiedSums(
            queries=queries, n=n, s=s, s_s=s_s, s_n=float(s_n), n_n=float(n_n)
        )
        for run, policy, queries, n, s, s_s, s_n, n_n in rows
    }


def _changed(kept: VerifiedSums, before: VerifiedSums, after: VerifiedSums) -> VerifiedSums:
    return VerifiedSums(
        queries=kept.queries - before.queries + after.queries,
        n=kept.n - before.n + after.n,
        s=kept.s - before.s + after.s,
        s_s=kept.s_s - before.s_s + after.s_s,
        s_n=kept.s_n - before.s_n + after.s_n,
        n_n=kept.n_n - before.n_n + after.n_n,
    )
