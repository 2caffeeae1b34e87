"""Node labels, relationship types and the typed edges of the graph: the only ones there are."""

from enum import StrEnum
from typing import Final


class NodeLabel(StrEnum):
    """Labels of nodes in Neo4j."""

    MEMORY = "Memory"
    RUN = "Run"
    QUERY = "Query"
    THINKING = "Thinking"
    ANSWER = "Answer"
    CONCLUSION = "Conclusion"
    MODEL = "Model"


class RelationshipType(StrEnum):
    """Types of relationships in Neo4j."""

    GENERATED = "GENERATED"
    LEADS_TO = "LEADS_TO"
    SIMILAR_TO = "SIMILAR_TO"
    PRODUCED = "PRODUCED"
    CONCLUDES = "CONCLUDES"
    PREFERRED_TO = "PREFERRED_TO"


EdgeType = tuple[str, str, str]

QUERY: Final = "query"
THINKING: Final = "thinking"
ANSWER: Final = "answer"
CONCLUSION: Final = "conclusion"

#: A message over SIMILAR_TO goes from the neighbour to the query that chose it.
SIMILAR: Final[EdgeType] = (QUERY, "similar", QUERY)
GENERATED: Final[EdgeType] = (QUERY, "generated", THINKING)
REV_GENERATED: Final[EdgeType] = (THINKING, "rev_generated", QUERY)
LEADS_TO: Final[EdgeType] = (THINKING, "leads_to", ANSWER)
REV_LEADS_TO: Final[EdgeType] = (ANSWER, "rev_leads_to", THINKING)
CONCLUDES: Final[EdgeType] = (ANSWER, "concludes", CONCLUSION)
REV_CONCLUDES: Final[EdgeType] = (CONCLUSION, "rev_concludes", ANSWER)

EDGE_TYPES: Final[tuple[EdgeType, ...]] = (
    SIMILAR,
    GENERATED,
    REV_GENERATED,
    LEADS_TO,
    REV_LEADS_TO,
    CONCLUDES,
    REV_CONCLUDES,
)
