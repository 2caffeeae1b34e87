"""The one door to reasoning-gym: procedurally generated tasks, and their own scorers.

reasoning-gym is imported here and nowhere else; the import takes seconds, so this module is
imported where it is needed only.
"""

import importlib.util
import json
import sys
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from schema.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

SOLVER: Final = "pycosat"
#: Families whose generator calls the solver.
SOLVER_FAMILIES: Final = frozenset({"zebra_puzzles"})


@contextmanager
def _importable() -> "Iterator[None]":
    """What reasoning-gym's import needs: silence of its dependency, and a module for the solver.

    pycosat has to be compiled and is not among our dependencies; where it is missing, an empty
    module replaces it during the import only.
    """
    stand_in = importlib.util.find_spec(SOLVER) is None
    if stand_in:
        sys.modules[SOLVER] = ModuleType(SOLVER)
    try:
        with warnings.catch_warnings():
            # cellpylib 2.4 compares texts with `is`.
            warnings.filterwarnings("ignore", message='"is" with .*', category=SyntaxWarning)
            yield
    finally:
        if stand_in:
            del sys.modules[SOLVER]


with _importable():
    import reasoning_gym
    from reasoning_gym.factory import DATASETS


@dataclass(frozen=True, kw_only=True, slots=True)
class GymEntry:
    """One generated task."""

    index: int
    question: str
    answer: str


def families() -> list[str]:
    """Names of all task families."""
    return sorted(DATASETS)


def entry(family: str, settings: Mapping[str, Any], seed: int, index: int) -> GymEntry:
    """The task `index` of a family; the same arguments make the same task.

    Raises:
        InputError: if there is no such family or setting, or it needs the solver that is missing.
    """
    raw = _data_set(family, json.dumps(dict(settings), sort_keys=True), seed)[index]
    return GymEntry(index=index, question=raw["question"], answer=str(raw["answer"]))


def score(family: str, settings: Mapping[str, Any], seed: int, index: int, answer: str) -> float:
    """What the family's scorer gives `answer` to a task that is made again, in [0, 1].

    Whatever a scorer raises is handed on: some parse, and a few evaluate, the answer, so this
    belongs in a process of its own.
    """
    data_set = _data_set(family, json.dumps(dict(settings), sort_keys=True), seed)
    return float(data_set.score_answer(answer, data_set[index]))


def score_against(family: str, gold: str, answer: str) -> float:
    """What the family's scorer gives `answer` when nothing but the expected answer is known.

    Raises:
        KeyError: if the scorer needs more than that.
    """
    known = {"answer": gold, "metadata": {}}
    return float(_data_set(family, "{}", 0).score_answer(answer, known))


def require_family(family: str) -> None:
    """Check that there is such a family, and that it can be used here.

    Raises:
        InputError: if not.
    """
    _data_set(family, "{}", 0)


@lru_cache(maxsize=256)
def _data_set(family: str, settings: str, seed: int) -> Any:
    if family not in DATASETS:
        raise InputError(
            f"reasoning-gym has no task family {family!r}: take one of {', '.join(families())}"
        )
    if family in SOLVER_FAMILIES and importlib.util.find_spec(SOLVER) is None:
        raise InputError(
            f"reasoning-gym's {family} needs {SOLVER}, which is not installed: install it, or "
            "leave that family out"
        )
    try:
        return reasoning_gym.create_dataset(family, seed=seed, **json.loads(settings))
    except (TypeError, AssertionError, ValueError) as error:
        raise InputError(
            f"reasoning-gym's {family} does not take the settings {settings}: {error}"
        ) from error
