"""What must stand nowhere in the source, and what is never printed."""

import re
from pathlib import Path

import pytest
from support.cli_fixtures import Cli

from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.settings import REDACTED, Settings, load_settings, redacted
from schema.errors import MemrewardError
from schema.graph import NodeLabel, RelationshipType

ROOT = Path(__file__).parent.parent
FOLDERS = ("schema", "migrations", "memstore", "gnn", "trainer", "memreward")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
CYPHER = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.cypher"))

#: Ways in which a file may run code when it is loaded.
UNSAFE = re.compile(
    r"^\s*(?:import|from)\s+(?:pickle|cPickle|cloudpickle|dill|joblib|shelve|marshal)\b"
    r"|torch\.(?:load|save)\b|allow_pickle\s*=\s*True|weights_only\s*=\s*False"
    r"|\byaml\.load\(|\bpd\.read_pickle|(?<![.\w])(?:eval|exec)\(|trust_remote_code\s*=\s*True",
    re.MULTILINE,
)
MIGRATION = "Migration"


#: These run programs and their tests, each in a confined process: that is what they are for.
RUNNERS = {ROOT / "trainer/code_judge/program.py", ROOT / "trainer/code_judge/test_run.py"}


@pytest.mark.parametrize(
    "path", sorted({*SOURCES} - RUNNERS), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_nothing_is_loaded_that_can_run_code(path: Path) -> None:
    # The empty text runs nothing: `memreward/cli/start.py` says what it is for.
    found = UNSAFE.search(path.read_text(encoding="utf-8").replace('exec("")', ""))
    assert found is None, f"{path}: {found and found[0]}"


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from pickle import load", "torch.load(x)", "np.load(x, allow_pickle=True)"],
)
def test_the_search_finds_what_it_is_for(text: str) -> None:
    assert UNSAFE.search(text)


def without_comments(text: str) -> str:
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", CYPHER, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_labels_and_types_are_those_of_the_schema(path: Path) -> None:
    text = without_comments(path.read_text(encoding="utf-8"))
    labels = {
        name for group in re.findall(r"\(\w*:([\w|&!]+)", text) for name in re.split(r"\W", group)
    }
    types = {name for group in re.findall(r"\[\w*:([\w|]+)", text) for name in group.split("|")}
    assert labels - {""} <= {label.value for label in NodeLabel} | {MIGRATION}
    assert types <= {kind.value for kind in RelationshipType}


def test_a_label_is_a_parameter_where_nodes_of_a_memory_are_deleted_only() -> None:
    dynamic = [path.name for path in CYPHER if ":$(" in path.read_text(encoding="utf-8")]
    assert dynamic in ([], ["outbox.cypher"])


def test_no_cypher_is_put_together_from_strings() -> None:
    pattern = re.compile(r"f\"[^\"]*\b(?:MATCH|MERGE|CREATE|UNWIND)\b[^\"]*\{")
    for path in SOURCES:
        assert pattern.search(path.read_text(encoding="utf-8")) is None, path


SECRET = "correct-horse-battery"


@pytest.fixture
def secretive(monkeypatch: pytest.MonkeyPatch, servers: Addresses) -> Settings:
    """Settings with a wrong password at the right addresses."""
    place = servers.postgres_dsn.rpartition("@")[2]
    monkeypatch.setenv("MEMREWARD_NEO4J_URI", servers.neo4j_uri)
    monkeypatch.setenv("MEMREWARD_NEO4J_USER", "nobody")  # too many wrong logins lock a user out
    monkeypatch.setenv("MEMREWARD_NEO4J_PASSWORD", SECRET)
    monkeypatch.setenv("MEMREWARD_POSTGRES_DSN", f"postgresql://memreward:{SECRET}@{place}")
    return load_settings()


def test_a_secret_is_in_no_text_of_the_settings(secretive: Settings) -> None:
    assert SECRET not in repr(secretive) + str(secretive) + str(redacted(secretive))
    assert REDACTED in str(redacted(secretive))


def test_a_secret_is_in_no_text_of_addresses_and_stores(servers: Addresses, stores: Stores) -> None:
    found = re.search(r":([^:@/]+)@", servers.postgres_dsn)
    password = found[1] if found else servers.neo4j_password
    for thing in (servers, stores, stores.graph, stores.vectors):
        assert password not in repr(thing) + str(thing)
        assert servers.neo4j_password not in repr(thing) + str(thing)


@pytest.mark.parametrize("command", [("status",), ("config", "show"), ("doctor",), ("stats",)])
def test_no_command_prints_a_secret(
    command: tuple[str, ...], cli: Cli, secretive: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = cli(*command)
    assert SECRET not in result.output
    assert "Traceback" not in result.output


def test_no_error_says_a_secret(secretive: Settings, servers: Addresses) -> None:
    place = servers.postgres_dsn.rpartition("@")[2]
    wrong = [
        Addresses(
            neo4j_uri=servers.neo4j_uri,
            neo4j_user=servers.neo4j_user,
            neo4j_password=servers.neo4j_password,
            postgres_dsn=f"postgresql://memreward:{SECRET}@{place}",
        ),
        Addresses(
            neo4j_uri=servers.neo4j_uri,
            neo4j_user="nobody",
            neo4j_password=SECRET,
            postgres_dsn=servers.postgres_dsn,
        ),
    ]
    for addresses in wrong:
        with pytest.raises(MemrewardError) as caught, open_stores(addresses):
            pass
        error: BaseException | None = caught.value
        while error is not None:
            assert SECRET not in str(error) + repr(error)
            error = error.__cause__
