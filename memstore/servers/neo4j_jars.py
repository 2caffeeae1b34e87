"""The jars of Neo4j: exactly those of `neo4j_jars.lock`, fetched once and verified."""

import hashlib
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from filelock import FileLock

NEO4J_VERSION: Final = "5.26.30"
#: Versions that memreward works with: the long-term line of the one that it runs itself.
NEO4J_LINE: Final = NEO4J_VERSION.rpartition(".")[0]
LOCK_FILE: Final = "neo4j_jars.lock"


@dataclass(frozen=True, kw_only=True)
class Jar:
    """One locked jar: its Maven coordinates, SHA-256 and size in bytes."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """Name of the file in the jar folder; the group keeps equal artifact names apart."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.group}.{self.artifact}-{self.version}{suffix}.jar"

    @property
    def line(self) -> str:
        """The jar as one line of the lock file."""
        parts = [self.group, self.artifact, self.version]
        coordinate = ":".join([*parts, self.classifier] if self.classifier else parts)
        return f"{coordinate} {self.sha256} {self.size}"


def locked_jars() -> list[Jar]:
    """Every jar of the committed lock, in class path order."""
    text = (files("memstore.servers") / LOCK_FILE).read_text(encoding="utf-8")
    jars = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        coordinate, sha256, size = line.split()
        group, artifact, version, *classifier = coordinate.split(":")
        jars.append(
            Jar(
                group=group,
                artifact=artifact,
                version=version,
                classifier=classifier[0] if classifier else "",
                sha256=sha256,
                size=int(size),
            )
        )
    return jars


def class_path(folder: Path) -> str:
    """The Java class path of the locked jars in `folder`."""
    return os.pathsep.join(str(folder / jar.filename) for jar in locked_jars())


def missing_jars(folder: Path) -> list[Jar]:
    """Jars that are not in `folder` with their full size."""
    return [jar for jar in locked_jars() if not _has_size(folder / jar.filename, jar.size)]


def damaged_jars(folder: Path) -> list[Jar]:
    """Jars of `folder` that are missing or whose checksum is not the locked one."""
    return [
        jar
        for jar in locked_jars()
        if not (folder / jar.filename).is_file() or sha256_of(folder / jar.filename) != jar.sha256
    ]


def ensure_jars(folder: Path) -> None:
    """Fetch what is missing into `folder`, with a progress bar, verifying each checksum.

    Does nothing, and needs no network, once all are there. Safe to call from several processes.

    Raises:
        ServerError: a jar cannot be downloaded or is not what the lock says.
    """
    if not missing_jars(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if missing := missing_jars(folder):
            # Maven's client is imported only where something is to be fetched.
            from memstore.servers.neo4j_download import download

            download(missing, folder)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
