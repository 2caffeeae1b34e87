"""SIGKILL of the writing process, at every named point of the protocol and at random moments."""

import random
import signal
import time
from collections.abc import Callable

import pytest
from faults.clean_run import CleanRun
from faults.dump import assert_equal, dump, is_gone
from faults.failpoints import armed
from faults.workload import Workload, seq_of
from faults.writer import run_compact, run_delete, run_rekey, run_workload, start, warm_up
from support.forgetting import LENGTHS
from support.old_keys import old_keys

from memstore.changes.rekeying import rekey
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.forgetting.compaction import compact
from memstore.outbox.deletion import delete_memory
from memstore.outbox.recovery import every_memory, repair

pytestmark = pytest.mark.faults
MEMORY = "killed"
WORKLOAD = Workload()
#: Of the 300: at named points of ingest, at those of a delete, at random moments.
AT_POINTS, IN_DELETES, AT_RANDOM = 180, 40, 80
#: More, at named points of a re-keying and of a compaction.
IN_REKEYS, IN_COMPACTIONS = 40, 40


@pytest.fixture(scope="module")
def clean(fault_addresses: Addresses) -> CleanRun:
    with open_stores(fault_addresses) as stores:
        return CleanRun(stores, MEMORY, WORKLOAD)


def spread(points: list[str], count: int) -> list[str]:
    """`count` of the points reached: each name once before any comes twice."""
    rng = random.Random(0)
    firsts = list({point.rsplit(" #", 1)[0]: point for point in reversed(points)}.values())
    rest = [point for point in points if point not in firsts]
    return (rng.sample(firsts, len(firsts)) + rng.sample(rest, len(rest)))[:count]


def test_killed_at_named_points(
    fault_stores: Stores,
    fault_addresses: Addresses,
    clean: CleanRun,
    times: Callable[[int, int], int],
) -> None:
    reached: list[str] = []
    with armed(reached.append):
        WORKLOAD.run(fault_stores, MEMORY)
    for point in spread(reached, times(8, AT_POINTS)):
        delete_memory(fault_stores, MEMORY)
        process = start(run_workload, fault_addresses, MEMORY, WORKLOAD, point)
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
        clean.recover(fault_stores, point)


def test_killed_in_a_delete(
    fault_stores: Stores,
    fault_addresses: Addresses,
    clean: CleanRun,
    times: Callable[[int, int], int],
) -> None:
    """Before its commit nothing happened, after it all goes; then the name is free again."""
    reached: list[str] = []
    clean.finish(fault_stores, "before the deletes")
    with armed(reached.append):
        delete_memory(fault_stores, MEMORY)
    for point in spread(reached, times(3, IN_DELETES)):
        clean.finish(fault_stores, "before the delete")
        process = start(run_delete, fault_addresses, MEMORY, point)
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
        if MEMORY in every_memory(fault_stores) and not repair(fault_stores, MEMORY).deleted:
            assert_equal(dump(fault_stores, MEMORY), clean.after[clean.seq], point)
        else:
            assert is_gone(dump(fault_stores, MEMORY)), point


def test_killed_in_a_rekey(
    fault_stores: Stores, fault_addresses: Addresses, times: Callable[[int, int], int]
) -> None:
    """Before it is accepted the old keys are in force, then the new ones; the end is the same."""
    reached: list[str] = []
    live_with_old_keys(fault_stores)
    before = dump(fault_stores, MEMORY)
    with armed(reached.append):
        rekey(fault_stores, MEMORY)
    after = dump(fault_stores, MEMORY)
    seq = seq_of(fault_stores, MEMORY)
    for point in spread(reached, times(8, IN_REKEYS)):
        live_with_old_keys(fault_stores)
        process = start(run_rekey, fault_addresses, MEMORY, point)
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
        repair(fault_stores, MEMORY)
        found = dump(fault_stores, MEMORY)
        begun = {**before, "new_key": found["new_key"]}
        assert_equal(found, after if seq_of(fault_stores, MEMORY) == seq else begun, point)
        rekey(fault_stores, MEMORY)
        assert_equal(dump(fault_stores, MEMORY), after, f"{point}, then again")


def test_killed_in_a_compaction(
    fault_stores: Stores, fault_addresses: Addresses, times: Callable[[int, int], int]
) -> None:
    """Before it is accepted rollouts are whole, then they are forgotten; the end is the same."""
    reached: list[str] = []
    delete_memory(fault_stores, MEMORY)
    WORKLOAD.run(fault_stores, MEMORY)
    before = dump(fault_stores, MEMORY)
    with armed(reached.append):
        assert compact(fault_stores, MEMORY, 0, LENGTHS) > 0
    after = dump(fault_stores, MEMORY)
    seq = seq_of(fault_stores, MEMORY)
    for point in spread(reached, times(8, IN_COMPACTIONS)):
        delete_memory(fault_stores, MEMORY)
        WORKLOAD.run(fault_stores, MEMORY)
        process = start(run_compact, fault_addresses, MEMORY, point)
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"{point} was not reached"
        repair(fault_stores, MEMORY)
        found = dump(fault_stores, MEMORY)
        begun = {**before, "to_forget": found["to_forget"]}
        assert_equal(found, after if seq_of(fault_stores, MEMORY) == seq else begun, point)
        compact(fault_stores, MEMORY, 0, LENGTHS)
        assert_equal(dump(fault_stores, MEMORY), after, f"{point}, then again")


def live_with_old_keys(stores: Stores) -> None:
    delete_memory(stores, MEMORY)
    with old_keys():
        WORKLOAD.run(stores, MEMORY)


def test_killed_at_random_moments(
    fault_stores: Stores,
    fault_addresses: Addresses,
    clean: CleanRun,
    times: Callable[[int, int], int],
) -> None:
    delete_memory(fault_stores, MEMORY)
    warm_up()
    begun = time.monotonic()
    start(run_workload, fault_addresses, MEMORY, WORKLOAD).join()
    seconds = time.monotonic() - begun
    assert_equal(dump(fault_stores, MEMORY), clean.after[clean.seq], "in a process of its own")
    rng, killed = random.Random(2), 0
    while killed < times(4, AT_RANDOM):
        delete_memory(fault_stores, MEMORY)
        process = start(run_workload, fault_addresses, MEMORY, WORKLOAD)
        moment = rng.uniform(0.0, seconds)
        time.sleep(moment)
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        clean.recover(fault_stores, f"after {moment:.3f} s")
