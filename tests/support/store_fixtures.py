"""Fixtures over the real servers: opened stores, and a memory that is gone after the test."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from memstore.changes.batch_writer import IngestReport
from memstore.changes.ingestion import budgeted
from memstore.changes.relink import link
from memstore.changes.rollout_writer import RolloutWriter
from memstore.db.addresses import Addresses
from memstore.db.stores import Stores, open_stores
from memstore.encoders.default import DEFAULT_DIMENSION, DEFAULT_ENCODER, Encoder
from memstore.outbox.accept import accept_rollouts
from memstore.outbox.deletion import delete_memory
from schema.keyed_rollout import prepare
from schema.rollout import Rollout

_numbers = count()


@pytest.fixture(scope="session")
def stores(servers: Addresses) -> Iterator[Stores]:
    with open_stores(servers) as opened:
        yield opened


@dataclass(frozen=True)
class MemoryUnderTest:
    """A memory of its own name in the real stores."""

    stores: Stores
    name: str

    def add(
        self,
        rollouts: list[Rollout],
        run: str = "run-1",
        labelled: frozenset[str] | None = None,
    ) -> IngestReport:
        writer = RolloutWriter(self.stores, self.name, run, Encoder())
        writer.add([budgeted(rollout, labelled) for rollout in rollouts])
        return writer.report

    def accept(self, rollouts: list[Rollout], encoder: str = DEFAULT_ENCODER) -> int | None:
        """Accept without publishing; returns the sequence number."""
        return accept_rollouts(
            self.stores.vectors,
            self.name,
            "run-1",
            [prepare(self.name, "run-1", rollout) for rollout in rollouts],
            encoder=encoder,
            dimension=DEFAULT_DIMENSION,
            incarnation=None,
        ).seq

    def link(self) -> int:
        return link(self.stores, self.name)

    def ask(self, cypher: str, **parameters: object) -> list[dict[str, object]]:
        """Rows of a Cypher query; `$memory` is this memory's name."""
        everything = {"memory": self.name, **parameters}
        return self.stores.graph.query(cypher, everything, 30.0).rows

    def change(self, cypher: str, **parameters: object) -> None:
        """What somebody does by hand in Neo4j."""
        driver = self.stores.graph._driver
        driver.execute_query(cypher, {"memory": self.name, **parameters})  # pyright: ignore


@pytest.fixture
def memory(stores: Stores) -> Iterator[MemoryUnderTest]:
    name = f"test-{next(_numbers)}"
    yield MemoryUnderTest(stores, name)
    delete_memory(stores, name)
