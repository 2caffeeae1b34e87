import pytest
from support.cli_fixtures import Cli

from memreward.jobs import demo as demo_job
from memstore.db.stores import Stores
from memstore.outbox.deletion import delete_memory
from memstore.settings import Settings


def test_the_demo_runs_and_is_reused(
    cli: Cli, stores: Stores, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_job, "BASELINES", ("constant", "majority"))
    try:
        first = cli("demo")
        assert first.exit_code == 0, first.output
        assert "3152 new" in first.output
        assert "checkpoint memreward-" in first.output
        assert first.output.count("MATCH") >= 3
        assert first.output.rstrip().endswith("memreward stats --memory demo")
        assert (server_settings.home / "reports" / "demo" / "report.html").exists()
        second = cli("demo")
        assert "0 new, 3152 existing" in second.output
        assert "reused" in second.output
    finally:
        delete_memory(stores, demo_job.MEMORY)
