"""Any order of ingest, crash, repair, label, link, delete and read, against a plain model."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from faults.failpoints import armed
from faults.workload import NoEncoder, ingest, seq_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from support.rollout_factory import make_rollout

from memstore.changes.relink import link
from memstore.db.stores import Stores, get_memory
from memstore.outbox.accept import accept_rollouts
from memstore.outbox.deletion import delete_memory
from memstore.outbox.publication import publish
from memstore.outbox.recovery import every_memory, repair
from memstore.reads.full_graph import read_graph
from schema.errors import UnknownMemoryError
from schema.ids import query_id, rollout_id
from schema.keyed_rollout import prepare
from schema.rollout import Rollout

pytestmark = pytest.mark.faults
NEIGHBOURS = 7
_names = itertools.count()
#: (question, place); few, so that they come again.
PLACES = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=12, unique=True
)
RUNS = st.sampled_from(["run-1", "run-2"])


class Crash(BaseException):
    """The process ends here: nothing but the databases' own clean-up runs."""


@dataclass
class Model:
    """What a memory should hold; all that is accepted, in order."""

    #: Rollout id to its reward (None: none yet).
    rewards: dict[str, float | None] = field(default_factory=dict)
    #: Rollout id to its query's number.
    question: dict[str, int] = field(default_factory=dict)
    #: Question number to its neighbours' numbers.
    neighbours: dict[int, set[int]] = field(default_factory=dict)

    def ingest(self, rollouts: list[tuple[str, int, Rollout, bool]]) -> bool:
        """Add (id, question, rollout, labelled); returns whether anything changed."""
        before = dict(self.rewards)
        for id_, question, rollout, labelled in rollouts:
            reward = rollout.reward if labelled else self.rewards.get(id_)
            self.rewards[id_], self.question[id_] = reward, question
        for question in {question for _, question, _, _ in rollouts} - self.neighbours.keys():
            self.neighbours[question] = set()
            self._fresh.add(question)
        for question in self._fresh:
            self.neighbours[question] = self.nearest(question)
        self._fresh.clear()
        return self.rewards != before

    _fresh: set[int] = field(default_factory=set)

    def link(self) -> None:
        for question in self.neighbours:
            self.neighbours[question] = self.nearest(question)

    def nearest(self, question: int) -> set[int]:
        others = sorted(self.neighbours.keys() - {question})
        cosine = [float(direction(question) @ direction(other)) for other in others]
        order = sorted(range(len(others)), key=lambda place: -cosine[place])
        return {others[place] for place in order[:NEIGHBOURS]}


def direction(question: int) -> np.ndarray:
    vector = make_rollout(question).query_embedding
    assert vector is not None
    return vector.astype(np.float64) / np.linalg.norm(vector.astype(np.float64))


