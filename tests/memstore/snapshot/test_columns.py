from pathlib import Path

import numpy as np
import pytest

from memstore.snapshot.columns import Extent, NumberColumn
from schema.errors import StoreError


def numbers(path: Path, extent: Extent | None = None) -> NumberColumn:
    return NumberColumn(path / "x.f4", "<f4", 3, extent or Extent())


def test_rows_come_back_after_each_append(tmp_path: Path) -> None:
    column = numbers(tmp_path)
    assert column.array.shape == (0, 3)
    rows = np.arange(15, dtype=np.float32).reshape(5, 3)
    column.append(rows[:2])
    first = column.array
    column.append(rows[2:])
    np.testing.assert_array_equal(column.array, rows)
    np.testing.assert_array_equal(first, rows[:2])
    column.check(marked=False)


def test_what_does_not_count_is_written_over(tmp_path: Path) -> None:
    column = numbers(tmp_path)
    column.append(np.ones((2, 3)))
    before = column.extent
    column.append(np.full((9, 3), 7.0))
    again = numbers(tmp_path, before)
    again.check(marked=False)
    again.append(np.full((1, 3), 2.0))
    np.testing.assert_array_equal(again.array[:, 0], [1, 1, 2])
    again.check(marked=False)


@pytest.mark.parametrize("fault", ["flip", "cut", "gone"])
def test_damage_is_found(tmp_path: Path, fault: str) -> None:
    column = numbers(tmp_path)
    column.append(np.ones((4, 3)))
    data = bytearray(column.path.read_bytes())
    if fault == "gone":
        column.path.unlink()
    else:
        data[5] ^= 1
        column.path.write_bytes(data[:-1] if fault == "cut" else data)
    with pytest.raises(StoreError, match=r"x\.f4"):
        numbers(tmp_path, column.extent).check(marked=False)


def test_rows_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"):
        numbers(tmp_path).append(np.ones((2, 4)))
