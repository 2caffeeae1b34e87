"""The home folder: what lies where, generated passwords, remembered ports, the lock.

Nothing outside the home is touched, permissions of parent folders least of all.
"""

import json
import os
import secrets
import socket
import stat
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from memstore import HomeName, replacing, write_atomically
from schema.errors import ServerError, SettingsError

LOOPBACK: Final = "127.0.0.1"
#: Among the generated passwords: what callers of `memreward serve` show.
SERVE_TOKEN: Final = "serve-token"
#: Folders that hold texts or what was made of them: for the owner only.
_PRIVATE: Final = (
    HomeName.CHECKPOINTS,
    HomeName.SNAPSHOTS,
    HomeName.TRAINING,
    HomeName.RUNS,
    HomeName.COMPARISONS,
    HomeName.REPORTS,
)
_LOCK_SECONDS: Final = 300
_PORT_SECONDS: Final = 5.0
#: Both servers start at once, and both choose a port then.
_CHOOSING: Final = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Home:
    """Layout of one `MEMREWARD_HOME`. Paths only: nothing is created until `prepare`."""

    root: Path

    @property
    def neo4j(self) -> Path:
        """Neo4j's folder: configuration, data, logs."""
        return self.root / HomeName.NEO4J

    @property
    def postgres(self) -> Path:
        """Postgres' folder: data, logs and, where needed, its binaries."""
        return self.root / HomeName.POSTGRES

    @property
    def secrets(self) -> Path:
        """Generated passwords, one file each, 0600."""
        return self.root / HomeName.SECRETS

    @property
    def _ports_file(self) -> Path:
        return self.root / HomeName.PORTS

    def prepare(self) -> None:
        """Create the folder, or check that an existing one is ours to use.

        Others may pass through it, since Postgres may run as another user, and see none of it.

        Raises:
            SettingsError: it cannot be created or written, or holds something else.
        """
        try:
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
            names = {entry.name for entry in self.root.iterdir()}
            self.secrets.mkdir(mode=0o700, exist_ok=True)
            probe = os.access(self.secrets, os.R_OK | os.W_OK | os.X_OK)
        except OSError as error:
            raise SettingsError(
                f"MEMREWARD_HOME {self.root} cannot be used: {error.strerror} ({error.filename}). "
                "Choose a folder that you can write to."
            ) from error
        if names and names.isdisjoint(HomeName):
            self.secrets.rmdir()
            raise SettingsError(
                f"MEMREWARD_HOME {self.root} holds other things ({sorted(names)[0]}, ...). "
                "Choose an empty or new folder."
            )
        if not probe:
            raise SettingsError(
                f"MEMREWARD_HOME {self.root} belongs to another user. Choose another folder, or "
                "run memreward as that user."
            )
        for name in _PRIVATE:
            folder = self.root / name
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_mode & 0o077:  # Of an earlier version.
                folder.chmod(0o700)

    @contextmanager
    def lock(self) -> Generator[None]:
        """Held while servers are started or stopped: one process at a time.

        Raises:
            ServerError: another process has held it for five minutes.
        """
        lock = FileLock(self.root / HomeName.LOCK, timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise ServerError(
                f"another process has been starting or stopping the servers of {self.root} for "
                f"{_LOCK_SECONDS} s. Wait for it, or end it, and try again."
            ) from error
        try:
            yield
        finally:
            lock.release()

    def password(self, name: str) -> str:
        """The generated password `name`, made on first use."""
        path = self.secrets / name
        if path.exists():
            return self.read_password(name)
        password = secrets.token_hex(24)
        with replacing(path) as unfinished:
            unfinished.touch(mode=0o600, exist_ok=False)
            unfinished.write_text(password, encoding="utf-8")
        return password

    def read_password(self, name: str) -> str:
        """The generated password `name`.

        Raises:
            ServerError: none was generated yet.
            SettingsError: it cannot be read, or others can read it.
        """
        path = self.secrets / name
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            password = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise ServerError(
                f"there are no databases in {self.root} yet: run `memreward up`, or give the "
                "addresses of yours (MEMREWARD_NEO4J_URI, MEMREWARD_POSTGRES_DSN)."
            ) from error
        except OSError as error:
            raise SettingsError(
                f"{path} cannot be read: {error.strerror}. Run memreward as the user who owns "
                f"{self.root}, or choose another MEMREWARD_HOME."
            ) from error
        if mode & 0o077:
            raise SettingsError(f"{path} is open to others ({mode:04o}): run `chmod 600 {path}`.")
        return password

    def remembered_port(self, name: str) -> int | None:
        """The port that server `name` was last given, if any."""
        return self._ports().get(name)

    def choose_port(self, name: str, wanted: int) -> int:
        """The port for a server that is about to start; remembered for other processes.

        Args:
            name: the server.
            wanted: the port asked for; 0 takes the remembered one if it is free, else a free one.

        Raises:
            ServerError: the port asked for is taken.
        """
        if wanted and not port_is_free(wanted):
            raise ServerError(
                f"port {wanted} for {name} is already taken by another program. Stop that one, or "
                f"set MEMREWARD_{name.upper()}_PORT to a free port (0 chooses one)."
            )
        with _CHOOSING:
            ports = self._ports()
            port = wanted or ports.pop(name, 0)
            _wait_for(port)
            while not port or not port_is_free(port) or port in ports.values():
                port = _free_port()
            ports[name] = port
            write_atomically(self._ports_file, json.dumps(ports) + "\n")
        return port

    def _ports(self) -> dict[str, int]:
        if not self._ports_file.exists():
            return {}
        return json.loads(self._ports_file.read_text(encoding="utf-8"))


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _wait_for(port: int) -> None:
    """A killed server holds its port a moment longer, and its clients wait for it there."""
    deadline = time.monotonic() + _PORT_SECONDS
    while port and not port_is_free(port) and time.monotonic() < deadline:
        time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def blocking_path(path: Path, uid: int, gid: int) -> Path | None:
    """The first folder on the way to `path` that the user cannot enter, or `path` itself.

    Args:
        path: an existing file (to be read) or folder (to be entered).
        uid: the user; no supplementary groups are counted.
        gid: the user's group.
    """
    for step in [*reversed(path.parents), path]:
        info = step.stat()
        needed = stat.S_IXOTH if step.is_dir() else stat.S_IROTH
        shift = 6 if info.st_uid == uid else 3 if info.st_gid == gid else 0
        if uid != 0 and not info.st_mode & (needed << shift):
            return step
    return None
