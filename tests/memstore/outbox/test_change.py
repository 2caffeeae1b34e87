"""A commit whose answer was lost: every kind of change finds its batch and is made once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from support.forgetting import LENGTHS
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.changes.propagated_rewards import register_model, write_propagated
from memstore.changes.reembedding import reembed
from memstore.changes.rekeying import RekeyReport, rekey
from memstore.changes.run_deletion import delete_run
from memstore.db.stores import get_memory
from memstore.db.vector_store import SqlSession, VectorStore
from memstore.encoders.default import EncodeProgress, Floats
from memstore.forgetting import compact
from memstore.outbox.change import OutboxBatch, begin_change, commit_change
from schema.answers import KEYS_VERSION
from schema.batch import BatchKind
from schema.errors import StoreError, UnreachableError
from schema.ids import rollout_id
from schema.reward import LabelReport, Preference, PropagatedReward, VerifiedReward

Change = Callable[[MemoryUnderTest], object]


def id_of(memory: MemoryUnderTest, place: int) -> str:
    return rollout_id(memory.name, "run-1", "sum-1", 0, place)


def label(memory: MemoryUnderTest) -> LabelReport:
    return add_labels(
        memory.stores,
        memory.name,
        [VerifiedReward(rollout_id=id_of(memory, 0), value=0.25, source="ann")],
        [Preference(better=id_of(memory, 1), worse=id_of(memory, 0), annotator="ann")],
    )


def propagate(memory: MemoryUnderTest) -> None:
    reward = PropagatedReward(rollout_id=id_of(memory, 0), value=0.5, confidence=1.0, model="m")
    write_propagated(memory.stores, memory.name, [reward])


def rekey_old(memory: MemoryUnderTest) -> RekeyReport:
    with memory.stores.vectors.transaction("keys.sql") as session:
        session.run("stamp", memory=memory.name, version=KEYS_VERSION - 1)
    return rekey(memory.stores, memory.name)


class OtherEncoder:
    """Another encoder, of fewer dimensions."""

    name, dimension = "other", 8

    def encode(self, texts: Sequence[str], progress: EncodeProgress | None = None) -> Floats:
        return unit_vector(0, 8)[None].repeat(len(texts), axis=0)


CHANGES: dict[str, tuple[Change, object]] = {
    "ingest": (lambda memory: memory.add([make_rollout(9)]).new, 1),
    "label": (label, LabelReport(rewards=1, preferences=1)),
    "model": (lambda memory: register_model(memory.stores, memory.name, "m2", {}), None),
    "propagate": (propagate, None),
    "link": (lambda memory: memory.link(), 6),
    "delete": (lambda memory: delete_run(memory.stores, memory.name, "run-2"), None),
    "reembed": (lambda memory: reembed(memory.stores, memory.name, OtherEncoder()), 17),
    "compact": (lambda memory: compact(memory.stores, memory.name, 0, LENGTHS), 1),
    "rekey": (rekey_old, RekeyReport(version=KEYS_VERSION, read=7)),
}


@contextmanager
def lost_answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The commit that records a batch goes through, and its writer does not hear of it, once."""
    lost: list[str] = []
    recorded: list[str] = []
    run = SqlSession.run

    def noted(self: SqlSession, name: str, /, **parameters: object) -> int:
        if name == "add_batch":
            recorded.append(name)
        return run(self, name, **parameters)

    def losing(cls: type, method: str) -> None:
        plain = getattr(cls, method)

        @contextmanager
        def wrapped(self: object, *args: object) -> Iterator[object]:
            with plain(self, *args) as opened:
                yield opened
            if recorded and not lost:
                lost.append(method)
                raise UnreachableError("the connection was lost")

        patch.setattr(cls, method, wrapped)

    with monkeypatch.context() as patch:
        patch.setattr(SqlSession, "run", noted)
        losing(VectorStore, "transaction")
        losing(SqlSession, "transaction")
        yield lost


#: Made by migrations only.
OF_MIGRATIONS = {BatchKind.SOURCES}


@pytest.mark.parametrize("kind", [kind.value for kind in BatchKind if kind not in OF_MIGRATIONS])
def test_a_change_is_made_once_though_the_answer_to_its_commit_is_lost(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    memory.add(make_rollouts(3, 2))
    memory.add([make_rollout(1, 2, reward=None)], run="run-2")
    register_model(memory.stores, memory.name, "m", {})
    work, expected = CHANGES[kind]
    seq = get_memory(memory.stores, memory.name).seq
    with lost_answer(monkeypatch) as lost:
        assert work(memory) == expected
    assert len(lost) == 1
    state = get_memory(memory.stores, memory.name)
    assert (state.seq, state.published_seq) == (seq + 1, seq + 1)


def test_a_change_that_writes_nothing_makes_no_batch(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(1))
    begun = begin_change(memory.stores, memory.name)
    commit_change(memory.stores, begun, BatchKind.LABEL, lambda batch: None)
    assert get_memory(memory.stores, memory.name) == begun


def test_a_change_that_fails_takes_no_number(memory: MemoryUnderTest) -> None:
    memory.add(make_rollouts(1))
    begun = begin_change(memory.stores, memory.name)

    def fail(batch: OutboxBatch) -> None:
        assert batch.seq == begun.seq + 1
        raise StoreError("refused")

    with pytest.raises(StoreError, match="refused"):
        commit_change(memory.stores, begun, BatchKind.LABEL, fail)
    assert get_memory(memory.stores, memory.name) == begun
