"""The lock, and that only what it says is let in."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from memstore.servers import neo4j_download, neo4j_jars
from memstore.servers.neo4j_jars import (
    NEO4J_VERSION,
    Jar,
    class_path,
    damaged_jars,
    ensure_jars,
    locked_jars,
    missing_jars,
)
from schema.errors import ServerError

CONTENT = b"not really a jar"


class FakeArtifact:
    """Stands for a download: writes the same content each time, or fails."""

    def __init__(self, folder: Path, content: bytes | None) -> None:
        self.folder = folder
        self.content = content

    def resolve(self) -> Path:
        if self.content is None:
            raise RuntimeError("no route to host")
        self.folder.mkdir(parents=True)
        path = self.folder / "downloaded.jar"
        path.write_bytes(self.content)
        return path


@pytest.fixture
def one_jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jar:
    """A lock with one jar; `download` says what arrives for it."""
    (tmp_path / "sample").write_bytes(CONTENT)
    jar = Jar(
        group="org.example",
        artifact="thing",
        version="1",
        classifier="",
        sha256=neo4j_jars.sha256_of(tmp_path / "sample"),
        size=len(CONTENT),
    )
    monkeypatch.setattr(neo4j_jars, "locked_jars", lambda: [jar])
    return jar


def download(monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    monkeypatch.setattr(
        neo4j_download,
        "_artifact",
        lambda context, jar: FakeArtifact(context.repo_cache, content),
    )


def test_lock_is_whole() -> None:
    jars = locked_jars()
    names = [jar.filename for jar in jars]
    assert len(names) == len(set(names)) > 200
    for wanted in ("org.neo4j.app.neo4j-server", "org.neo4j.neo4j", "org.neo4j.neo4j-bolt"):
        assert f"{wanted}-{NEO4J_VERSION}.jar" in names
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
    text = (Path(neo4j_jars.__file__).parent / "neo4j_jars.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        jar.line for jar in jars
    ]


def test_class_path_names_every_jar(tmp_path: Path) -> None:
    assert len(class_path(tmp_path).split(":")) == len(locked_jars())


def test_fetches_once(one_jar: Jar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "jars"
    assert missing_jars(folder) == [one_jar]
    download(monkeypatch, CONTENT)
    ensure_jars(folder)
    assert missing_jars(folder) == damaged_jars(folder) == []
    download(monkeypatch, None)
    ensure_jars(folder)
    (folder / one_jar.filename).write_bytes(CONTENT[::-1])
    assert damaged_jars(folder) == [one_jar]


def test_two_at_once_fetch_once(
    one_jar: Jar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first starts share a folder: the second waits for what the first one fetches."""
    folder, begun, go_on = tmp_path / "jars", threading.Barrier(2), threading.Event()
    fetched: list[Path] = []

    def artifact(context: Any, jar: Jar) -> FakeArtifact:
        fetched.append(context.repo_cache)
        begun.wait(60)
        assert go_on.wait(60)
        return FakeArtifact(context.repo_cache, CONTENT)

    monkeypatch.setattr(neo4j_download, "_artifact", artifact)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ensure_jars, folder)
        begun.wait(60)
        second = pool.submit(ensure_jars, folder)
        with pytest.raises(TimeoutError):
            second.result(0.3)
        go_on.set()
        first.result(60)
        second.result(60)
    assert len(fetched) == 1
    assert missing_jars(folder) == damaged_jars(folder) == []


def test_wrong_content_is_not_kept(
    one_jar: Jar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download(monkeypatch, CONTENT[::-1])
    with pytest.raises(ServerError, match=f"the lock says {one_jar.sha256}"):
        ensure_jars(tmp_path / "jars")
    assert [path.name for path in (tmp_path / "jars").iterdir()] == [".lock"]


def test_no_network(one_jar: Jar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    download(monkeypatch, None)
    with pytest.raises(ServerError, match=r"no route to host.*needs the network"):
        ensure_jars(tmp_path / "jars")
