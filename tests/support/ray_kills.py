"""Kills of Ray's workers, each while something works, and files for them to read."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")


def processes(title: str) -> list[psutil.Process]:
    """Those of Ray's workers that are at it."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            found += [one] if " ".join(one.cmdline()).startswith(f"ray::{title}") else []
    return found


def kill_each(kills: Mapping[str, str], over: threading.Event, killed: list[str]) -> None:
    """Kill one process of each kind in turn, as soon as it and its work are seen.

    Args:
        kills: a worker's title, and the title of what must be at work meanwhile; of several kinds
            with one title, all but the first have a word after it.
        over: ends it.
        killed: gets each kind that was killed.
    """
    for victim, work in kills.items():
        while not over.wait(0.005):
            if processes(work) and (found := processes(victim.split()[0])):
                os.kill(found[0].pid, signal.SIGKILL)
                killed.append(victim)
                time.sleep(1)  # Until Ray has seen it.
                break


def killed_meanwhile(kills: Mapping[str, str], work: Callable[[], T]) -> T:
    """What the work made although each of these was killed."""
    over, killed = threading.Event(), list[str]()
    killer = threading.Thread(target=kill_each, args=(kills, over, killed))
    killer.start()
    try:
        made = work()
    finally:
        over.set()
        killer.join()
    assert killed == [*kills]
    return made


def two_files(folder: Path, questions: int, places: int) -> Path:
    """Rows in two files; those of the second count on from the first."""
    rows = [
        {"query": f"What is {n} + {n % 7}?", "completion": f"I add.\n#### {n + place}"}
        | ({"reward": float(place == n % 7)} if n % 3 == 0 else {})
        for n in range(questions)
        for place in range(places)
    ]
    half = len(rows) // 2 + 2
    for name, part in (("a.jsonl", rows[:half]), ("b.jsonl", rows[half:])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in part))
    return folder
