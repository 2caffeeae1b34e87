"""A folder for what runs confined: gone with its owner, or cleared by the next one.

Its owner holds a lock on it while it lives. A folder that nobody holds was left by a process that
was killed.
"""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_PREFIX: Final = "memreward-scratch-"
#: In a folder whose owner has had the time to lock it.
_OWNED: Final = "owned"
#: Times that a folder is removed while processes in it come to their end, and seconds between.
_TRIES, _PAUSE_S = 100, 0.02


class Scratch:
    """A folder of its own, for as long as this object is not ended and its process lives."""

    def __init__(self) -> None:
        """Clear what others have left, and make a folder where temporary files belong."""
        clear_left()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.folder / _OWNED).touch()
        self.folder.chmod(0o711)  # A confined process works in a folder inside, as another user.

    def end(self) -> None:
        """Remove it with all that is inside."""
        for _ in range(_TRIES):
            shutil.rmtree(self.folder, ignore_errors=True)
            if not self.folder.exists():
                break
            time.sleep(_PAUSE_S)
        os.close(self._lock)


def clear_left() -> None:
    """Remove the folders of owners that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # It is another user's, held, or being removed by someone else.
            _clear(folder)


def _clear(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if (folder / _OWNED).exists():
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
