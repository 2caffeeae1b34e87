"""Passwords, ports, the lock, and whose folder it is."""

import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from memstore.servers.home import Home, blocking_path, port_is_free
from schema.errors import ServerError, SettingsError


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(root=tmp_path / "home")
    made.prepare()
    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_password_is_made_once_and_for_the_owner_only(home: Home) -> None:
    password = home.password("neo4j")
    assert len(password) >= 32
    assert password.isalnum()
    assert home.password("neo4j") == home.read_password("neo4j") == password
    assert home.password("postgres") != password
    assert mode(home.secrets / "neo4j") == 0o600
    assert mode(home.secrets) == 0o700


def test_password_open_to_others_is_refused(home: Home) -> None:
    home.password("neo4j")
    (home.secrets / "neo4j").chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        home.read_password("neo4j")


def test_no_password_yet(home: Home) -> None:
    with pytest.raises(ServerError, match="memreward up"):
        home.read_password("neo4j")


def test_prepare_leaves_parents_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    Home(root=tmp_path / "home").prepare()
    Home(root=tmp_path / "home").prepare()
    assert mode(tmp_path) == 0o750


def test_only_the_owner_sees_what_is_made_of_texts(home: Home) -> None:
    """Others pass through the home to Postgres' folder, so its other folders must be shut."""
    folders = [path for path in home.root.iterdir() if path.is_dir()]
    assert {path.name for path in folders} >= {"snapshots", "runs", "reports", "checkpoints"}
    assert {mode(path) for path in folders} == {0o700}
    (home.root / "runs").chmod(0o755)  # As earlier versions made it.
    home.prepare()
    assert mode(home.root / "runs") == 0o700


def test_prepare_refuses_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SettingsError, match=r"holds other things \(thesis\.tex"):
        Home(root=tmp_path).prepare()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_prepare_accepts_a_home_with_only_a_toml_file(tmp_path: Path) -> None:
    (tmp_path / "memreward.toml").touch()
    Home(root=tmp_path).prepare()


def test_prepare_says_why_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be used: Not a directory"):
        Home(root=tmp_path / "file" / "home").prepare()


def test_port_is_chosen_once_and_remembered(home: Home) -> None:
    port = home.choose_port("neo4j", 0)
    assert home.choose_port("neo4j", 0) == home.remembered_port("neo4j") == port
    assert home.choose_port("postgres", 0) != port
    assert home.remembered_port("other") is None


def test_taken_port_asked_for_is_refused(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(ServerError, match=f"port {port} for neo4j .*MEMREWARD_NEO4J_PORT"):
            home.choose_port("neo4j", port)


def test_taken_remembered_port_is_replaced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memstore.servers.home._PORT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        home.root.joinpath("ports.json").write_text(f'{{"neo4j": {taken}}}')
        assert home.choose_port("neo4j", 0) != taken


def test_lock_lets_one_in_at_a_time(home: Home) -> None:
    inside = threading.Event()

    def enter() -> None:
        with Home(root=home.root).lock():
            inside.set()

    with home.lock():
        other = threading.Thread(target=enter)
        other.start()
        assert not inside.wait(0.3)
    other.join(300)
    assert inside.is_set()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_blocking_path_names_the_closed_folder(open_folder: Path) -> None:
    inner = open_folder / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o750)
    owner = inner.stat()
    stranger = owner.st_uid + 1, owner.st_gid + 1
    assert blocking_path(open_folder, *stranger) is None
    assert blocking_path(inner, *stranger) == inner.parent
    assert blocking_path(inner, stranger[0], owner.st_gid) is None
    assert blocking_path(inner, owner.st_uid, stranger[1]) is None
    assert blocking_path(inner, 0, 0) is None


def test_blocking_path_names_the_unreadable_file(open_folder: Path) -> None:
    file = open_folder / "file"
    file.touch(mode=0o640)
    stranger = file.stat().st_uid + 1, file.stat().st_gid + 1
    assert blocking_path(file, *stranger) == file