class MemoryMachine(RuleBasedStateMachine):
    """One memory; `stores` is set by the test."""

    stores: Stores

    @initialize()
    def begin(self) -> None:
        self.memory = f"machine-{next(_names)}"
        self.model = Model()

    def teardown(self) -> None:
        delete_memory(self.stores, self.memory)

    def chosen(
        self, places: list[tuple[int, int]], run: str, labelled: bool
    ) -> list[tuple[str, int, Rollout, bool]]:
        found = []
        for question, place in places:
            rollout = make_rollout(question, place)
            id_ = rollout_id(self.memory, run, rollout.source_query_id, 0, place)
            found.append((id_, question, rollout, labelled))
        return found

    def crashing(self, at: int, work: Callable[[], object]) -> None:
        """Do the work up to the `at`-th point of the protocol; the model learns what was kept."""
        counter = itertools.count()

        def strike(point: str) -> None:
            if next(counter) == at:
                raise Crash(point)

        try:
            with armed(strike):
                work()
        except Crash:
            pass

    @rule(places=PLACES, run=RUNS, labelled=st.booleans())
    def ingest(self, places: list[tuple[int, int]], run: str, labelled: bool) -> None:
        rollouts = self.chosen(places, run, labelled)
        only = None if labelled else frozenset[str]()
        known = sum(id_ in self.model.rewards for id_, *_ in rollouts)
        report = ingest(
            self.stores, self.memory, [r for _, _, r, _ in rollouts], run, labelled=only
        )
        assert (report.new, report.existing) == (len(rollouts) - known, known)
        self.model.ingest(rollouts)

    @rule(places=PLACES, run=RUNS, labelled=st.booleans(), at=st.integers(0, 60))
    def crash_while_ingesting(
        self, places: list[tuple[int, int]], run: str, labelled: bool, at: int
    ) -> None:
        rollouts = self.chosen(places, run, labelled)
        only = None if labelled else frozenset[str]()
        seq = seq_of(self.stores, self.memory)
        self.crashing(
            at,
            lambda: ingest(
                self.stores, self.memory, [r for _, _, r, _ in rollouts], run, labelled=only
            ),
        )
        if seq_of(self.stores, self.memory) > seq:
            assert self.model.ingest(rollouts)

    @rule(places=PLACES, run=RUNS)
    def accept_and_crash(self, places: list[tuple[int, int]], run: str) -> None:
        rollouts = self.chosen(places, run, True)
        seq = accept_rollouts(
            self.stores.vectors,
            self.memory,
            run,
            [prepare(self.memory, run, rollout) for _, _, rollout, _ in rollouts],
            encoder=NoEncoder.name,
            dimension=NoEncoder.dimension,
            incarnation=None,
        ).seq
        assert self.model.ingest(rollouts) == (seq is not None)

    @precondition(lambda self: self.model.rewards)
    @rule(at=st.integers(0, 30))
    def crash_while_publishing(self, at: int) -> None:
        self.crashing(at, lambda: publish(self.stores, self.memory))

    @precondition(lambda self: self.model.rewards)
    @rule()
    def repair(self) -> None:
        repair(self.stores, self.memory)

    @precondition(lambda self: self.model.rewards)
    @rule()
    def link(self) -> None:
        link(self.stores, self.memory)
        self.model.link()

    @precondition(lambda self: self.model.rewards)
    @rule(at=st.integers(0, 60))
    def crash_while_linking(self, at: int) -> None:
        seq = seq_of(self.stores, self.memory)
        self.crashing(at, lambda: link(self.stores, self.memory))
        if seq_of(self.stores, self.memory) > seq:
            self.model.link()

    @rule()
    def delete(self) -> None:
        delete_memory(self.stores, self.memory)
        self.model = Model()

    @precondition(lambda self: self.model.rewards)
    @rule(at=st.integers(0, 60))
    def crash_while_deleting(self, at: int) -> None:
        self.crashing(at, lambda: delete_memory(self.stores, self.memory))
        if self.memory in every_memory(self.stores):
            if repair(self.stores, self.memory).deleted:
                self.model = Model()
        else:
            self.model = Model()

    @invariant()
    def published_is_accepted(self) -> None:
        """Ids in Neo4j are among those in Postgres."""
        asked = "MATCH (a:Answer {memory: $memory}) RETURN a.id AS id"
        rows = self.stores.graph.query(asked, {"memory": self.memory}, 30.0).rows
        assert {row["id"] for row in rows} <= self.model.rewards.keys()

    @rule()
    def read(self) -> None:
        if not self.model.rewards:
            with pytest.raises(UnknownMemoryError):
                get_memory(self.stores, self.memory)
            return
        publish(self.stores, self.memory)
        graph = read_graph(self.stores, self.memory)
        assert set(graph.rollout_id_R) == self.model.rewards.keys()
        found = dict(zip(graph.rollout_id_R, graph.verified_R.tolist(), strict=True))
        for id_, reward in self.model.rewards.items():
            np.testing.assert_equal(found[id_], np.nan if reward is None else reward)
        number = {query_id(self.memory, make_rollout(n).query): n for n in self.model.neighbours}
        assert set(graph.query_id_Q) == number.keys()
        for row, query in zip(graph.rollout_id_R, graph.query_of_rollout_R, strict=True):
            assert number[graph.query_id_Q[query]] == self.model.question[row]
        edges = {question: set[int]() for question in self.model.neighbours}
        for source, target in graph.similar_2E.T:
            edges[number[graph.query_id_Q[source]]].add(number[graph.query_id_Q[target]])
        assert edges == self.model.neighbours


def test_a_memory_behaves_like_the_model(
    fault_stores: Stores, times: Callable[[int, int], int]
) -> None:
    MemoryMachine.stores = fault_stores
    run_state_machine_as_test(
        MemoryMachine,
        settings=settings(
            max_examples=times(5, 200),
            stateful_step_count=times(20, 50),
            database=None,
            derandomize=True,
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
        ),
    )
