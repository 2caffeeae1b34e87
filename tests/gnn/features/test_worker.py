"""The process that reads texts: the same keys and numbers, and nothing lost with it."""

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gnn.features.assembly import own_row
from gnn.features.worker import WORTH_ASKING, OwnProcess
from schema.answers.conclusion import conclusion_key
from schema.keyed_rollout import Texts

TEXTS: dict[str, Texts] = {
    f"r{n}": (f"What is {n} + 2?", f"{n} + 2 = {n + 2}", f"#### {n + 2}", "math")
    for n in range(WORTH_ASKING)
}
two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")


@pytest.fixture
def process() -> Iterator[OwnProcess]:
    own = OwnProcess()
    yield own
    own.close()


@two_cores
def test_it_reads_what_would_be_read_here(process: OwnProcess) -> None:
    process.ask(TEXTS)
    keys = process.keys()
    assert keys == {id_: conclusion_key(*texts) for id_, texts in TEXTS.items()}
    assert process.keys() == keys  # A transaction that is tried again asks again.
    found = process.features()
    assert set(found) == set(TEXTS)
    for id_, (query, thinking, answer, _) in TEXTS.items():
        assert np.array_equal(found[id_], own_row(query, thinking, answer, keys[id_]))
    assert process.features() == {}
    assert process.keys() == {}


@two_cores
def test_files_where_it_starts_do_not_come_before_ours(
    process: OwnProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gnn", "schema"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not ours')\n")
    monkeypatch.chdir(tmp_path)
    process.ask(TEXTS)
    assert len(process.keys()) == len(TEXTS)


@two_cores
@pytest.mark.parametrize("asked_for_keys", [False, True])
def test_what_nobody_took_is_not_taken_for_the_next(
    process: OwnProcess, asked_for_keys: bool
) -> None:
    process.ask(TEXTS)
    if asked_for_keys:
        process.keys()
    others: dict[str, Texts] = {f"s{n}": ("q", "", f"#### {n}", "math") for n in range(40)}
    process.ask(others)
    assert process.keys()["s7"] == "value:7"
    assert np.array_equal(process.features()["s7"], own_row("q", "", "#### 7", "value:7"))


@two_cores
@pytest.mark.parametrize("asked_for_keys", [False, True])
def test_when_it_is_killed_nothing_is_said_and_another_starts(
    process: OwnProcess, caplog: pytest.LogCaptureFixture, asked_for_keys: bool
) -> None:
    process.ask(TEXTS)
    process.features()
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGSTOP)
    process.ask(TEXTS)
    process._process.kill()
    with caplog.at_level(logging.WARNING, "memreward.features"):
        if asked_for_keys:
            assert process.keys() == {}
        assert process.features() == {}
    assert "the process that reads texts is gone" in caplog.text
    process.ask(TEXTS)
    assert set(process.features()) == set(TEXTS)


def test_few_rollouts_are_not_sent(process: OwnProcess) -> None:
    process.ask({"r0": TEXTS["r0"]})
    assert process.features() == {}
    assert process._process is None
