"""Whose files rows may be from: found by their columns, and never taken for granted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from memstore.mapping.presets import Preset, list_presets

#: Columns of questions, and of what is expected, in files of tasks.
_QUESTIONS: Final = frozenset(("question", "problem", "prompt", "query", "instruction", "input"))
_EXPECTED: Final = frozenset(
    ("answer", "solution", "target", "gold", "ground_truth", "expected_answer", "reward_model")
)


def fitting_presets(rows: Sequence[dict[str, Any]]) -> list[Preset]:
    """Presets that all rows fit, those that ask for most first."""
    found = [preset for preset in list_presets() if rows and all(preset.fits(row) for row in rows)]
    return sorted(found, key=lambda preset: (-len(preset.signature), preset.name))


def is_task_file(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows are questions with expected answers, which no policy has answered yet."""
    names = {name for row in rows for name in row}
    return bool(names & _QUESTIONS and names & _EXPECTED)
