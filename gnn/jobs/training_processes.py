"""Several processes train the members of one model: each on a GPU of its own, if there are GPUs.

No member's training depends on another's, so the processes say nothing to each other, and the model
is the same to the bit, however many they are. Each leaves its members' states in the folder of the
training (`gnn.models.memreward.Course`), from which the model is put together.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final, Self

import torch

from gnn.base import ProgressReport, one_thread
from gnn.checkpoints import load_checkpoint, load_training
from gnn.models.memreward import (
    Course,
    MemrewardConfig,
    MemrewardModel,
    Note,
    PreparedTraining,
)
from schema.errors import TrainingError
from schema.memory_graph import MemoryGraph

#: Each imports what it needs by itself: threads and connections of this one are not taken along.
_PROCESSES: Final = get_context("spawn")
_GPUS: Final = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, kw_only=True)
class SharedTraining:
    """What each of the processes is told."""

    graph: MemoryGraph
    config: MemrewardConfig
    #: Of the course, and its folder.
    note: Note
    folder: Path
    #: Folder of the memory's checkpoints.
    checkpoints: Path

    @property
    def checkpoint(self) -> Path | None:
        """What the members go on from; None: from nothing."""
        return None if self.note.resumed is None else self.checkpoints / self.note.resumed

    def prepared(self) -> PreparedTraining:
        """What its members learn from."""
        optimisers = None if self.checkpoint is None else load_training(self.checkpoint)
        with one_thread():
            return self.model().prepared(self.graph, seed=self.note.seed, optimisers=optimisers)

    def model(self) -> MemrewardModel:
        """The model that learns: a new one, or that of the checkpoint."""
        if self.checkpoint is None:
            return MemrewardModel(self.config)
        model, _ = load_checkpoint(self.checkpoint, encoder=self.graph.encoder)
        assert isinstance(model, MemrewardModel), "only its checkpoints are resumed"
        model.config = self.config
        return model


#: Trains all members of a course that is begun; the course then has each of them done.
TrainMembers = Callable[[SharedTraining, ProgressReport], None]


def train_in_processes(
    training: SharedTraining, progress: ProgressReport, *, processes: int
) -> None:
    """Train all members; the course then has each of them done.

    Args:
        training: with a course that is begun.
        progress: told of each member.
        processes: how many; no more start than there are members.

    Raises:
        TrainingError: if a process died. What it had reached is kept.
    """
    most = training.config.parts * len(training.config.views)
    with _started(training, min(processes, most)) as workers:
        of_pipe = {worker.pipe: worker for worker in workers}
        done, left = 0, None
        while of_pipe:
            for pipe in wait(list(of_pipe)):
                worker = of_pipe[pipe]  # pyright: ignore[reportArgumentType]
                n_members = worker.heard(training)
                left = iter(range(n_members)) if left is None else left
                done += worker.busy
                progress(f"train {MemrewardModel.name}", done, n_members)
                if not worker.go_on(next(left, None)):
                    del of_pipe[worker.pipe]


@dataclass(kw_only=True)
class _Worker:
    """One of the processes, as the first one sees it."""

    process: BaseProcess
    pipe: Connection
    #: Whether it was given a member.
    busy: bool = False

    @classmethod
    def started(cls, training: SharedTraining, gpu: str | None) -> Self:
        """Start it; it prepares, then says how many members there are."""
        here, there = _PROCESSES.Pipe()
        with there:
            process = _PROCESSES.Process(target=_work, args=(there, training, gpu), daemon=True)
            process.start()
        return cls(process=process, pipe=here)

    def heard(self, training: SharedTraining) -> int:
        """How many members there are, as it says when it is ready for one."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            raise TrainingError(
                f"a process that trains {training.graph.memory!r} died, and the terminal shows "
                f"why: `memreward train --memory {training.graph.memory} --resume` continues"
            ) from error

    def go_on(self, member: int | None) -> bool:
        """Give it its next member; False: there is none left."""
        if member is not None:
            self.pipe.send(member)
            self.busy = True
        return member is not None

    def end(self) -> None:
        """Stop it: what it has not kept by now, another training does again."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


@contextmanager
def _started(training: SharedTraining, processes: int) -> Iterator[Sequence[_Worker]]:
    workers: list[_Worker] = []
    try:
        gpus = gpu_names()
        for place in range(processes):
            gpu = gpus[place % len(gpus)] if gpus else None
            workers.append(_Worker.started(training, gpu))
        yield workers
    finally:
        for worker in workers:
            worker.end()


def gpu_names() -> list[str]:
    """The GPUs that this process sees, as `CUDA_VISIBLE_DEVICES` would name them."""
    if not torch.cuda.is_available():
        return []
    named = os.environ.get(_GPUS)
    return named.split(",") if named else [str(i) for i in range(torch.cuda.device_count())]


def _work(pipe: Connection, training: SharedTraining, gpu: str | None) -> None:
    """Train the members whose numbers come, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process, which ends it.
    if gpu is not None:
        os.environ[_GPUS] = gpu
    members: SimpleQueue[int] = SimpleQueue()
    Thread(target=_listen, args=(pipe, members), daemon=True).start()
    course = Course(training.folder, training.note)
    prepared = training.prepared()
    with one_thread():
        while True:
            pipe.send(prepared.n_members)
            number = members.get()
            prepared.train(number, prepared.shown(number), course)


def _listen(pipe: Connection, members: "SimpleQueue[int]") -> None:
    """Take numbers; end this process, in whatever it is, once the other end is closed."""
    while True:
        try:
            members.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)
