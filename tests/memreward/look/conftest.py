"""Pages of these tests wait for what they show, unless a test says otherwise."""

import pytest


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long enough for a model's first import on a busy machine."""
    monkeypatch.setattr("memreward.look.why.PATIENCE_S", 120.0)
    monkeypatch.setattr("memreward.look.groups.PATIENCE_S", 120.0)
