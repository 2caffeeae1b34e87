"""Fetching Neo4j's jars from Maven Central, and resolving which they are.

`python -m memstore.servers.neo4j_download` resolves the two artifacts again and rewrites
`neo4j_jars.lock`; that is the only place where dependencies are resolved.
"""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Final

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

from memstore.servers.neo4j_jars import LOCK_FILE, NEO4J_VERSION, Jar, sha256_of
from schema.errors import ServerError

_ROOT_ARTIFACTS: Final = (("org.neo4j.app", "neo4j-server"), ("org.neo4j", "neo4j"))
_PARALLEL_DOWNLOADS: Final = 8
_ATTEMPTS: Final = 3


def download(jars: list[Jar], folder: Path) -> None:
    """Fetch jars into `folder`, with a progress bar, verifying each checksum.

    Raises:
        ServerError: a jar cannot be downloaded or is not what the lock says.
    """
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
    """Download one jar next to its place, verify it, then move it there."""
    reason = ""
    for attempt in range(1, _ATTEMPTS + 1):
        repository = staging / f"{jar.filename}-{attempt}"
        try:
            downloaded = _artifact(MavenContext(repo_cache=repository, timeout=30), jar).resolve()
        except (RequestException, RuntimeError, OSError) as error:
            reason = str(error)
            continue
        found = sha256_of(downloaded)
        if found == jar.sha256:
            downloaded.replace(folder / jar.filename)
            return
        reason = f"its SHA-256 is {found}, and the lock says {jar.sha256}"
    raise ServerError(
        f"{jar.filename} could not be downloaded in {_ATTEMPTS} tries: {reason}. The first start "
        "needs the network (Maven Central): run `memreward up` again to continue."
    )


def _artifact(context: MavenContext, jar: Jar) -> Artifact:
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    return component.artifact(jar.classifier, "jar")


def resolve_lock() -> list[Jar]:
    """Resolve the two Neo4j artifacts again and download everything: the jars as they are now."""
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
                sha256=sha256_of(path),
                size=path.stat().st_size,
            )
            for artifact, path in zip(artifacts, paths, strict=True)
        ]


def write_lock() -> None:
    """Rewrite the lock file from a fresh resolution (for maintainers, when the version moves)."""
    header = (
        f"# Neo4j {NEO4J_VERSION} Community and all it needs: group:artifact:version[:classifier], "
        "SHA-256, bytes.\n# Written by `python -m memstore.servers.neo4j_download`.\n"
    )
    lines = sorted(jar.line for jar in resolve_lock())
    target = Path(str(files("memstore.servers") / LOCK_FILE))
    target.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_lock()
