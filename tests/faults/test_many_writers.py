"""Eight processes write to one memory at once; what they write overlaps."""

import random
from collections.abc import Callable

import pytest
from faults.dump import assert_consistent, assert_equal, dump
from faults.workload import ingest
from faults.writer import ingest_share, start
from support.rollout_factory import make_rollout

from memstore.changes.relink import link
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory

pytestmark = pytest.mark.faults
MEMORY = "shared"
PROCESSES, PLACES, OVERLAP = 8, 8, 0.3


def shares(rollouts: int, seed: int) -> list[list[tuple[int, int]]]:
    """(question, place) of each process' rollouts: `OVERLAP` of them are everybody's."""
    common = round(rollouts * OVERLAP)
    own = rollouts - common
    every = [(n // PLACES, n % PLACES) for n in range(common + PROCESSES * own)]
    found = [
        every[:common] + every[common + own * process : common + own * (process + 1)]
        for process in range(PROCESSES)
    ]
    for process, share in enumerate(found):
        random.Random(seed * PROCESSES + process).shuffle(share)
    return found


def test_what_many_write_equals_what_one_writes(
    fault_stores: Stores, fault_addresses: Addresses, times: Callable[[int, int], int]
) -> None:
    for run in range(times(1, 3)):
        given = shares(times(60, 2_000), run)
        delete_memory(fault_stores, MEMORY)
        writers = [
            start(ingest_share, fault_addresses, MEMORY, share, place)
            for place, share in enumerate(given)
        ]
        for writer in writers:
            writer.join()
        assert [writer.exitcode for writer in writers] == [0] * PROCESSES
        together = dump(fault_stores, MEMORY)
        assert_consistent(together)
        seqs = [row[0] for row in together["batch"]]
        assert sorted(seqs) == list(range(1, len(seqs) + 1)), "the sequence has a gap"

        delete_memory(fault_stores, MEMORY)
        every = sorted({place for share in given for place in share})
        for first in range(0, len(every), 500):
            ingest(fault_stores, MEMORY, [make_rollout(*p) for p in every[first : first + 500]])
        link(fault_stores, MEMORY)
        alone = dump(fault_stores, MEMORY)
        for table, columns in KEPT.items():
            assert_equal(
                {table: sorted(tuple(row[c] for c in columns) for row in together[table])},
                {table: sorted(tuple(row[c] for c in columns) for row in alone[table])},
                f"run {run}",
            )


#: Table to the columns that do not depend on who came first (sequence numbers do).
KEPT = {
    "query": (0, 1, 2, 3),
    "rollout": (0, 1, 2, 3, 4, 5, 6, 7, 9, 13, 14),
    "verified_reward": (0, 2, 3, 4),
    "similar_to": (1, 2, 3, 4),
}
