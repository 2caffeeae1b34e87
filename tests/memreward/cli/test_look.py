"""`memreward look` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import requests
from support.cli_fixtures import Cli
from support.rollout_factory import make_rollouts
from support.store_fixtures import MemoryUnderTest

from memstore.settings import Settings


def test_from_the_link_to_a_page_and_a_stop(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    memory.add(make_rollouts(3))
    process = subprocess.Popen(
        [sys.executable, "-m", "memreward", "look", "-m", memory.name, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"MEMREWARD_HOME": str(server_settings.home)},
        cwd=Path(__file__).parents[3],
    )
    try:
        assert process.stdout is not None
        found = re.search(r"open (\S+)\n", process.stdout.readline())
        assert found is not None
        with requests.Session() as session:
            shown = session.get(found[1], timeout=60)
        assert shown.status_code == 200 and "run-1" in shown.text
        assert "token" not in shown.url
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    finally:
        process.kill()
        process.wait()


def test_an_unknown_memory_is_refused(cli: Cli, memory_name: str) -> None:
    result = cli("look", "-m", memory_name, "--port", 0)
    assert result.exit_code == 2 and "there is no memory" in result.output
