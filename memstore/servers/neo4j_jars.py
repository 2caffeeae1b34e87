"""The jars of Neo4j: exactly those of `neo4j_jars.lock`, fetched once and verified.

`python -m memstore.servers.neo4j_jars` resolves the two artifacts anew and rewrites the lock; that
is the only place where dependencies are resolved.
"""

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from filelock import FileLock
from jgo.maven import Artifact, MavenContext
from jgo.parse import Coordinate
from requests import RequestException
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from schema.errors import ServerError

NEO4J_VERSION: Final = "5.26.30"
_ROOT_ARTIFACTS: Final = (("org.neo4j.app", "neo4j-server"), ("org.neo4j", "neo4j"))
_LOCK_FILE: Final = "neo4j_jars.lock"
_PARALLEL_DOWNLOADS: Final = 8
_ATTEMPTS: Final = 3


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
    text = (files("memstore.servers") / _LOCK_FILE).read_text(encoding="utf-8")
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
        if not (folder / jar.filename).is_file() or _sha256(folder / jar.filename) != jar.sha256
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
        missing = missing_jars(folder)
        if missing:
            _download(missing, folder)


def _download(jars: list[Jar], folder: Path) -> None:
    # On standard error: standard output holds results only.
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    total = sum(jar.size for jar in jars)
    with progress, tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as staging:
        bar = progress.add_task(f"Neo4j {NEO4J_VERSION}, {len(jars)} jars", total=total)
        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
            fetches = [pool.submit(_fetch, jar, folder, Path(staging)) for jar in jars]
            try:
                for jar, fetch in zip(jars, fetches, strict=True):
                    fetch.result()
                    progress.advance(bar, jar.size)
            finally:
                pool.shutdown(cancel_futures=True)


def _fetch(jar: Jar, folder: Path, staging: Path) -> None:
    """Download one jar beside its place, verify it, then move it there."""
    reason = ""
    for attempt in range(1, _ATTEMPTS + 1):
        repository = staging / f"{jar.filename}-{attempt}"
        try:
            downloaded = _artifact(MavenContext(repo_cache=repository, timeout=30), jar).resolve()
        except (RequestException, RuntimeError, OSError) as error:
            reason = str(error)
            continue
        found = _sha256(downloaded)
        if found == jar.sha256:
            downloaded.replace(folder / jar.filename)
            return
        reason = f"its SHA-256 is {found}, and the lock says {jar.sha256}"
    raise ServerError(
        f"{jar.filename} could not be had in {_ATTEMPTS} tries: {reason}. The first start needs "
        "the network (Maven Central); run `memreward up` again, it goes on where it stopped."
    )


def _artifact(context: MavenContext, jar: Jar) -> Artifact:
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    return component.artifact(jar.classifier, "jar")


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve_lock() -> list[Jar]:
    """Resolve the two Neo4j artifacts anew and download all of it: the jars as they are now."""
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(repo_cache=Path(cache), timeout=30)
        wanted = [
            context.create_dependency(
                Coordinate(group, artifact, version=NEO4J_VERSION, scope="compile")
            )
            for group, artifact in _ROOT_ARTIFACTS
        ]
        inputs, transitive = context.resolver.resolve(wanted)
        artifacts = [
            dependency.artifact
            for dependency in [*inputs, *transitive]
            if dependency.scope in ("compile", "runtime") and dependency.artifact.packaging == "jar"
        ]
        with ThreadPoolExecutor(_PARALLEL_DOWNLOADS) as pool:
            paths = list(pool.map(lambda artifact: artifact.resolve(), artifacts))
        return [
            Jar(
                group=artifact.groupId,
                artifact=artifact.artifactId,
                version=artifact.version,
                classifier=artifact.classifier,
                sha256=_sha256(path),
                size=path.stat().st_size,
            )
            for artifact, path in zip(artifacts, paths, strict=True)
        ]


def write_lock() -> None:
    """Rewrite the lock file from a fresh resolution (for maintainers, when the version moves)."""
    header = (
        f"# Neo4j {NEO4J_VERSION} Community and all it needs: group:artifact:version[:classifier], "
        "SHA-256, bytes.\n# Written by `python -m memstore.servers.neo4j_jars`.\n"
    )
    lines = sorted(jar.line for jar in resolve_lock())
    target = Path(str(files("memstore.servers") / _LOCK_FILE))
    target.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_lock()
