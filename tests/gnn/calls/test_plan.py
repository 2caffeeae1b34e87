from dataclasses import replace

import pytest

from gnn.calls.plan import Candidate, plan_calls
from schema.calls import Reuse

NO_AUDIT = Reuse(audited=0.0)


def candidates(n_queries: int, said: str) -> list[Candidate]:
    """For each query one rollout a letter of `said`, which is what it concludes; `-`: nothing."""
    return [
        Candidate(
            rollout_id=f"r{query}-{place}",
            query=f"q{query}",
            domain="math",
            dataset="sums",
            conclusion=None if letter == "-" else f"q{query}{letter}",
            probability=None,
            verdict=None,
        )
        for query in range(n_queries)
        for place, letter in enumerate(said)
    ]


def test_one_call_a_conclusion_and_the_largest_of_a_query_first() -> None:
    rows = plan_calls(candidates(3, "aaab"), 3, NO_AUDIT)
    assert sorted(row // 4 for row in rows) == [0, 1, 2]
    assert all(row % 4 < 3 for row in rows)
    everything = plan_calls(candidates(3, "aaab"), 12, NO_AUDIT)
    assert len(everything) == 6


def test_what_has_a_verdict_is_not_asked_for() -> None:
    items = [
        replace(item, verdict=1.0) if item.conclusion == "q0a" else item
        for item in candidates(1, "aab-")
    ]
    assert sorted(plan_calls(items, 4, NO_AUDIT)) == [2, 3]


def test_a_conclusion_that_is_not_trusted_is_asked_for_each_time() -> None:
    items = [replace(item, conclusion=None) for item in candidates(1, "aaa")]
    assert sorted(plan_calls(items, 8, NO_AUDIT)) == [0, 1, 2]


@pytest.mark.parametrize("budget", [-1, 0])
def test_without_a_budget_nothing_is_asked_for(budget: int) -> None:
    assert plan_calls(candidates(2, "aab"), budget, Reuse()) == []


def test_a_share_of_what_is_taken_over_is_audited_and_the_seed_draws_it() -> None:
    items = [replace(item, verdict=1.0) for item in candidates(500, "aaaa")]
    found = plan_calls(items, 10_000, Reuse(audited=0.1))
    assert 150 < len(found) < 250
    assert found == plan_calls(items, 10_000, Reuse(audited=0.1))
    assert set(found) != set(plan_calls(items, 10_000, Reuse(audited=0.1, seed=1)))


def test_the_audit_takes_a_small_part_of_a_small_budget() -> None:
    items = candidates(200, "aaaaaaaa")
    rows = plan_calls(items, 20, Reuse(audited=0.5))
    assert len(set(rows)) == len(rows) == 20
    queries = [row // 8 for row in rows]
    assert 15 <= len(set(queries)) <= 20


def test_conclusions_asked_for_in_the_same_plan_are_audited_too() -> None:
    rows = plan_calls(candidates(40, "aaaaaaaa"), 400, Reuse(audited=0.1))
    assert 40 < len(rows) < 120
    assert {row // 8 for row in rows} == set(range(40))
