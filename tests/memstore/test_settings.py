"""Which source wins, what is refused, and that no secret is shown."""

import os
from pathlib import Path

import pytest

from memstore.settings import (
    default_home,
    each_pair,
    load_settings,
    origins,
    redact_dsn,
    redacted,
)
from schema.errors import SettingsError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No TOML file here, and a home without one."""
    monkeypatch.setenv("MEMREWARD_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_flag_beats_environment_beats_files(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "home" / "memreward.toml").write_text("neo4j_port = 1\npostgres_port = 11\n")
    assert load_settings().neo4j_port == 1
    (empty_folder / "memreward.toml").write_text("neo4j_port = 2\n")
    assert load_settings().neo4j_port == 2
    monkeypatch.setenv("MEMREWARD_NEO4J_PORT", "3")
    assert load_settings().neo4j_port == 3
    assert load_settings(neo4j_port=4).neo4j_port == 4
    assert load_settings(neo4j_port=None).neo4j_port == 3
    assert load_settings().postgres_port == 11


def test_each_value_says_where_it_is_from(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = empty_folder / "home" / "memreward.toml", empty_folder / "memreward.toml"
    home.write_text('neo4j_port = 1\npostgres_port = 11\njars = "/jars"\n')
    here.write_text("neo4j_port = 2\npostgres_port = 12\n")
    monkeypatch.setenv("MEMREWARD_POSTGRES_PORT", "3")
    monkeypatch.delenv("MEMREWARD_JARS", raising=False)
    found = origins(load_settings(neo4j_user="me"), neo4j_user="me", postgres_dsn=None)
    assert found == {
        "home": "environment, MEMREWARD_HOME",
        "jars": str(home),
        "neo4j_uri": "default",
        "neo4j_user": "flag",
        "neo4j_password": "default",
        "postgres_dsn": "default",
        "neo4j_port": str(here),
        "postgres_port": "environment, MEMREWARD_POSTGRES_PORT",
        "pairs": "default",
    }


def test_toml_file_of_the_home_given_by_flag_is_read(empty_folder: Path) -> None:
    other = empty_folder / "other"
    other.mkdir()
    (other / "memreward.toml").write_text("neo4j_port = 7\n")
    assert load_settings(home=other).neo4j_port == 7


def test_home_here_in_a_toml_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMREWARD_HOME")
    (empty_folder / "memreward.toml").write_text("home = 'elsewhere'\n")
    assert load_settings().home == empty_folder / "elsewhere"


def test_default_home_of_root_is_outside_its_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/memreward")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_home() == Path.home() / ".memreward"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"neo4j_uri": "bolt://host"}, "without MEMREWARD_NEO4J_PASSWORD"),
        ({"neo4j_password": "topsecret"}, "without MEMREWARD_NEO4J_URI"),
        ({"neo4j_port": 70000}, "neo4j_port: .*65535"),
        ({"neo4j_port": 5000, "postgres_port": 5000}, "both 5000"),
        ({"hmoe": "/x"}, "hmoe: no such setting .*home"),
    ],
)
def test_refuses(given: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings(**given)
    assert "topsecret" not in str(caught.value)


def test_refuses_unknown_name_in_file(empty_folder: Path) -> None:
    (empty_folder / "memreward.toml").write_text("neo4j_prot = 1\n")
    with pytest.raises(SettingsError, match="neo4j_prot: no such setting"):
        load_settings()


def test_refuses_broken_file(empty_folder: Path) -> None:
    (empty_folder / "memreward.toml").write_text("neo4j_port = \n")
    with pytest.raises(SettingsError, match=r"memreward\.toml is not valid TOML"):
        load_settings()


def test_secrets_are_shown_nowhere() -> None:
    settings = load_settings(
        neo4j_uri="bolt://u:topsecret@host:7687",
        neo4j_password="topsecret",
        postgres_dsn="postgresql://me:topsecret@host:5432/db?sslpassword=topsecret",
    )
    shown = redacted(settings)
    assert "topsecret" not in str(shown)
    assert "topsecret" not in repr(settings.neo4j_password) + repr(settings.postgres_dsn)
    assert shown["postgres_dsn"].startswith("postgresql://me:********@host:5432/db")
    assert redacted(load_settings())["neo4j_uri"] == "(not set)"


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgresql://me:a@b@host/db", "postgresql://me:********@host/db"),
        ("postgresql:///db?host=h&password=x", "postgresql:///db?********"),
        ("host=h user=u password=x dbname=d", "host=h user=u dbname=d ********"),
        ("host=h password='x dbname=y'", "host=h ********"),
        ("bolt://127.0.0.1:7687", "bolt://127.0.0.1:7687"),
    ],
)
def test_redacted_dsn(dsn: str, shown: str) -> None:
    assert redact_dsn(dsn) == shown


PAIRS = """
postgres_port = 11
[[pairs]]
neo4j_uri = "bolt://me:topsecret@second:7687"
neo4j_password = "topsecret"
postgres_dsn = "postgresql://me:topsecret@second:5432/db"
"""


def test_more_pairs_come_from_the_file_or_the_environment(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert each_pair(load_settings()) == [load_settings()]
    (empty_folder / "memreward.toml").write_text(PAIRS)
    settings = load_settings()
    first, second = each_pair(settings)
    assert (first.neo4j_uri, first.pairs, first.postgres_port) == (None, (), 11)
    assert (second.neo4j_uri, second.neo4j_user) == ("bolt://me:topsecret@second:7687", "neo4j")
    assert second.home == first.home
    assert origins(settings)["pairs"].endswith("memreward.toml")
    assert "topsecret" not in str(redacted(settings)) + repr(settings.pairs[0].postgres_dsn)
    assert "bolt://me:********@second:7687 postgresql://me:********" in redacted(settings)["pairs"]
    given = '[{"neo4j_uri": "bolt://third", "neo4j_password": "p", "postgres_dsn": "host=third"}]'
    monkeypatch.setenv("MEMREWARD_PAIRS", given)
    assert [pair.neo4j_uri for pair in each_pair(load_settings())] == [None, "bolt://third"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[{topsecret", "pairs.*not valid JSON"),
        ('[{"neo4j_uri": "bolt://a"}]', "pairs.0.neo4j_password: Field required"),
        ('[{"neo4j_url": "bolt://a"}]', "pairs.0.neo4j_url: no such setting .*postgres_dsn"),
    ],
)
def test_pairs_that_are_wrong_are_refused(
    given: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMREWARD_PAIRS", given)
    with pytest.raises(SettingsError, match=message) as caught:
        load_settings()
    assert "topsecret" not in str(caught.value)
