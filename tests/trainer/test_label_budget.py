"""The label budget: exact per dataset, and the same whatever the order of the input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import InputError
from trainer.label_budget import choose_labelled_queries, plan_labels

QUERIES = [(f"{dataset} question {n}", dataset) for dataset in ("a", "b", "c") for n in range(50)]


def test_each_dataset_gets_its_share() -> None:
    chosen = choose_labelled_queries(QUERIES, 0.2, seed=0)
    for dataset in ("a", "b", "c"):
        assert sum(text in chosen for text, name in QUERIES if name == dataset) == 10


def test_seeds_choose_differently() -> None:
    chosen = {choose_labelled_queries(QUERIES, 0.2, seed=seed) for seed in range(5)}
    assert len(chosen) == 5


def test_the_choice_is_pinned() -> None:
    """A change would give a resumed ingest other labels than its first part."""
    assert sorted(choose_labelled_queries(QUERIES[:10], 0.2, seed=0)) == [
        "a question 1",
        "a question 5",
    ]


@given(st.permutations(QUERIES[:60]), st.integers(1, 3))
def test_order_and_repetition_do_not_matter(queries: list[tuple[str, str]], times: int) -> None:
    assert choose_labelled_queries(queries * times, 0.3, seed=1) == choose_labelled_queries(
        QUERIES[:60], 0.3, seed=1
    )


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_a_larger_fraction_contains_a_smaller_one(one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert choose_labelled_queries(QUERIES, small, seed=2) <= choose_labelled_queries(
        QUERIES, large, seed=2
    )


def test_those_set_apart_are_counted_and_never_chosen() -> None:
    never = {text for text, _ in QUERIES[:15]}
    chosen = choose_labelled_queries(QUERIES[:50], 0.5, seed=0, never=never)
    assert len(chosen) == 25
    assert not chosen & never
    assert len(choose_labelled_queries(QUERIES[:50], 0.9, seed=0, never=never)) == 35


def test_all_are_chosen_at_one() -> None:
    assert choose_labelled_queries(QUERIES, 1.0, seed=0) == {text for text, _ in QUERIES}


def test_a_text_in_two_datasets_counts_once() -> None:
    queries = [(f"shared {n}", dataset) for dataset in ("b", "a") for n in range(10)]
    assert len(choose_labelled_queries(queries, 0.5, seed=0)) == 5


def test_no_queries_give_no_choice() -> None:
    assert choose_labelled_queries([], 0.5, seed=0) == frozenset()


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan"), float("inf")])
def test_a_fraction_outside_its_range_is_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="above 0 and at most 1"):
        choose_labelled_queries(QUERIES, fraction, seed=0)


def test_the_first_come_first_and_count_as_part_of_the_budget() -> None:
    pairs = [(f"q{number}", "d") for number in range(20)]
    chosen = choose_labelled_queries(pairs, 0.2, 0, first=["q7", "q3", "q5", "q9", "q1", "q7"])
    assert chosen == {"q7", "q3", "q5", "q9"}
    by_seed = choose_labelled_queries(pairs, 0.2, 0)
    some = next(iter(by_seed))
    assert choose_labelled_queries(pairs, 0.2, 0, first=[some, "elsewhere"]) == by_seed


PLAN_QUERIES = [(f"q{number}", f"d{number % 2}") for number in range(80)]


def test_a_plan_audits_a_random_quarter_of_what_it_verifies() -> None:
    plan = plan_labels(PLAN_QUERIES, 0.2, 0)
    assert plan.labelled == choose_labelled_queries(PLAN_QUERIES, 0.2, 0)
    assert len(plan.labelled) == 16
    assert plan.audited < plan.labelled
    assert len(plan.audited) == 4
    assert plan != plan_labels(PLAN_QUERIES, 0.2, 1)


def test_what_is_paid_for_is_used_first_and_never_audited() -> None:
    fresh = plan_labels(PLAN_QUERIES, 0.2, 0)
    paid = sorted(set(dict(PLAN_QUERIES)) - fresh.labelled)[:6]
    plan = plan_labels(PLAN_QUERIES, 0.2, 0, paid=paid)
    assert set(paid) < plan.labelled
    assert len(plan.labelled) == 16
    assert not plan.audited & set(paid)
    # A run that has paid for a part of its own plan makes the same plan again.
    begun = sorted(fresh.labelled)[:5]
    assert plan_labels(PLAN_QUERIES, 0.2, 0, paid=begun).labelled == fresh.labelled
    everything = plan_labels(PLAN_QUERIES, 0.2, 0, paid=sorted(dict(PLAN_QUERIES)))
    assert len(everything.labelled) == 16
    assert everything.audited == frozenset()


def test_suggestions_come_before_chance_but_not_before_the_audit() -> None:
    fresh = plan_labels(PLAN_QUERIES, 0.2, 0)
    wanted = sorted(set(dict(PLAN_QUERIES)) - fresh.labelled)
    plan = plan_labels(PLAN_QUERIES, 0.2, 0, suggested=wanted)
    assert plan.audited == fresh.audited
    assert plan.labelled - plan.audited <= set(wanted)
    assert len(plan.labelled) == 16


def test_a_run_without_labels_verifies_nothing() -> None:
    plan = plan_labels(QUERIES, 0.0, seed=0, paid=[QUERIES[0][0]], suggested=[QUERIES[1][0]])
    assert not plan.labelled
    assert not plan.audited
