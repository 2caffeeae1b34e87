"""The same work with nothing going wrong, to hold the interrupted one against."""

from faults.dump import Dump, assert_consistent, assert_equal, dump
from faults.workload import Workload, seq_of

from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.outbox.recovery import every_memory, repair


class CleanRun:
    """What a workload leaves when nothing goes wrong, after each of its batches."""

    def __init__(self, stores: Stores, memory: str, workload: Workload) -> None:
        self.memory, self.workload = memory, workload
        delete_memory(stores, memory)
        self.after: dict[int, Dump] = {0: dump(stores, memory)}
        for step in workload.steps():
            step(stores, memory)
            self.after[seq_of(stores, memory)] = dump(stores, memory)
        self.seq = seq_of(stores, memory)
        assert list(self.after) == list(range(self.seq + 1)), "each step makes one batch"
        delete_memory(stores, memory)

    def recover(self, stores: Stores, what: str) -> None:
        """What was accepted is whole after repair; the rest is added as if nothing happened."""
        if self.memory in every_memory(stores):
            repair(stores, self.memory)
        seq = seq_of(stores, self.memory)
        found = dump(stores, self.memory)
        if seq:
            assert_consistent(found)
        assert_equal(found, self.after[seq], what)
        self.finish(stores, what)

    def finish(self, stores: Stores, what: str) -> None:
        """Run it all again: what is missing is added, nothing is doubled."""
        self.workload.run(stores, self.memory)
        assert_equal(dump(stores, self.memory), self.after[self.seq], f"{what}, then finished")
