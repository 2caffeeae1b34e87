from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.changes.labels import add_labels
from memstore.db.stores import Stores
from memstore.reads.label_spend import paid_queries
from schema.ids import query_id, rollout_id
from schema.reward import VerifiedReward


def asked(memory: MemoryUnderTest, question: int) -> str:
    return query_id(memory.name, f"What is {question} + {question}?")


def test_a_memory_that_is_not_there_has_spent_nothing(stores: Stores) -> None:
    assert paid_queries(stores, "nowhere") == {}


def test_a_query_is_counted_once_for_whoever_paid_first(memory: MemoryUnderTest) -> None:
    texts = frozenset({"What is 0 + 0?", "What is 1 + 1?"})
    memory.add(make_rollouts(3), run="one", labelled=texts)
    memory.add(make_rollouts(2), run="two")  # verifies the same queries again
    paid = paid_queries(memory.stores, memory.name)
    assert {id_: (p.run, p.source) for id_, p in paid.items()} == {
        asked(memory, question): ("one", "file") for question in (0, 1)
    }
    late = rollout_id(memory.name, "one", "sum-2", 0, 0)
    reward = VerifiedReward(rollout_id=late, value=1.0, source="ann", run="two")
    add_labels(memory.stores, memory.name, [reward])
    payment = paid_queries(memory.stores, memory.name)[asked(memory, 2)]
    assert (payment.run, payment.source) == ("two", "ann")
