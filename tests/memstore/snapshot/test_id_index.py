import numpy as np
import pytest

from memstore.snapshot.id_index import IdIndex, id_bytes, id_texts
from schema.errors import StoreError
from schema.ids import digest


def test_ids_are_found_in_whichever_level() -> None:
    ids = [digest(str(i)) for i in range(300)]
    rows = id_bytes(ids)
    positions = IdIndex(rows[:100])
    for start in range(100, 300, 20):
        positions.add(rows[start : start + 20])
    wanted = [ids[250], digest("nobody"), ids[0], ids[250], ids[130]]
    assert positions.find(id_bytes(wanted), rows).tolist() == [250, -1, 0, 250, 130]
    assert id_texts(rows) == ids


def test_equal_beginnings_are_told_apart() -> None:
    ids = [f"{'ab' * 8}{i:016x}" for i in range(5)]
    rows = id_bytes(ids)
    positions = IdIndex(rows)
    assert positions.find(rows, rows).tolist() == [0, 1, 2, 3, 4]
    assert positions.find(id_bytes(["ab" * 8 + "f" * 16]), rows).tolist() == [-1]


def test_none_is_found_among_none() -> None:
    none = np.zeros((0, 16), np.uint8)
    assert IdIndex(none).find(id_bytes([digest("a")]), none).tolist() == [-1]
    assert id_texts(none) == []


@pytest.mark.parametrize("strange", ["stray", "zz" * 16, "ab" * 15])
def test_what_is_no_id_is_refused(strange: str) -> None:
    with pytest.raises(StoreError, match=strange):
        id_bytes([digest("a"), strange])
