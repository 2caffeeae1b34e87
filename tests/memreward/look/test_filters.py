"""Each filter on groups of a few marks."""

import pytest

from memreward.look.filters import FILTERS
from memstore.browse.paging import Group
from memstore.browse.reward_marks import RolloutMark

Row = tuple[str, str | None, float | None, float | None]


def group(*rows: Row, nearest: float | None = 0.9) -> Group:
    """Rollouts as (policy, conclusion, verified, propagated)."""
    marks = tuple(
        RolloutMark(
            id=str(number),
            run="r",
            policy=policy,
            step=0,
            conclusion_id=conclusion,
            verified=verified,
            source=None if verified is None else "s",
            propagated=propagated,
            model=None if propagated is None else "m",
        )
        for number, (policy, conclusion, verified, propagated) in enumerate(rows)
    )
    return Group(
        query_id="q",
        seq=1,
        dataset="d",
        domain="m",
        text="?",
        nearest=nearest,
        n_rollouts=len(marks),
        rollouts=marks,
    )


MIXED = group(("a", "x", 1.0, None), ("b", "y", None, 0.2), ("a", "x", None, 0.9))
FITS = {
    "no-spread": group(("a", "x", 1.0, None), ("b", "x", None, 0.98)),
    "contradicted": group(("a", "x", 1.0, 0.1), ("b", "y", None, 0.2)),
    "majority-wrong": group(("a", "x", 0.0, None), ("a", "x", None, 0.1), ("b", "y", None, 0.8)),
    "disagreement": group(("a", "x", None, None), ("a", "y", 1.0, None), ("b", "z", 0.0, None)),
    "unlike": group(("a", "x", 1.0, None), nearest=0.3),
    "policies-differ": MIXED,
    "unverified": group(("a", "x", None, 0.4)),
    "no-opinion": group(("a", "x", 1.0, None), ("a", "x", None, None)),
}
FITS_NOT = {
    "policies-differ": group(("a", "x", 1.0, None), ("b", "x", None, 0.7)),
    "unlike": group(("a", "x", 1.0, None), nearest=0.5),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filter(name: str) -> None:
    keep = FILTERS[name].keep
    assert keep(FITS[name])
    assert not keep(FITS_NOT.get(name, MIXED))


@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_fails_where_nothing_is_known(name: str) -> None:
    for rows in ([], [("a", None, None, None)], [(None, None, 1.0, None)]):
        assert FILTERS[name].keep(group(*rows, nearest=None)) in (True, False)  # pyright: ignore
