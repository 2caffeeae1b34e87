"""reasoning-gym: the same arguments make the same task, and what cannot be made is refused."""

import subprocess
import sys

import pytest

from schema.errors import InputError
from trainer.tasks import gym


def test_the_same_arguments_make_the_same_task() -> None:
    first = gym.entry("gcd", {"max_value": 20}, 7, 3)
    gym._data_set.cache_clear()
    assert gym.entry("gcd", {"max_value": 20}, 7, 3) == first
    assert gym.entry("gcd", {"max_value": 20}, 8, 3) != first


def test_the_own_scorer_tells_right_from_wrong() -> None:
    made = gym.entry("products", {"max_digits": 1}, 0, 0)
    assert gym.score("products", {"max_digits": 1}, 0, 0, made.answer) == 1.0
    assert gym.score("products", {"max_digits": 1}, 0, 0, "no idea") == 0.0
    assert 0 < gym.score("products", {"max_digits": 1}, 0, 0, made.answer + " or 9") < 1
    assert gym.score_against("products", "12", "12") == 1.0
    assert gym.score_against("products", "12", "13") == 0.0


def test_an_unknown_family_or_setting_is_refused() -> None:
    with pytest.raises(InputError, match="no task family 'sorcery'"):
        gym.entry("sorcery", {}, 0, 0)
    with pytest.raises(InputError, match="does not take the settings"):
        gym.entry("gcd", {"wanted": 1}, 0, 0)


def test_a_family_that_needs_the_missing_solver_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gym.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="needs pycosat"):
        gym.entry("zebra_puzzles", {}, 0, 0)


def test_the_import_warns_of_nothing_and_leaves_no_stand_in() -> None:
    code = (
        "import importlib.util, sys; real = importlib.util.find_spec('pycosat') is not None;"
        "import trainer.tasks.gym; assert ('pycosat' in sys.modules) == real"
    )
    subprocess.run([sys.executable, "-W", "error", "-B", "-c", code], check=True, timeout=300)
