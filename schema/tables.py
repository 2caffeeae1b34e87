"""The tables of a memory in Postgres, column by column: the one declaration of what is stored.

Bulk inserts, Neo4j's properties, archives and snapshots derive from it; a test compares it with
both migrated databases. Columns of input files are in `schema.input_columns`.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from typing import Any, Final

from schema.graph import NodeLabel


class ColumnType(StrEnum):
    """Types of columns, by the names that Postgres gives them."""

    TEXT = "text"
    INTEGER = "int4"
    BIGINT = "int8"
    FLOAT = "float8"
    FLOATS = "float4[]"
    BOOLEAN = "bool"
    VECTOR = "vector"
    TIME = "timestamptz"
    JSON = "json"
    UUID = "uuid"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType
    _: KW_ONLY
    #: Whether it may be null; an archive may lack it then.
    optional: bool = False
    #: Label and property of the node that shows it in Neo4j.
    node: tuple[NodeLabel, str] | None = None
    #: Whether Neo4j is told it by name: it is a key of a node, or belongs to an edge.
    edge: bool = False
    #: Name in the snapshot; `NUMBERS` are several in one.
    snapshot: str | None = None
    #: Whether an archive holds it; what does not is the same for all rows, or is made again.
    archived: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table, in the schema `memreward`."""

    name: str
    #: Name of its file in an archive, and of the statement that tells it to Neo4j.
    archive: str | None = None
    #: What its rows are told apart by within a memory, a generation and a batch.
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    #: Table and column whose values, each with its first batch, are the rows of an archive from
    #: before this table; None: every archive has it.
    made_of: tuple[str, str] | None = None

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: if there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}: declare it in schema/tables.py")

    @property
    def archived(self) -> tuple[Column, ...]:
        """Columns of an archive."""
        return tuple(column for column in self.columns if column.archived)

    @property
    def in_graph(self) -> tuple[Column, ...]:
        """Columns that Neo4j is told."""
        return tuple(column for column in self.columns if column.edge or column.node)

    @property
    def in_snapshot(self) -> tuple[Column, ...]:
        """Columns that a snapshot holds besides id and sequence number."""
        return tuple(column for column in self.columns if column.snapshot)

    def graph_row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A row as Neo4j is told it: edge columns by name, and a map of properties a node.

        The map's name is the label in lower case.
        """
        row: dict[str, Any] = {}
        for column in self.columns:
            if column.edge:
                row[column.name] = values[column.name]
            if column.node is not None:
                label, name = column.node
                row.setdefault(label.lower(), {})[name] = values[column.name]
        return row


#: Numbers of a rollout that a snapshot holds side by side, in the order of their columns.
NUMBERS: Final = "numbers"
_TEXT, _INTEGER, _BIGINT, _FLOAT, _FLOATS, _BOOLEAN, _VECTOR, _TIME, _JSON, _UUID = ColumnType
_RUN, _QUERY, _THINKING = NodeLabel.RUN, NodeLabel.QUERY, NodeLabel.THINKING
_ANSWER, _CONCLUSION = NodeLabel.ANSWER, NodeLabel.CONCLUSION

#: First column of every table: whose row it is.
_MEMORY: Final = Column("memory", _TEXT, archived=False)
#: Batch that brought the row.
_SEQ: Final = Column("seq", _BIGINT)

BATCH: Final = Table(
    name="batch",
    archive="batches",
    key=(),
    columns=(
        _MEMORY,
        _SEQ,
        Column("kind", _TEXT),
        Column("payload", _JSON, optional=True, archived=False),
        Column("accepted_at", _TIME),
        Column("published_at", _TIME, optional=True),
        Column("quarantined_at", _TIME, optional=True, archived=False),
        Column("tries", _INTEGER, archived=False),
        Column("reason", _TEXT, optional=True, archived=False),
        Column("token", _UUID, optional=True, archived=False),
    ),
)
RUN: Final = Table(
    name="run",
    archive="runs",
    key=("name",),
    columns=(
        _MEMORY,
        Column("name", _TEXT, edge=True),
        Column("policy", _TEXT, optional=True, node=(_RUN, "policy")),
        Column("checkpoint", _TEXT, optional=True, node=(_RUN, "checkpoint")),
        _SEQ,
    ),
)
#: Who answers; what a policy gave, and in which step and checkpoint, its edges say.
POLICY: Final = Table(
    name="policy",
    archive="policies",
    key=("name",),
    columns=(_MEMORY, Column("name", _TEXT, edge=True, snapshot="name"), _SEQ),
    made_of=("rollout", "policy"),
)
QUERY: Final = Table(
    name="query",
    archive="queries",
    key=("id",),
    columns=(
        _MEMORY,
        Column("id", _TEXT, edge=True),
        Column("dataset", _TEXT, node=(_QUERY, "dataset"), snapshot="dataset"),
        Column("domain", _TEXT, node=(_QUERY, "domain"), snapshot="domain"),
        Column("embedding", _VECTOR, snapshot="embedding"),
        _SEQ,
        Column("text", _TEXT, node=(_QUERY, "text"), snapshot="text"),
    ),
)
CONCLUSION: Final = Table(
    name="conclusion",
    archive="conclusions",
    key=("id",),
    columns=(
        _MEMORY,
        Column("id", _TEXT, edge=True),
        Column("key", _TEXT, node=(_CONCLUSION, "key"), snapshot="key"),
        _SEQ,
    ),
)
#: A column that has the name of a field of `schema.rollout.Rollout` holds that field.
ROLLOUT: Final = Table(
    name="rollout",
    archive="rollouts",
    key=("id",),
    columns=(
        _MEMORY,
        Column("id", _TEXT, edge=True),
        Column("query_id", _TEXT, edge=True),
        Column("run", _TEXT, edge=True),
        Column("source_query_id", _TEXT, node=(_ANSWER, "source_query_id")),
        Column("step", _INTEGER, node=(_ANSWER, "step"), edge=True, snapshot="step"),
        Column("place", _INTEGER, node=(_ANSWER, "place")),
        Column("content_hash", _TEXT),
        Column("policy", _TEXT, optional=True, node=(_ANSWER, "policy"), snapshot="policy"),
        Column("checkpoint", _TEXT, optional=True, node=(_ANSWER, "checkpoint")),
        Column("conclusion_id", _TEXT, optional=True, edge=True),
        Column(
            "completion_tokens",
            _INTEGER,
            optional=True,
            node=(_ANSWER, "completion_tokens"),
            snapshot=NUMBERS,
        ),
        Column(
            "answer_given",
            _BOOLEAN,
            optional=True,
            node=(_ANSWER, "answer_given"),
            snapshot=NUMBERS,
        ),
        Column("truncated", _BOOLEAN, optional=True, node=(_ANSWER, "truncated"), snapshot=NUMBERS),
        Column("finish_reason", _TEXT, optional=True, node=(_ANSWER, "finish_reason")),
        Column("policy_signals", _FLOATS, optional=True, snapshot=NUMBERS),
        #: A forgotten rollout has none.
        Column("thinking_embedding", _VECTOR, optional=True, snapshot="thinking_embedding"),
        Column("answer_embedding", _VECTOR, optional=True, snapshot="embedding"),
        _SEQ,
        Column("thinking", _TEXT, node=(_THINKING, "text"), snapshot="thinking_text"),
        Column("answer", _TEXT, node=(_ANSWER, "text"), snapshot="text"),
        #: Of a forgotten rollout: the batch that forgot it, what its texts showed, and how long the
        #: thinking was that went.
        Column("forgotten_seq", _BIGINT, optional=True, node=(_THINKING, "forgotten_seq")),
        Column("kept_features", _FLOATS, optional=True),
        Column("thinking_characters", _INTEGER, optional=True, snapshot=NUMBERS),
    ),
)
#: Who verifies: an annotator, a verifier, the input file.
SOURCE: Final = Table(
    name="source",
    archive="sources",
    key=("name",),
    columns=(_MEMORY, Column("name", _TEXT, edge=True, snapshot="name"), _SEQ),
    made_of=("verified_reward", "source"),
)
POLICY_EMBEDDING: Final = Table(
    name="policy_embedding",
    archive="policy_embeddings",
    key=("rollout_id", "policy", "layer"),
    columns=(
        _MEMORY,
        Column("rollout_id", _TEXT),
        Column("policy", _TEXT),
        Column("layer", _TEXT),
        Column("embedding", _VECTOR),
        _SEQ,
    ),
)
VERIFIED_REWARD: Final = Table(
    name="verified_reward",
    archive="verified",
    key=("rollout_id", "source"),
    columns=(
        _MEMORY,
        Column("rollout_id", _TEXT),
        _SEQ,
        Column("source", _TEXT),
        Column("value", _FLOAT),
        Column("run", _TEXT, optional=True),
        Column("at", _TIME),
        #: Of a verdict that was taken over: from which rollout, and whether to be compared only.
        Column("same_as", _TEXT, optional=True),
        Column("audited", _BOOLEAN, optional=True),
    ),
)
PREFERENCE: Final = Table(
    name="preference",
    archive="preferences",
    key=("better", "worse", "annotator"),
    columns=(
        _MEMORY,
        Column("better", _TEXT),
        Column("worse", _TEXT),
        Column("annotator", _TEXT),
        _SEQ,
        Column("at", _TIME),
    ),
)
MODEL: Final = Table(
    name="model",
    archive="models",
    key=("version",),
    columns=(
        _MEMORY,
        Column("version", _TEXT),
        Column("manifest", _JSON),
        _SEQ,
        Column("created_at", _TIME),
    ),
)
PROPAGATED_REWARD: Final = Table(
    name="propagated_reward",
    archive="propagated",
    key=("rollout_id",),
    columns=(
        _MEMORY,
        Column("rollout_id", _TEXT),
        _SEQ,
        Column("value", _FLOAT, optional=True),
        Column("confidence", _FLOAT),
        Column("model", _TEXT),
        Column("at", _TIME),
    ),
)
SIMILAR_TO: Final = Table(
    name="similar_to",
    archive="similar",
    key=("query_id", "neighbour_id"),
    columns=(
        _MEMORY,
        Column("generation", _INTEGER, archived=False),
        Column("query_id", _TEXT, edge=True),
        Column("neighbour_id", _TEXT, edge=True),
        Column("rank", _INTEGER, edge=True),
        Column("score", _FLOAT, edge=True),
        _SEQ,
    ),
)
NEW_EMBEDDING: Final = Table(
    name="new_embedding",
    key=("part", "id"),
    columns=(
        _MEMORY,
        Column("part", _TEXT),
        Column("id", _TEXT),
        Column("encoder", _TEXT),
        Column("embedding", _VECTOR),
    ),
)
NEW_KEY: Final = Table(
    name="new_key",
    key=("rollout_id",),
    columns=(
        _MEMORY,
        Column("rollout_id", _TEXT),
        Column("version", _INTEGER),
        Column("conclusion_id", _TEXT, optional=True),
        Column("key", _TEXT, optional=True),
    ),
)
TO_FORGET: Final = Table(
    name="to_forget",
    key=("rollout_id",),
    columns=(
        _MEMORY,
        Column("rollout_id", _TEXT),
        Column("kept_features", _FLOATS),
        Column("thinking_characters", _INTEGER),
        Column("keeps_thinking", _BOOLEAN),
    ),
)
SHARD: Final = Table(
    name="shard",
    key=("number",),
    columns=(
        _MEMORY,
        Column("number", _INTEGER),
        Column("made", _UUID),
        _SEQ,
        Column("generation", _INTEGER),
        Column("neighbours", _INTEGER),
        Column("incarnation", _UUID, optional=True),
        Column("pair", _UUID),
        Column("address", _TEXT),
        Column("linked_seq", _BIGINT),
    ),
)
DIVIDED_ELSEWHERE: Final = Table(
    name="divided_elsewhere",
    key=(),
    columns=(
        _MEMORY,
        Column("made", _UUID),
        Column("shards", _INTEGER),
        Column("pair", _UUID),
        Column("address", _TEXT),
    ),
)
#: Edges between queries of several shards; they are made anew, so no archive has them.
ACROSS: Final = Table(
    name="across",
    key=("query_id", "neighbour_id"),
    columns=(
        _MEMORY,
        Column("generation", _INTEGER),
        Column("query_id", _TEXT),
        Column("neighbour_id", _TEXT),
        Column("rank", _INTEGER),
        Column("score", _FLOAT),
    ),
)

#: All tables but `memory` itself; what refers to another comes after it.
TABLES: Final[tuple[Table, ...]] = (
    *(BATCH, RUN, POLICY, SOURCE, QUERY, CONCLUSION, ROLLOUT, POLICY_EMBEDDING),
    *(VERIFIED_REWARD, PREFERENCE, MODEL, PROPAGATED_REWARD, SIMILAR_TO),
    *(NEW_EMBEDDING, NEW_KEY, TO_FORGET, SHARD, DIVIDED_ELSEWHERE, ACROSS),
)
#: Tables of which an archive has a file each.
ARCHIVED: Final = tuple(table for table in TABLES if table.archive)
#: Tables of rollouts that Neo4j is told, each by the statement of its archive's name.
IN_GRAPH: Final = tuple(table for table in TABLES if table.in_graph)
