"""Paths lead to values in nested rows, or nowhere."""

from typing import Any

import pytest

from memstore.mapping.value_path import MISSING, Source, ValuePath
from schema.errors import InputError

ROW: dict[str, Any] = {
    "a": {"b": [{"c": 1}, {"c": 2}, {}], "n": None},
    "t": "text",
    "a.b": "a name with a dot",
    "r[0]": "a name with an index",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("t", "text"),
        ("a.b[0].c", 1),
        ("a.b[-2].c", 2),
        ("a.b[3].c", MISSING),
        ("a.b[2].c", MISSING),
        ("a.x", MISSING),
        ("t.x", MISSING),
        ("t[0]", MISSING),
        ("a.n", None),
        ("a.b", "a name with a dot"),
        ("r[0]", "a name with an index"),
        ("a.b[].c", [1, 2, MISSING]),
        ("a.n[]", None),
        ("x[].y", MISSING),
    ],
)
def test_a_path_leads_to_a_value(path: str, value: Any) -> None:
    assert ValuePath.parse(path).of(ROW) == value


@pytest.mark.parametrize("text", ["", ".a", "[0]", "a[", "a]", "a[x]", "a..b", "a[][]", "a b["])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no path"):
        ValuePath.parse(text)


def test_each_element_of_what_is_no_list_is_refused() -> None:
    with pytest.raises(InputError, match="a text stands there, not a list"):
        ValuePath.parse("t[]").of(ROW)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'our policy'", "our policy"),
        ('"x|y"', "x|y"),
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ("x|a.n|t", "text"),
        ("x|a.n", None),
        ("x|y", MISSING),
        ("a.b[].d|a.b[].c", [1, 2, MISSING]),
    ],
)
def test_a_source_is_a_constant_or_the_first_path_with_a_value(text: str, value: Any) -> None:
    assert Source.parse(text).of(ROW) == value
