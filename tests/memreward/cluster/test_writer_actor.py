"""The actor that writes, without Ray: it is a class like any other."""

from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memreward.cluster.writer_actor import WriterActor
from memstore.db.stores import get_memory
from memstore.settings import Settings


def test_it_publishes_what_an_earlier_writer_accepted(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    seq = memory.accept(make_rollouts(4, 2))
    assert get_memory(memory.stores, memory.name).published_seq == 0
    actor = WriterActor([memory.name], server_settings)
    actor.flush()
    assert get_memory(memory.stores, memory.name).published_seq == seq
    actor._publisher.close()
    actor._open.close()
