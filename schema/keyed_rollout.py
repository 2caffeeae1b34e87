"""A rollout with its ids in one memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schema.answers import conclusion_key
from schema.ids import conclusion_id, content_hash, query_id, rollout_id
from schema.memory_graph import Floats
from schema.rollout import Rollout

#: Query, thinking, answer and domain of a rollout.
Texts = tuple[str, str, str, str]
#: Keys of conclusions by rollout id; None: it says nothing that can be compared.
Keys = Mapping[str, str | None]


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

    @property
    def texts(self) -> Texts:
        """What `conclusion_key` depends on."""
        said = self.rollout
        return said.query, said.thinking, said.answer, said.domain

    def conclusion(self, memory: str, keys: Keys = MappingProxyType({})) -> tuple[str, str] | None:
        """Id and key of what the answer says; None if it says nothing that can be compared.

        `keys` has the keys of some rollouts, by id, computed already.
        """
        key = keys[self.id] if self.id in keys else conclusion_key(*self.texts)
        return None if key is None else (conclusion_id(memory, self.query_id, key), key)

    def ids(self, conclusion: str | None) -> dict[str, str | None]:
        """Ids of its own row and of those that it refers to, by column of the table of rollouts."""
        ids = {"id": self.id, "query_id": self.query_id, "conclusion_id": conclusion}
        return {**ids, "policy": self.rollout.policy}


def prepare(memory: str, run: str, rollout: Rollout) -> PreparedRollout:
    """Give a rollout its ids in `memory`."""
    return PreparedRollout(
        rollout=rollout,
        id=rollout_id(memory, run, rollout.source_query_id, rollout.step, rollout.place),
        query_id=query_id(memory, rollout.query),
        content_hash=content_hash(rollout.query, rollout.thinking, rollout.answer),
    )
