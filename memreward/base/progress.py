"""Progress bars in one style, on standard error."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from memreward.base.terminal import err_console


class Bars:
    """Progress bars by what they count; a bar appears when it is first told of."""

    def __init__(self, progress: Progress) -> None:
        """Draw on `progress`."""
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """`done` of `total` of `what` are finished; None: the total is not known."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)

    def adding(self, prefix: str = "") -> Callable[[str, int], None]:
        """Bars for those who tell how many more of something are done, not how many in all."""
        done: Counter[str] = Counter()

        def add(what: str, count: int) -> None:
            done[what] += count
            self(prefix + what, done[what], None)

        return add


@contextmanager
def bars() -> Iterator[Bars]:
    """Progress bars on standard error for the length of a block; none in a pipe or a file."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err_console,
        disable=not err_console.is_terminal,
    ) as progress:
        yield Bars(progress)
