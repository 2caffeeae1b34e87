"""Files that hold the same rollouts as an earlier one, though not the same bytes."""

import hashlib
from array import array
from pathlib import Path
from typing import Final

from schema.errors import InputError

#: Fewer rows may be equal by chance.
FEWEST_ROWS: Final = 4
#: The same of rows that another file begins with, or has in another order.
FEWEST_SHARED_ROWS: Final = 16


class CopyCheck:
    """Notices that a file has the same rollouts as another: all, in any order, or its first ones.

    The step does not count: trainers write the same completions again if they log more often than
    they generate. Of each row 8 bytes are held.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._path = Path()
        #: A number for each row of the file, which depends on it and on all rows before.
        self._marks = array("Q")
        #: A number that depends on its rows, and not on their order.
        self._sum = 0
        #: Files that are read, by the mark of their last row, and by their sum and length.
        self._file_of_end: dict[int, Path] = {}
        self._file_of_sum: dict[tuple[int, int], Path] = {}
        #: The marks of all files, and where each file begins.
        self._all_marks: list[tuple[Path, array[int]]] = []
        #: The longest earlier file that this one begins with.
        self._begins_with: Path | None = None

    def begin(self, path: Path) -> None:
        """A file follows."""
        self._path, self._marks, self._sum = path, array("Q"), 0
        self._begins_with = None

    def add(self, content: bytes) -> None:
        """A rollout of it, as the digest of its texts and reward."""
        before = self._marks[-1].to_bytes(8, "big") if self._marks else b""
        mark = int.from_bytes(hashlib.blake2b(before + content, digest_size=8).digest(), "big")
        self._marks.append(mark)
        self._sum = (self._sum + int.from_bytes(content[:8], "big")) % 2**64
        if len(self._marks) >= FEWEST_SHARED_ROWS:
            self._begins_with = self._file_of_end.get(mark, self._begins_with)

    def end(self) -> None:
        """All of it was read.

        Raises:
            InputError: if an earlier file holds the same.
        """
        n_rows = len(self._marks)
        if n_rows < FEWEST_ROWS:
            return
        self._refuse(self._file_of_end.get(self._marks[-1]), f"holds the same {n_rows} rollouts as")
        if n_rows >= FEWEST_SHARED_ROWS:
            same = self._file_of_sum.setdefault((n_rows, self._sum), self._path)
            self._refuse(same, f"holds, in another order, the same {n_rows} rollouts as")
            self._refuse(self._begins_with, "begins with all rollouts of")
            self._refuse(self._longer(), f"holds the first {n_rows} rollouts of")
        self._file_of_end.setdefault(self._marks[-1], self._path)
        self._all_marks.append((self._path, self._marks))

    def _longer(self) -> Path | None:
        """An earlier file that begins with this one."""
        place = len(self._marks) - 1
        for path, marks in self._all_marks:
            if len(marks) > place and marks[place] == self._marks[place]:
                return path
        return None

    def _refuse(self, earlier: Path | None, said: str) -> None:
        if earlier not in (None, self._path):
            raise InputError(
                f"{self._path}: {said} {earlier}, so that each would be there twice; name one of "
                "them"
            )
