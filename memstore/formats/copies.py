"""Files that hold the same rollouts as an earlier one, though not the same bytes."""

import hashlib
from pathlib import Path
from typing import Final

from schema.errors import InputError

#: Fewer rows may be equal by chance.
FEWEST_ROWS: Final = 4


class CopyCheck:
    """Notices that a file has the same rollouts as another, in the same order.

    The step does not count: trainers write the same completions again if they log more often than
    they generate.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._file_of: dict[bytes, Path] = {}
        self._path = Path()
        self._rows = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def begin(self, path: Path) -> None:
        """A file follows."""
        self._path, self._rows = path, 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, content: bytes) -> None:
        """A rollout of it, as the digest of its texts and reward."""
        self._rows += 1
        self._hash.update(content)

    def end(self) -> None:
        """All of it was read.

        Raises:
            InputError: if an earlier file holds the same.
        """
        if self._rows < FEWEST_ROWS:
            return
        earlier = self._file_of.setdefault(self._hash.digest(), self._path)
        if earlier != self._path:
            raise InputError(
                f"{self._path}: holds the same {self._rows} rollouts as {earlier}, so that each "
                "would be there twice; name one of them"
            )
