"""The process for own features: the same numbers, and none lost with it."""

import logging
import os
from collections.abc import Iterator

import numpy as np
import pytest

from gnn.features import OwnTexts, own_row
from gnn.own_process import WORTH_ASKING, OwnProcess

TEXTS: dict[str, OwnTexts] = {
    f"r{n}": (f"What is {n} + 2?", f"{n} + 2 = {n + 2}", f"#### {n + 2}", f"value:{n + 2}")
    for n in range(WORTH_ASKING)
}
two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")


@pytest.fixture
def process() -> Iterator[OwnProcess]:
    own = OwnProcess()
    yield own
    own.close()


@two_cores
def test_it_computes_what_would_be_computed_here(process: OwnProcess) -> None:
    process.ask(TEXTS)
    found = process.take()
    assert set(found) == set(TEXTS)
    for id_, texts in TEXTS.items():
        assert np.array_equal(found[id_], own_row(*texts))
    assert process.take() == {}


@two_cores
def test_what_nobody_took_is_not_taken_for_the_next(process: OwnProcess) -> None:
    process.ask(TEXTS)
    others: dict[str, OwnTexts] = {f"s{n}": ("q", "", f"#### {n}", None) for n in range(40)}
    process.ask(others)
    found = process.take()
    assert set(found) == set(others)
    assert np.array_equal(found["s7"], own_row("q", "", "#### 7", None))


@two_cores
def test_when_it_is_killed_nothing_is_said_and_another_starts(
    process: OwnProcess, caplog: pytest.LogCaptureFixture
) -> None:
    process.ask(TEXTS)
    assert process._process is not None
    process._process.kill()
    process._process.wait()
    with caplog.at_level(logging.WARNING, "memreward.features"):
        process.take()  # It may have answered before.
        process.ask(TEXTS)
        if not process.take():
            process.ask(TEXTS)
            assert set(process.take()) == set(TEXTS)
    assert "the process for features is gone" in caplog.text


def test_few_rollouts_are_not_sent(process: OwnProcess) -> None:
    process.ask({"r0": TEXTS["r0"]})
    assert process.take() == {}
    assert process._process is None
