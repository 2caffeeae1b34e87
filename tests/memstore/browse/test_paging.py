"""Pages of queries: each query once, bounded, and as of an earlier batch."""

from support.rollout_factory import make_rollout, make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.browse.brief_read import open_view
from memstore.browse.paging import (
    MOST_ROLLOUTS,
    Cursor,
    Group,
    GroupChoice,
    group_page,
    names_in,
)


def all_groups(
    memory: MemoryUnderTest, choice: GroupChoice, size: int, as_of: int | None = None
) -> list[Group]:
    """Every page, one after another."""
    found: list[Group] = []
    after: Cursor | None = None
    with open_view(memory.stores, memory.name, as_of) as view:
        while True:
            page = group_page(view, choice, after, size)
            assert len(page.groups) <= size
            found += page.groups
            if page.next is None:
                return found
            after = page.next


def test_each_query_comes_once_the_newest_first(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(7))
    memory.add(make_rollouts(6, first=7), run="run-2")
    for size in (1, 3, 13, 50):
        groups = all_groups(memory, GroupChoice(), size)
        assert len({group.query_id for group in groups}) == len(groups) == 13
        assert [group.seq for group in groups] == sorted((g.seq for g in groups), reverse=True)
    first = next(group for group in groups if "What is 0 +" in group.text)
    assert first.n_rollouts == len(first.rollouts) == 4
    assert [mark.verified for mark in first.rollouts] == [1.0, 0.0, 1.0, 0.0]
    assert first.nearest is not None


def test_what_is_asked_for_is_what_comes(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(6))
    odd = "100 % of_a \\ slash"
    memory.add([make_rollout(50, query=odd, policy="other", dataset="odd")], run="run-2")

    def texts(choice: GroupChoice) -> set[str]:
        return {group.text for group in all_groups(memory, choice, 2)}

    assert texts(GroupChoice(text="0 % OF_A \\ s")) == {odd}
    assert texts(GroupChoice(text="_")) == {odd}
    assert texts(GroupChoice(run="run-2")) == texts(GroupChoice(policy="other")) == {odd}
    assert texts(GroupChoice(dataset="odd", run="run-1")) == set()
    assert len(texts(GroupChoice(dataset="doubles"))) == 2
    assert len(texts(GroupChoice(keep=lambda group: group.text != odd))) == 6
    with open_view(memory.stores, memory.name) as view:
        names = names_in(view)
    assert names.runs == ("run-2", "run-1")
    assert names.datasets == ("doubles", "odd", "sums")
    assert names.policies == ("other", "tiny")


def test_an_earlier_batch_hides_what_came_later(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(3))
    with open_view(memory.stores, memory.name) as view:
        before = view.seq
    memory.add([make_rollout(1, 9, reward=None), make_rollout(9)], run="run-2")
    assert len(all_groups(memory, GroupChoice(), 10)) == 4
    groups = all_groups(memory, GroupChoice(), 10, as_of=before)
    assert len(groups) == 3 and {group.n_rollouts for group in groups} == {4}
    assert all_groups(memory, GroupChoice(), 10, as_of=0) == []


def test_a_query_with_many_rollouts_shows_some_and_counts_all(memory: MemoryUnderTest) -> None:
    memory.add([make_rollout(1, place) for place in range(MOST_ROLLOUTS + 5)])
    (group,) = all_groups(memory, GroupChoice(), 10)
    assert (len(group.rollouts), group.n_rollouts) == (MOST_ROLLOUTS, MOST_ROLLOUTS + 5)
