import numpy as np
import pytest

from gnn.data.segment_sum import sums_by


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0, 3), (40, 3), (1000, 17), (5, 0)])
def test_sums_are_those_of_add_at_to_the_bit(dtype: type, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    rows, group = rng.normal(size=shape).astype(dtype), rng.integers(0, 7, shape[0])
    expected = np.zeros((8, shape[1]), dtype)
    np.add.at(expected, group, rows)
    found = sums_by(group, rows, 8)
    assert found.dtype == dtype
    assert found.tobytes() == expected.tobytes()
