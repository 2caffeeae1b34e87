"""A rollout with its ids in one memory."""

from dataclasses import dataclass

from memstore.conclusion import conclusion_key
from schema.ids import conclusion_id, content_hash, query_id, rollout_id
from schema.memory_graph import Floats
from schema.rollout import Rollout


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedRollout:
    """A validated rollout with its ids; its embeddings are there once it is to be accepted."""

    rollout: Rollout
    id: str
    query_id: str
    content_hash: str

    @property
    def embedding(self) -> Floats:
        """The query's embedding."""
        assert self.rollout.query_embedding is not None
        return self.rollout.query_embedding

    def own_texts(self, memory: str) -> tuple[str, str, str, str | None]:
        """Query, thinking, answer, and the key of what the answer says."""
        said, pair = self.rollout, self.conclusion(memory)
        return said.query, said.thinking, said.answer, None if pair is None else pair[1]

    def conclusion(self, memory: str) -> tuple[str, str] | None:
        """Id and key of what the answer says; None if it says nothing that can be compared."""
        key = conclusion_key(
            self.rollout.query, self.rollout.thinking, self.rollout.answer, self.rollout.domain
        )
        return None if key is None else (conclusion_id(memory, self.query_id, key), key)


def prepare(memory: str, run: str, rollout: Rollout) -> PreparedRollout:
    """Give a rollout its ids in `memory`."""
    return PreparedRollout(
        rollout=rollout,
        id=rollout_id(memory, run, rollout.source_query_id, rollout.step, rollout.place),
        query_id=query_id(memory, rollout.query),
        content_hash=content_hash(rollout.query, rollout.thinking, rollout.answer),
    )
