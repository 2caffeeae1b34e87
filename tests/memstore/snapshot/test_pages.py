"""Files whose pages are held against checksums where they are read."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from memstore.snapshot.columns import Extent
from memstore.snapshot.pages import PAGE_BYTES, PagedNumbers, TextColumn
from schema.errors import StoreError

WIDTH = 384
#: Rows that fill several pages, and one of them partly.
ROWS = np.arange(60 * WIDTH, dtype=np.float32).reshape(60, WIDTH)
ROW_BYTES = ROWS[0].nbytes


def numbers(folder: Path, extents: Mapping[str, Extent] | None = None) -> PagedNumbers:
    return PagedNumbers(folder / "x", "<f4", WIDTH, extents or {})


def written(folder: Path) -> PagedNumbers:
    column = numbers(folder)
    for start in range(0, 60, 7):
        column.append(ROWS[start : start + 7])
    return column


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_rows_come_back_after_each_append_and_in_another_process(tmp_path: Path) -> None:
    column = written(tmp_path)
    np.testing.assert_array_equal(column.array, ROWS)
    again = numbers(tmp_path, column.extents)
    again.check(marked=False)
    some = np.array([59, 0, 30, 30])
    np.testing.assert_array_equal(again.take(some), ROWS[some])
    again.append(ROWS[:3])
    again.check_all()
    np.testing.assert_array_equal(again.array[60:], ROWS[:3])
    column.adopt(again.extents)
    np.testing.assert_array_equal(column.array, again.array)
    assert column.extents == numbers(tmp_path, again.extents).extents


def test_a_damaged_page_is_found_where_it_is_read_and_nowhere_else(tmp_path: Path) -> None:
    extents = written(tmp_path).extents
    for row in (0, 31, 59):
        flip(tmp_path / "x", row * ROW_BYTES + 5)
        column = numbers(tmp_path, extents)
        column.check(marked=False)
        a_page = -(-PAGE_BYTES // ROW_BYTES) + 1
        far = np.array([at for at in range(60) if abs(at - row) > a_page])
        np.testing.assert_array_equal(column.take(far), ROWS[far])
        for _ in range(2):
            with pytest.raises(StoreError, match=r"x is damaged.*memreward snapshot"):
                column.take(np.array([row]))
        with pytest.raises(StoreError, match="x is damaged"):
            column.check_all()
        flip(tmp_path / "x", row * ROW_BYTES + 5)


def test_what_is_appended_hides_no_damage(tmp_path: Path) -> None:
    column = numbers(tmp_path, written(tmp_path).extents)
    flip(tmp_path / "x", 5)
    flip(tmp_path / "x", 60 * ROW_BYTES - 5)
    column.check(marked=False)
    column.append(ROWS[:2])
    np.testing.assert_array_equal(column.take(np.array([30])), ROWS[30:31])
    for row in (0, 59):
        with pytest.raises(StoreError):
            column.take(np.array([row]))


def test_every_page_of_a_long_row_is_looked_at(tmp_path: Path) -> None:
    width = 3 * PAGE_BYTES // 4
    column = PagedNumbers(tmp_path / "x", "<f4", width, {})
    column.append(np.ones((4, width), np.float32))
    flip(tmp_path / "x", 4 * width + 2 * PAGE_BYTES)  # In the middle of row 1.
    again = PagedNumbers(tmp_path / "x", "<f4", width, column.extents)
    again.check(marked=False)
    assert again.take(np.array([3])).shape == (1, width)
    with pytest.raises(StoreError):
        again.take(np.array([1]))


def test_a_file_that_changes_while_the_machine_runs_is_read_at_once(tmp_path: Path) -> None:
    column = written(tmp_path)
    numbers(tmp_path, column.extents).check(marked=True)
    flip(tmp_path / "x", 77)
    with pytest.raises(StoreError, match="x is damaged"):
        numbers(tmp_path, column.extents).check(marked=True)


def test_what_was_looked_at_whole_has_a_mark_again(tmp_path: Path) -> None:
    column = numbers(tmp_path, written(tmp_path).extents)
    column.check(marked=False)
    assert column.extents["x"].mark is None
    column.append(ROWS[:2])
    assert column.extents["x"].mark is None  # What was there before has not been looked at.
    column.check_all()
    assert column.extents["x"].mark is not None


@pytest.mark.parametrize("fault", ["cut", "gone", "sums"])
def test_a_file_that_is_short_is_found_at_once(tmp_path: Path, fault: str) -> None:
    extents = written(tmp_path).extents
    path = tmp_path / "x"
    if fault == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif fault == "gone":
        path.unlink()
    else:
        flip(tmp_path / "x.pages", 3)
    with pytest.raises(StoreError, match="is damaged"):
        numbers(tmp_path, extents).check(marked=False)


def test_what_does_not_count_is_written_over(tmp_path: Path) -> None:
    column = written(tmp_path)
    before = column.extents
    column.append(ROWS[::-1])
    again = numbers(tmp_path, before)
    again.check(marked=False)
    again.append(ROWS[5:8])
    again.check_all()
    np.testing.assert_array_equal(again.array[60:], ROWS[5:8])


def test_texts_of_any_kind(tmp_path: Path) -> None:
    texts = ["", "one", "", "zwei \N{SNOWMAN}\n", "\N{GRINNING FACE}" * PAGE_BYTES]
    column = TextColumn(tmp_path / "t", {})
    column.append(texts[:2])
    column.append([])
    column.append(texts[2:])
    assert column.take(np.array([4, 0, 3, 1, 2])) == [texts[i] for i in (4, 0, 3, 1, 2)]
    assert column.take(np.array([], dtype=np.int64)) == []
    reader = TextColumn(tmp_path / "t", column.extents)
    reader.check(marked=False)
    assert reader.take(np.arange(5)) == texts
    flip(tmp_path / "t.text", 4 * PAGE_BYTES)
    reader = TextColumn(tmp_path / "t", column.extents)
    reader.check(marked=False)
    assert reader.take(np.arange(4)) == texts[:4]
    with pytest.raises(StoreError, match=r"t\.text is damaged"):
        reader.take(np.array([4]))
