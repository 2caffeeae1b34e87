"""A snapshot in a folder, which several processes use: found or made, and seen as others change it.

Whoever changes it holds the lock next to it.
"""

import logging
import shutil
from abc import ABC, abstractmethod
from pathlib import Path

from filelock import FileLock

from memstore.db import MemoryState
from memstore.snapshot.files import drop_other_bases, load_files
from memstore.snapshot.snapshot import Snapshot
from schema.errors import StoreError

_log = logging.getLogger("memreward.snapshot")


class KeptSnapshot(ABC):
    """What the snapshots of a memory, and of one in shards, have in common."""

    #: The state that this process reads; set by those who open it.
    snapshot: Snapshot

    def __init__(self, memory: str, home: Path) -> None:
        """Nothing is read yet.

        Args:
            memory: its name, for the log.
            home: folder of the snapshot of this memory; those of deleted ones lie next to it.
        """
        self._memory, self._home = memory, home
        #: Why it was last rebuilt; None: it was found and caught up.
        self.made_because: str | None = None

    @abstractmethod
    def _new(self) -> Snapshot:
        """A new base, not saved yet."""

    def _lock(self) -> FileLock:
        self._home.mkdir(parents=True, exist_ok=True)  # A delete may have taken it away.
        return FileLock(self._home / "lock")

    def _drop_other_incarnations(self) -> None:
        """Remove the snapshots of deleted memories of the same name."""
        for path in self._home.parent.iterdir():
            if path.is_dir() and path != self._home:
                shutil.rmtree(path, ignore_errors=True)

    def _found(self, state: MemoryState) -> Snapshot | str:
        """The snapshot that is there; a text: why it cannot be used."""
        try:
            files = load_files(self._home)
            if files is None:
                return "there is none of this version"
            manifest = files.manifest
            if (manifest.encoder, manifest.dimension) != (state.encoder, state.dimension):
                return f"the memory has the encoder {state.encoder} now"
            if files.check():
                files.save()
        except StoreError as error:
            return str(error)
        return Snapshot(files)

    def _made(self, reason: str) -> Snapshot:
        """A new base, and the current state from now on."""
        _log.info("making the snapshot of memory %r: %s", self._memory, reason)
        self.made_because = reason
        snapshot = self._new()
        snapshot.files.save()
        drop_other_bases(self._home, snapshot.files.manifest.base)
        return snapshot

    def _adopt(self) -> None:
        """See what other processes have done to the snapshot."""
        files = load_files(self._home)
        if files is None or not files.same_files(self.snapshot.files):
            self.snapshot = self._made("it is gone") if files is None else Snapshot(files)
        elif files.manifest.seq > self.snapshot.seq:
            self.snapshot.files.adopt(files)
            self.snapshot.take_up()

    def check_every_page(self) -> None:
        """Hold everything against its checksum; rebuild the snapshot if something is damaged."""
        with self._lock():
            self._adopt()
            try:
                if self.snapshot.files.check(every_page=True):
                    self.snapshot.files.save()
            except StoreError as error:
                self.snapshot = self._made(str(error))

    def _forget(self) -> None:
        """Return to the state on disk."""
        files = load_files(self._home)
        self.snapshot = self._made("it is gone") if files is None else Snapshot(files)
