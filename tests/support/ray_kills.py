"""Kills of Ray's workers, each while something works."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

import psutil


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
