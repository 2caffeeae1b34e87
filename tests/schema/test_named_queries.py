import pytest

from schema.named_queries import parse_queries

FILE = """A word about the file.

-- name: first
-- What it is for.
SELECT 1;

-- name: second
SELECT 2;
SELECT 3;
"""


def test_queries_are_found_by_name() -> None:
    queries = parse_queries(FILE)
    assert queries == {
        "first": "-- What it is for.\nSELECT 1",
        "second": "SELECT 2;\nSELECT 3",
    }
    assert parse_queries("// name: one\nRETURN 1") == {"one": "RETURN 1"}


def test_a_name_is_given_once() -> None:
    with pytest.raises(KeyError, match="two queries are named first"):
        parse_queries(FILE.replace("second", "first"))
