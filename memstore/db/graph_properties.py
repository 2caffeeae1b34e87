"""The properties of nodes and relationships in Neo4j: what they are and what they mean.

docs/graph.md shows them (`python scripts/graph_page`); a test compares them with a live database.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Final

from schema import tables
from schema.graph import NodeLabel, RelationshipType
from schema.tables import Column, ColumnType


@dataclass(frozen=True, slots=True)
class Property:
    """One property of a node or relationship."""

    name: str
    #: As Cypher's `valueType` names it.
    type: str
    meaning: str
    _: KW_ONLY
    #: Whether there are nodes or relationships without it.
    optional: bool = False


_TEXT, _INTEGER, _FLOAT, _BOOLEAN = "STRING", "INTEGER", "FLOAT", "BOOLEAN"
_TIME: Final = "ZONED DATETIME"
_CYPHER_TYPES: Final[Mapping[ColumnType, str]] = {
    ColumnType.TEXT: _TEXT,
    ColumnType.INTEGER: _INTEGER,
    ColumnType.BIGINT: _INTEGER,
    ColumnType.FLOAT: _FLOAT,
    ColumnType.BOOLEAN: _BOOLEAN,
}

#: What those properties mean that are columns of Postgres, too (`schema.tables`).
_MEANINGS: Final[Mapping[tuple[NodeLabel, str], str]] = {
    (NodeLabel.RUN, "policy"): "policy of the run's first rollouts",
    (NodeLabel.RUN, "checkpoint"): "its checkpoint then",
    (NodeLabel.QUERY, "text"): "what the policy was asked",
    (NodeLabel.QUERY, "dataset"): "where the query is from",
    (NodeLabel.QUERY, "domain"): "kind of question: `math`, `code`, `options`, ...",
    (NodeLabel.THINKING, "text"): "what came before the answer; may be empty",
    (NodeLabel.THINKING, "forgotten_seq"): "batch that forgot it (`memreward compact`)",
    (NodeLabel.ANSWER, "text"): "the answer",
    (NodeLabel.ANSWER, "source_query_id"): "the query's name in the input: `query_id` of its row",
    (NodeLabel.ANSWER, "step"): "step of the training",
    (NodeLabel.ANSWER, "place"): "number in its group: `rollout` of its row",
    (NodeLabel.ANSWER, "policy"): "who answered",
    (NodeLabel.ANSWER, "checkpoint"): "in which checkpoint",
    (NodeLabel.ANSWER, "completion_tokens"): "length of thinking and answer",
    (NodeLabel.ANSWER, "answer_given"): "whether thinking and answer came divided",
    (NodeLabel.ANSWER, "truncated"): "whether it was cut off at the limit of tokens",
    (NodeLabel.ANSWER, "finish_reason"): "why it ended, as its sampler says",
    (NodeLabel.CONCLUSION, "key"): "what the answers say, in one form",
}

_MEMORY: Final = Property("memory", _TEXT, "name of the memory")
_SEQ: Final = Property("seq", _INTEGER, "batch that brought it")
_ID: Final = Property("id", _TEXT, "hash, unique in the memory")


def _named(meaning: str) -> Property:
    return Property("id", _TEXT, meaning)


def _columns(label: NodeLabel) -> tuple[Property, ...]:
    """The properties that are columns of tables, in their order."""
    return tuple(
        _property(label, column.node[1], column)
        for table in tables.TABLES
        for column in table.columns
        if column.node is not None and column.node[0] is label
    )


def _property(label: NodeLabel, name: str, column: Column) -> Property:
    meaning = _MEANINGS[label, name]
    return Property(name, _CYPHER_TYPES[column.type], meaning, optional=column.optional)


_REWARDS: Final = (
    Property("verified_reward", _FLOAT, "the verified reward, 0 to 1", optional=True),
    Property("verified_source", _TEXT, "who gave it", optional=True),
    Property("verified_run", _TEXT, "in which run", optional=True),
    Property("verified_at", _TIME, "when", optional=True),
    Property("verified_sources", _INTEGER, "how many sources spoke of it", optional=True),
    Property("verified_spread", _FLOAT, "how far apart they are", optional=True),
    Property(
        "propagated_reward",
        _FLOAT,
        "probability that it is right; none where the model has no opinion",
        optional=True,
    ),
    Property("propagated_confidence", _FLOAT, "0 to 1", optional=True),
    Property("propagated_model", _TEXT, "`id` of the `Model` that said it", optional=True),
    Property("propagated_at", _TIME, "when", optional=True),
)

#: Every property of every label. A `Model` has the plain values of its manifest as well.
NODE_PROPERTIES: Final[Mapping[NodeLabel, tuple[Property, ...]]] = {
    NodeLabel.MEMORY: (
        _MEMORY,
        Property("seq", _INTEGER, "last batch that is visible"),
        Property("generation", _INTEGER, "of the `SIMILAR_TO` edges that count"),
        Property("incarnation", _TEXT, "tells it from an earlier memory of this name"),
    ),
    NodeLabel.QUERY: (_MEMORY, _ID, *_columns(NodeLabel.QUERY), _SEQ),
    NodeLabel.THINKING: (
        *(_MEMORY, _named("that of its `Answer`")),
        *_columns(NodeLabel.THINKING),
        _SEQ,
    ),
    NodeLabel.ANSWER: (
        *(_MEMORY, _named("hash, the rollout's id")),
        *_columns(NodeLabel.ANSWER),
        *_REWARDS,
        _SEQ,
    ),
    NodeLabel.CONCLUSION: (_MEMORY, _ID, *_columns(NodeLabel.CONCLUSION), _SEQ),
    NodeLabel.RUN: (_MEMORY, _named("name of the run"), *_columns(NodeLabel.RUN), _SEQ),
    NodeLabel.POLICY: (_MEMORY, _named("name of the policy"), _SEQ),
    NodeLabel.SOURCE: (
        *(_MEMORY, _named("who verifies: a person, a verifier, or `file`, the input itself")),
        _SEQ,
    ),
    NodeLabel.MODEL: (_MEMORY, _named("version of the checkpoint"), _SEQ),
}

#: Every property of every type of relationship.
EDGE_PROPERTIES: Final[Mapping[RelationshipType, tuple[Property, ...]]] = {
    RelationshipType.GENERATED: (_SEQ,),
    RelationshipType.LEADS_TO: (_SEQ,),
    RelationshipType.CONCLUDES: (_SEQ,),
    RelationshipType.PRODUCED: (Property("step", _INTEGER, "step of the training"), _SEQ),
    RelationshipType.GAVE: (
        Property("step", _INTEGER, "step of the training"),
        Property("checkpoint", _TEXT, "of the policy", optional=True),
        _SEQ,
    ),
    RelationshipType.VERIFIED: (
        Property("reward", _FLOAT, "what the source said last"),
        Property("run", _TEXT, "in which run", optional=True),
        Property("at", _TIME, "when"),
        Property(
            "same_as", _TEXT, "`id` of the answer from which it was taken over", optional=True
        ),
        Property("seq", _INTEGER, "batch in which the source first spoke of it"),
    ),
    RelationshipType.SIMILAR_TO: (
        _MEMORY,
        Property("generation", _INTEGER, "only those of the `Memory`'s generation count"),
        Property("score", _FLOAT, "cosine of the two texts' embeddings"),
        Property("rank", _INTEGER, "0 for the nearest"),
        Property("encoder", _TEXT, "what made the embeddings"),
        _SEQ,
    ),
    RelationshipType.PREFERRED_TO: (
        _MEMORY,
        Property("annotator", _TEXT, "who prefers it"),
        Property("at", _TIME, "when"),
        _SEQ,
    ),
}

#: Where each relationship starts and ends.
EDGE_ENDS: Final[Mapping[RelationshipType, tuple[NodeLabel, NodeLabel]]] = {
    RelationshipType.GENERATED: (NodeLabel.QUERY, NodeLabel.THINKING),
    RelationshipType.LEADS_TO: (NodeLabel.THINKING, NodeLabel.ANSWER),
    RelationshipType.CONCLUDES: (NodeLabel.ANSWER, NodeLabel.CONCLUSION),
    RelationshipType.PRODUCED: (NodeLabel.RUN, NodeLabel.ANSWER),
    RelationshipType.GAVE: (NodeLabel.POLICY, NodeLabel.ANSWER),
    RelationshipType.VERIFIED: (NodeLabel.SOURCE, NodeLabel.ANSWER),
    RelationshipType.SIMILAR_TO: (NodeLabel.QUERY, NodeLabel.QUERY),
    RelationshipType.PREFERRED_TO: (NodeLabel.ANSWER, NodeLabel.ANSWER),
}
