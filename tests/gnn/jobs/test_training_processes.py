"""Several processes train one model: the same to the bit, and nothing is lost if one dies."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import psutil
import pytest
import torch
from support.graph_factory import labelled, make_graph

from gnn.base import no_progress
from gnn.checkpoints.loading import load_training
from gnn.checkpoints.saving import save_checkpoint
from gnn.jobs import training_processes
from gnn.jobs.training_processes import SharedTraining, train_in_processes
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from gnn.models.memreward.training_state import Course, Note
from schema.errors import TrainingError
from schema.memory_graph import MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=4, queries_a_batch=16)
)
NOTE = Note(learns_from="this", seed=3, resumed=None)


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    found, truth_R = make_graph(60, 6, signals=True, policy_dimension=4)
    return labelled(found, truth_R)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def begun(graph: MemoryGraph, folder: Path, note: Note = NOTE) -> tuple[SharedTraining, Course]:
    training = SharedTraining(
        graph=graph, config=SMALL, note=note, folder=folder / "c", checkpoints=folder
    )
    return training, Course(training.folder, note)


def trained_earlier(graph: MemoryGraph, folder: Path) -> None:
    model = MemrewardModel(SMALL)
    report = model.fit(graph, seed=0)
    save_checkpoint(folder, model, graph, report, seed=0, training=model.training_state())


@pytest.mark.parametrize("resumed", [False, True])
def test_the_model_is_that_of_one_process(
    graph: MemoryGraph, tmp_path: Path, resumed: bool
) -> None:
    trained_earlier(graph, tmp_path / "earlier")
    note = replace(NOTE, resumed="earlier" if resumed else None)
    training, course = begun(graph, tmp_path, note)
    told: list[tuple[int, int]] = []

    def tell(what: str, done: int, total: int) -> None:
        told.append((done, total))

    train_in_processes(training, tell, processes=2)
    assert told[-1] == (4, 4)
    states = [course.state(member) for member in range(4)]
    assert all(state is not None and state.done for state in states)
    shared, alone = training.model(), training.model()
    reports = [
        model.fit(graph, seed=3, course=kept)
        if training.checkpoint is None
        else model.resume(graph, optimisers=load_training(training.checkpoint), seed=3, course=kept)
        for model, kept in ((shared, course), (alone, None))
    ]
    assert reports[0].metrics == reports[1].metrics
    assert shared.state()[1] == alone.state()[1]
    weights = alone.state()[0] | alone.training_state()
    for key, tensor in (shared.state()[0] | shared.training_state()).items():
        assert torch.equal(tensor, weights[key]), key


def test_a_process_that_dies_is_told_of_and_what_it_reached_is_kept(
    graph: MemoryGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training, course = begun(graph, tmp_path)
    workers: list[int] = []

    def killed(what: str, done: int, total: int) -> None:
        if done == 1 and total == 4 and not workers:
            (child,) = active_children()
            workers.append(child.pid or 0)
            child.kill()

    with pytest.raises(TrainingError, match=r"memreward train --memory \S+ --resume"):
        train_in_processes(training, killed, processes=1)
    assert not any(psutil.pid_exists(pid) for pid in workers)
    assert course.state(0) is not None
    train_in_processes(training, no_progress, processes=2)
    assert all(course.state(member) for member in range(4))


@pytest.mark.parametrize(("named", "gpus"), [(None, ["0", "1"]), ("3,5", ["3", "5"])])
def test_each_process_has_a_gpu_of_those_that_are_seen(
    named: str | None, gpus: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert training_processes.gpu_names() == gpus


KILLED_OWNER = """
import os, sys
from pathlib import Path
import os
import subprocess
import sys
import time
from dataclasses import replace
from multiprocessing import active_children
from test_training_processes import begun, labelled, make_graph, train_in_processes

def killed(_, done, total):
    print(*(child.pid for child in active_children()), flush=True)
    os._exit(9)

if __name__ == "__main__":
    graph, truth_R = make_graph(60, 6, signals=True, policy_dimension=4)
    training, _ = begun(labelled(graph, truth_R), Path(sys.argv[1]))
    train_in_processes(training, killed, processes=2)
"""


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    script = tmp_path / "owner.py"
    script.write_text(KILLED_OWNER)
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2]), *sys.path]
    with open(tmp_path / "told", "w+") as told:  # A pipe would wait for all who hold it.
        done = subprocess.run(
            [sys.executable, str(script), str(tmp_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=told,
            check=False,
        )
        told.seek(0)
        workers = [int(pid) for pid in told.read().split()]
    assert done.returncode == 9
    assert len(workers) == 2
    until = time.monotonic() + 60
    while any(map(lives, workers)):
        assert time.monotonic() < until, "they train on without their owner"
        time.sleep(0.1)
