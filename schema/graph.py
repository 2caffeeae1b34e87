"""Node labels, relationship types and the typed edges of the graph: the only ones there are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray


class NodeLabel(StrEnum):
    """Labels of nodes in Neo4j."""

    MEMORY = "Memory"
    RUN = "Run"
    QUERY = "Query"
    THINKING = "Thinking"
    ANSWER = "Answer"
    CONCLUSION = "Conclusion"
    MODEL = "Model"
    POLICY = "Policy"
    SOURCE = "Source"


class RelationshipType(StrEnum):
    """Types of relationships in Neo4j."""

    GENERATED = "GENERATED"
    LEADS_TO = "LEADS_TO"
    SIMILAR_TO = "SIMILAR_TO"
    PRODUCED = "PRODUCED"
    CONCLUDES = "CONCLUDES"
    PREFERRED_TO = "PREFERRED_TO"
    GAVE = "GAVE"
    VERIFIED = "VERIFIED"


EdgeType = tuple[str, str, str]

QUERY: Final = "query"
THINKING: Final = "thinking"
ANSWER: Final = "answer"
CONCLUSION: Final = "conclusion"
POLICY: Final = "policy"
#: No message comes from a source: who verified an answer tells that it is labelled.
SOURCE: Final = "source"

#: A message over SIMILAR_TO goes from the neighbour to the query that chose it.
SIMILAR: Final[EdgeType] = (QUERY, "similar", QUERY)
GENERATED: Final[EdgeType] = (QUERY, "generated", THINKING)
REV_GENERATED: Final[EdgeType] = (THINKING, "rev_generated", QUERY)
LEADS_TO: Final[EdgeType] = (THINKING, "leads_to", ANSWER)
REV_LEADS_TO: Final[EdgeType] = (ANSWER, "rev_leads_to", THINKING)
CONCLUDES: Final[EdgeType] = (ANSWER, "concludes", CONCLUSION)
REV_CONCLUDES: Final[EdgeType] = (CONCLUSION, "rev_concludes", ANSWER)
GAVE: Final[EdgeType] = (POLICY, "gave", ANSWER)
REV_GAVE: Final[EdgeType] = (ANSWER, "rev_gave", POLICY)


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeSpec:
    """One type of message: which relationship of Neo4j carries it, and in which direction."""

    #: Sender's node type, name, receiver's node type. The reverse of `name` is `rev_name`.
    triple: EdgeType
    neo4j: RelationshipType
    #: Node types where the relationship starts and ends, as it is stored.
    ends: tuple[str, str]
    #: Which of the two sends the message.
    message_from: Literal["start", "end"]
    #: Columns of a rollout's row (`schema.tables.ROLLOUT`) with the ids of both ends, where edges
    #: arrive with rollouts; if one of the two is null, there is no edge.
    columns: tuple[str, str] | None = None
    #: Whether the receiver is one of few nodes that all of a memory hangs on, as a policy is.
    into_hub: bool = False

    @property
    def stored_name(self) -> str:
        """Name of the stored edges, for both directions: files and queries are called by it."""
        return self.triple[1].removeprefix("rev_")

    @property
    def array(self) -> str:
        """Field of `schema.memory_graph.MemoryGraph` that holds the stored edges."""
        return f"{self.stored_name}_2E"

    def messages(self, ends_2E: NDArray[np.int64]) -> NDArray[np.int64]:
        """Senders and receivers, [2, E], of stored edges from row 0 to row 1."""
        return ends_2E if self.message_from == "start" else ends_2E[::-1]


def _both_ways(
    forward: EdgeType,
    backward: EdgeType,
    neo4j: RelationshipType,
    columns: tuple[str, str],
    *,
    from_hub: bool = False,
) -> tuple[EdgeSpec, EdgeSpec]:
    ends = (forward[0], forward[2])
    there = EdgeSpec(triple=forward, neo4j=neo4j, ends=ends, message_from="start", columns=columns)
    return there, replace(there, triple=backward, message_from="end", into_hub=from_hub)


#: Every edge type of the graph that models read. Loaders, samplers and snapshots follow it.
EDGE_SPECS: Final[tuple[EdgeSpec, ...]] = (
    EdgeSpec(
        triple=SIMILAR,
        neo4j=RelationshipType.SIMILAR_TO,
        ends=(QUERY, QUERY),
        message_from="end",
    ),
    *_both_ways(GENERATED, REV_GENERATED, RelationshipType.GENERATED, ("query_id", "id")),
    *_both_ways(LEADS_TO, REV_LEADS_TO, RelationshipType.LEADS_TO, ("id", "id")),
    *_both_ways(CONCLUDES, REV_CONCLUDES, RelationshipType.CONCLUDES, ("id", "conclusion_id")),
    *_both_ways(GAVE, REV_GAVE, RelationshipType.GAVE, ("policy", "id"), from_hub=True),
)
EDGE_TYPES: Final[tuple[EdgeType, ...]] = tuple(spec.triple for spec in EDGE_SPECS)
#: Stored edges by name, one entry for both directions.
STORED_EDGES: Final[Mapping[str, EdgeSpec]] = {spec.stored_name: spec for spec in EDGE_SPECS}
