"""A database whose disk is full says so, and goes on once there is space again."""

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.clean_run import CleanRun
from faults.workload import Workload, ingest, seq_of
from support.rollout_factory import make_rollouts
from typer.testing import CliRunner

from memreward.cli.main import app
from memstore.db import graph_store, retry
from memstore.db.stores import Stores, open_stores
from memstore.outbox.deletion import delete_memory
from memstore.servers.lifecycle import down, up
from memstore.servers.migration import migrate
from memstore.settings import Settings, load_settings
from schema.errors import DamagedGraphError, ServerError, StoreError

pytestmark = pytest.mark.faults
MEMORY = "full"
WORKLOAD = Workload()
SIZE_MB = 700
#: What is left when the disk counts as full: the next files do not fit.
LEFT = 64 * 1024


@dataclass
class SmallDisk:
    """A size-limited tmpfs over one server's folder."""

    folder: Path

    @property
    def ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Take all but LEFT; the server writes at the same time, so it may take several tries."""
        with self.ballast.open("ab") as file:
            while (free := shutil.disk_usage(self.folder).free) > LEFT:
                try:
                    os.posix_fallocate(file.fileno(), self.ballast.stat().st_size, free - LEFT)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        self.ballast.unlink()


def _mount(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={SIZE_MB}m,mode=0711".encode()
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, options):
        reason = os.strerror(ctypes.get_errno())
        pytest.skip(f"no tmpfs can be mounted here ({reason}): run as root in a container of yours")


@pytest.fixture(params=["postgres", "neo4j"])
def small(request: pytest.FixtureRequest) -> Iterator[tuple[Settings, SmallDisk]]:
    """Servers of which one lives on a small disk."""
    home = Path(tempfile.mkdtemp(prefix="memreward-full-"))
    home.chmod(0o711)
    settings = load_settings(home=home)
    folder = home / request.param
    folder.mkdir()
    try:
        _mount(folder)
        try:
            migrate(up(settings))
            yield settings, SmallDisk(folder)
        finally:
            down(settings)
            ctypes.CDLL(None).umount2(bytes(folder), 2)
    finally:
        shutil.rmtree(home)


def test_a_full_disk_is_said_and_survived(
    small: tuple[Settings, SmallDisk],
    times: Callable[[int, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, disk = small
    with open_stores(up(settings)) as stores:
        clean = CleanRun(stores, MEMORY, WORKLOAD)
    for number in range(times(1, 5)):
        seq = write_into_a_full_disk(settings, disk, number, monkeypatch)
        disk.empty()
        down(settings)
        with open_stores(up(settings)) as stores:
            assert seq_of(stores, MEMORY) >= seq, "what was accepted is still there"
            delete_memory(stores, "ballast")
            clean.recover(stores, f"full after batch {seq}")


@pytest.mark.parametrize("small", ["neo4j"], indirect=True)
def test_a_neo4j_whose_log_met_the_end_of_the_disk_is_made_anew(
    small: tuple[Settings, SmallDisk],
    times: Callable[[int, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the reserve Neo4j is left with half a transaction, which it cannot recover from."""
    settings, disk = small
    monkeypatch.setattr(graph_store, "RESERVE_BYTES", 0)
    monkeypatch.setenv("MEMREWARD_HOME", str(settings.home))
    with open_stores(up(settings)) as stores:
        clean = CleanRun(stores, MEMORY, WORKLOAD)
    damaged = 0
    for number in range(times(1, 5)):
        seq = write_into_a_full_disk(settings, disk, number, monkeypatch)
        disk.empty()
        down(settings)
        try:
            up(settings)
        except DamagedGraphError as error:
            damaged += 1
            assert "memreward repair --rebuild-neo4j" in str(error)
            done = CliRunner().invoke(app, ["repair", "--rebuild-neo4j"], catch_exceptions=False)
            assert done.exit_code == 0, done.output
            assert f"{MEMORY}: rebuilt in Neo4j" in done.output
            (aside,) = disk.folder.glob("data-damaged-*")
            shutil.rmtree(aside)
        with open_stores(up(settings)) as stores:
            assert seq_of(stores, MEMORY) >= seq, "what was accepted is still there"
            delete_memory(stores, "ballast")
            clean.recover(stores, f"full after batch {seq}")
    print(f"Neo4j was damaged in {damaged} of {times(1, 5)} rounds")


def write_into_a_full_disk(
    settings: Settings, disk: SmallDisk, number: int, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Fill the disk after some batches and write until an error says so; returns the last batch."""
    with open_stores(up(settings)) as stores:
        delete_memory(stores, MEMORY)
        for step in list(WORKLOAD.steps())[: 2 + number]:
            step(stores, MEMORY)
        seq = seq_of(stores, MEMORY)
        disk.fill()
        stores.vectors._pool.timeout = 5.0
        with monkeypatch.context() as patch:
            patch.setattr(retry, "PATIENCE_S", 2.0)
            with pytest.raises((StoreError, ServerError)) as error:
                write_until_it_fails(stores)
        assert "space" in str(error.value) or "memreward up" in str(error.value)
        print(f"{disk.folder.name}: {type(error.value).__name__}: {error.value}")
    return seq


def write_until_it_fails(stores: Stores) -> None:
    WORKLOAD.run(stores, MEMORY)
    for first in range(0, 100_000, 200):
        ingest(stores, "ballast", make_rollouts(200, 2, first=first))
