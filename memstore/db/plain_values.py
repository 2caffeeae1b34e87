"""What Neo4j answers with, as values that JSON has: nodes, relationships and paths, too.

The driver's classes are known by their attributes, since the driver is imported elsewhere.
"""

from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """`value` with nodes, relationships and paths as dictionaries, at any depth."""
    if hasattr(value, "labels"):
        return {
            "element_id": value.element_id,
            "labels": sorted(value.labels),
            "properties": _properties(value),
        }
    if hasattr(value, "start_node") and hasattr(value, "type"):
        return {
            "element_id": value.element_id,
            "type": value.type,
            "start": value.start_node.element_id,
            "end": value.end_node.element_id,
            "properties": _properties(value),
        }
    if hasattr(value, "relationships"):
        return {"nodes": plain(value.nodes), "relationships": plain(value.relationships)}
    if isinstance(value, Mapping):
        return _properties(value)
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _properties(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(item) for name, item in value.items()}
