"""From ids to row numbers: sorted keys in levels, so that new ids do not move old ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schema.errors import StoreError
from schema.memory_graph import Ints

#: Bytes of an id: 128 bits, written as 32 hexadecimal digits.
ID_BYTES = 16

IdBytes = NDArray[np.uint8]


def id_bytes(ids: Sequence[str]) -> IdBytes:
    """Ids as bytes, [N, 16].

    Raises:
        StoreError: if one is not 32 hexadecimal digits.
    """
    try:
        data = bytes.fromhex("".join(ids))
    except ValueError as error:
        raise _not_an_id(ids) from error
    if len(data) != ID_BYTES * len(ids):
        raise _not_an_id(ids)
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, ID_BYTES)


def id_texts(rows: IdBytes) -> list[str]:
    """Ids as text."""
    whole = np.ascontiguousarray(rows).tobytes().hex()
    size = 2 * ID_BYTES
    return [whole[at : at + size] for at in range(0, len(whole), size)]


def _not_an_id(ids: Sequence[str]) -> StoreError:
    strange = next((i for i in ids if len(i) != 2 * ID_BYTES or not _is_hex(i)), "?")
    return StoreError(
        f"{strange[:40]!r} is no id that memreward gave (32 hexadecimal digits): a node was made "
        "by hand; remove it from the database"
    )


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)


class IdIndex:
    """Row number of each id."""

    def __init__(self, rows: IdBytes) -> None:
        """`rows`: the ids, in order of their row number; [N, 16]."""
        self._levels: list[tuple[NDArray[np.uint64], Ints]] = []
        self._count = 0
        self.add(rows)

    def add(self, rows: IdBytes) -> None:
        """More ids, numbered on from those that there are."""
        if not len(rows):
            return
        numbers = np.arange(self._count, self._count + len(rows))
        self._count += len(rows)
        keys = _keys(rows)
        order = np.argsort(keys, kind="stable")
        level = (keys[order], numbers[order])
        while self._levels and len(self._levels[-1][0]) <= 2 * len(level[0]):
            older_keys, older_numbers = self._levels.pop()
            keys = np.concatenate([older_keys, level[0]])
            numbers = np.concatenate([older_numbers, level[1]])
            order = np.argsort(keys, kind="stable")
            level = (keys[order], numbers[order])
        self._levels.append(level)

    def find(self, wanted: IdBytes, rows: IdBytes) -> Ints:
        """Row number of each of `wanted` [M, 16] in `rows` [N, 16]; -1 where it is not there."""
        found_M = np.full(len(wanted), -1, dtype=np.int64)
        keys_M = _keys(wanted)
        for level_keys, numbers in self._levels:
            place = np.searchsorted(level_keys, keys_M)
            open_M = np.flatnonzero((found_M < 0) & (place < len(level_keys)))
            while len(open_M):
                open_M = open_M[level_keys[place[open_M]] == keys_M[open_M]]
                candidate = numbers[place[open_M]]
                same = (rows[candidate] == wanted[open_M]).all(axis=1)
                found_M[open_M[same]] = candidate[same]
                open_M = open_M[~same]
                place[open_M] += 1  # Another id with the same first 8 bytes.
                open_M = open_M[place[open_M] < len(level_keys)]
        return found_M


def _keys(rows: IdBytes) -> NDArray[np.uint64]:
    """The first 8 bytes of each id as a number."""
    return np.ascontiguousarray(rows[:, :8]).view(">u8").ravel().astype(np.uint64)
