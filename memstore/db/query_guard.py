"""What a user's Cypher may do: read the graph, and nothing else.

A READ transaction is no boundary: `LOAD CSV`, `SHOW SETTINGS`, `TERMINATE` and procedures such as
`dbms.listConfig` pass it. So the plan that Neo4j makes of a query is looked at before it is run,
and only operators, procedures and functions named here are let through.

Subqueries inside list expressions (`[x IN xs | COLLECT { ... }]`) are planned while the query
runs: the plan shows them as text only, and a `LOAD CSV` in there as no operator. They are refused.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from schema.errors import QueryRefusedError

#: Longest query that is planned at all, in characters.
MAX_QUERY_CHARACTERS: Final = 100_000

#: Operators of Neo4j 5 that read nodes, relationships and indexes, or only compute.
READING: Final = frozenset(
    (files("memstore.db") / "queries" / "reading_operators.txt").read_text(encoding="utf-8").split()
)

PROCEDURES: Final = frozenset(
    {
        "db.labels",
        "db.relationshipTypes",
        "db.propertyKeys",
        "db.schema.visualization",
        "db.schema.nodeTypeProperties",
        "db.schema.relTypeProperties",
    }
)

#: Namespaces of Cypher's own functions; all others belong to plugins.
FUNCTION_NAMESPACES: Final = frozenset(
    {
        *("date", "datetime", "localdatetime", "localtime", "time"),
        *("duration", "point", "vector.similarity"),
    }
)

_NAME: Final = r"(?:`[^`]*`|\w+)"
_FUNCTION: Final = re.compile(rf"({_NAME}(?:\s*\.\s*{_NAME})+)\s*\(")
_HIDDEN: Final = re.compile(r"\b(EXISTS|COUNT|COLLECT)\s*\{|ResolvedCall|LOAD\s+CSV", re.IGNORECASE)
_ADVICE: Final = "`memreward query` lets reads through only"


def check_plan(query_type: str | None, plan: Mapping[str, Any] | None) -> None:
    """Check the plan that EXPLAIN gave for a query.

    Args:
        query_type: "r" for a read.
        plan: the tree of operators, each with `operatorType`, `args` and `children`.

    Raises:
        QueryRefusedError: naming what is not let through.
    """
    if query_type != "r" or plan is None:
        raise QueryRefusedError(
            f"{_ADVICE}: no CREATE, MERGE, SET, DELETE, no schema or administration command"
        )
    for operator in _operators(plan):
        name = operator["operatorType"].partition("@")[0]
        details = str(operator.get("args", {}).get("Details", ""))
        if name not in READING:
            raise QueryRefusedError(f"{_ADVICE}: its plan has the step {name}")
        if name == "ProcedureCall":
            _check_procedure(details)
        else:
            _check_expressions(name, details)


def check_length(cypher: str) -> None:
    """Check that a query may be planned at all.

    Raises:
        QueryRefusedError: if it is too long.
    """
    if len(cypher) > MAX_QUERY_CHARACTERS:
        raise QueryRefusedError(
            f"the query has {len(cypher):,} characters, at most {MAX_QUERY_CHARACTERS:,} are "
            "planned: hand values over as parameters"
        )


def _operators(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every step of a plan."""
    waiting = [plan]
    while waiting:
        operator = waiting.pop()
        waiting.extend(operator.get("children", ()))
        yield operator


def _check_procedure(details: str) -> None:
    name = details.partition("(")[0]
    if name not in PROCEDURES:
        raise QueryRefusedError(f"{_ADVICE}: CALL of {', '.join(sorted(PROCEDURES))}, not {name}")
    _check_expressions("ProcedureCall", details.partition("(")[2])


def _check_expressions(operator: str, details: str) -> None:
    """Look at an operator's expressions; the names of unnamed columns are part of them."""
    if operator != "ProduceResults" and _HIDDEN.search(details):
        raise QueryRefusedError(
            f"{_ADVICE}, and its plan hides a subquery: keep EXISTS, COUNT and COLLECT {{ }} out "
            "of list expressions, and name such a column with AS"
        )
    for found in _FUNCTION.findall(details):
        name = re.sub(r"[`\s]", "", found)
        if name.rpartition(".")[0] not in FUNCTION_NAMESPACES:
            raise QueryRefusedError(f"{_ADVICE}: no function of a plugin such as {name}")
