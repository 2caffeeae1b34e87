import numpy as np

from gnn.models.memreward.folds import Division

TEXTS = [f"what is {i}?" for i in range(103)]


def test_parts_are_of_about_equal_size_and_cover_all() -> None:
    part_Q = Division.of(TEXTS, 5, "a").part_of(TEXTS)
    assert sorted(np.bincount(part_Q)) == [20, 20, 21, 21, 21]


def test_a_query_stays_in_its_part_when_others_come() -> None:
    division = Division.of(TEXTS, 5, "a")
    again = Division(salt=division.salt, cuts=division.cuts)
    later = again.part_of([*TEXTS, *(f"new {i}" for i in range(50))])
    np.testing.assert_array_equal(later[: len(TEXTS)], division.part_of(TEXTS))
    assert set(later) == set(range(5))


def test_another_salt_divides_otherwise() -> None:
    one, two = (Division.of(TEXTS, 5, salt).part_of(TEXTS) for salt in "ab")
    assert not np.array_equal(one, two)
