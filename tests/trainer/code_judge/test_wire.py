"""Values cross as plain data, and what is no value is refused."""

from collections import Counter, OrderedDict, deque
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.code_judge.wire import WireError, decode, encode

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner)
    ),
    max_leaves=20,
)


class Colour(IntEnum):
    RED = 3


def refuse(thing: Any) -> Any:
    raise AssertionError(thing)


def crossed(value: Any) -> Any:
    return decode(encode(value, refuse), refuse, refuse)


@given(VALUES)
def test_plain_data_cross(value: Any) -> None:
    assert crossed(value) == value and type(crossed(value)) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5_000, id="5,001 digits"),
        Fraction(1, 3),
        Decimal("1.50"),
        {1, 2},
        frozenset("ab"),
        deque([1]),
        range(3),
        1 + 2j,
        bytearray(b"x"),
        date(2026, 1, 2),
        datetime(2026, 1, 2, 3),
        timedelta(days=1),
        ...,
        float("inf"),
    ],
)
def test_other_built_in_values_cross(value: Any) -> None:
    assert crossed(value) == value and type(crossed(value)) is type(value)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, 3),
        (Counter("aa"), {"a": 2}),
        (OrderedDict(a=1), {"a": 1}),
        (np.float64(0.5), 0.5),
        (np.int32(4), 4),
    ],
)
def test_derived_types_cross_as_their_base(value: Any, plain: Any) -> None:
    assert crossed(value) == plain


def test_arrays_cross() -> None:
    assert np.array_equal(crossed(np.arange(6).reshape(2, 3)), np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    "sent",
    [
        3,
        [1],
        {},
        {"int": 3},
        {"int": "three"},
        {"call": "os.system"},
        {"list": 3},
        {"dict": [[{"list": []}, None]]},
        {"array": ["O", [1], "00", False]},
        {"array": ["<f8", [5], "00", False]},
        {"fraction": ["0x1", "0x0"]},
        {"list": [], "int": "0x1"},
    ],
)
def test_what_is_no_value_is_refused(sent: Any) -> None:
    with pytest.raises(WireError):
        decode(sent, refuse, refuse)


def test_deep_nesting_is_refused() -> None:
    value: list[Any] = []
    for _ in range(300):
        value = [value]
    with pytest.raises(WireError):
        encode(value, refuse)
