from typing import Any

import pytest
from rich.console import Console

from memreward.base import bars, progress


@pytest.mark.parametrize("is_terminal", [False, True])
def test_bars_are_drawn_at_a_terminal_only(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[Any]
) -> None:
    console = Console(stderr=True, force_terminal=is_terminal)
    monkeypatch.setattr(progress, "err_console", console)
    with bars() as report:
        report("rows", 1, 2)
        report.adding("export ")("answers", 3)
    assert ("rows" in capsys.readouterr().err) == is_terminal
