"""A writer in a process of its own, which may be killed. Forked from a server that has everything
imported, since the imports take longer than the work."""

import multiprocessing
import os
from collections.abc import Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from faults.failpoints import armed, kill_at
from faults.workload import Workload, ingest
from support.forgetting import LENGTHS
from support.rollout_factory import make_rollout

from memstore.changes.rekeying import rekey
from memstore.changes.relink import link, needs_link
from memstore.db.addresses import Addresses
from memstore.db.stores import open_stores
from memstore.forgetting.compaction import compact
from memstore.outbox.deletion import delete_memory
from schema.errors import MemrewardError, ServerError, StoreError

#: Exit codes of a writer that met a typed error; any other error is a bug and exits with 1.
UNREACHABLE, REFUSED = 3, 4
_context = multiprocessing.get_context("forkserver")


def start(target: object, *args: object) -> ForkServerProcess:
    """Start `target(*args)`."""
    tests = str(Path(__file__).parent.parent)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    old = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = tests if old is None else f"{tests}{os.pathsep}{old}"
    try:
        _context.set_forkserver_preload(["pytest", "faults.writer"])
        process = _context.Process(target=target, args=args, daemon=True)  # pyright: ignore
        process.start()
    finally:
        if old is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = old
    return process


def warm_up() -> None:
    """The first process waits for the imports; the others need not."""
    start(os.getpid).join()


def run_workload(
    addresses: Addresses, memory: str, workload: Workload, point: str | None = None
) -> None:
    """Run a workload; with `point`, to be killed there."""
    try:
        with open_stores(addresses) as stores:
            if point is None:
                workload.run(stores, memory)
            else:
                with armed(kill_at(point)):
                    workload.run(stores, memory)
    except MemrewardError as error:
        _exit(error)


def run_delete(addresses: Addresses, memory: str, point: str) -> None:
    """Delete a memory, to be killed at a point."""
    with open_stores(addresses) as stores, armed(kill_at(point)):
        delete_memory(stores, memory)


def run_rekey(addresses: Addresses, memory: str, point: str) -> None:
    """Re-key a memory, to be killed at a point."""
    with open_stores(addresses) as stores, armed(kill_at(point)):
        rekey(stores, memory)


def run_compact(addresses: Addresses, memory: str, point: str) -> None:
    """Compact a memory, to be killed at a point."""
    with open_stores(addresses) as stores, armed(kill_at(point)):
        compact(stores, memory, 0, LENGTHS)


def ingest_share(
    addresses: Addresses, memory: str, places: Sequence[tuple[int, int]], seed: int
) -> None:
    """Ingest rollouts (question, place) in an order of one's own, then link as `ingest` does."""
    try:
        with open_stores(addresses) as stores:
            size = 100 + 10 * seed
            for start_ in range(0, len(places), size):
                share = [make_rollout(*place) for place in places[start_ : start_ + size]]
                ingest(stores, memory, share)
            if needs_link(stores, memory):
                link(stores, memory)
    except MemrewardError as error:
        _exit(error)


def _exit(error: MemrewardError) -> None:
    print(f"{type(error).__name__}: {error}", flush=True)
    codes = {ServerError: UNREACHABLE, StoreError: REFUSED}
    os._exit(next((code for kind, code in codes.items() if isinstance(error, kind)), 1))
