"""Errors go from process to process as they are."""

import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.errors import MemrewardError


def errors(kind: type[MemrewardError] = MemrewardError) -> Iterator[type[MemrewardError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from errors(one)


BY_NAME = {kind.__name__: kind for kind in errors()}


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_an_error_comes_back_from_another_process(name: str) -> None:
    kind = BY_NAME[name]
    taken = inspect.signature(kind.__init__).parameters
    named = {"path": Path("rollouts.jsonl")} if "path" in taken else {}
    error = kind("row 3 lacks `query`: give it", **named)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error) == "row 3 lacks `query`: give it"
    assert vars(again) == vars(error)
