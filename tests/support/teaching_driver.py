"""One small teaching, by itself in a process that kills itself.

python teaching_driver.py FOLDER KILL_AT: it dies by SIGKILL when step KILL_AT is finished.
"""

import os
import signal
import sys
from pathlib import Path

from trainer.runs.grpo import Hook
from trainer.runs.teaching import TeachOptions, teach
from trainer.tasks.worked_examples import Lesson

OPTIONS = TeachOptions(steps=8, batch=2, hidden=16, layers=1, save_every=2)
LESSONS = [Lesson(prompt=f"{n} + {n}?", completion=f"#### {2 * n}") for n in range(30)]


def run(folder: Path, kill_at: int | None = None) -> list[int]:
    """Teach, or go on; the steps that were finished on the way."""
    seen: list[int] = []

    def after(step: int) -> None:
        seen.append(step)
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    teach(LESSONS, folder, OPTIONS, [Hook(every=1, do=after)])
    return seen


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]))
