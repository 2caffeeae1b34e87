"""An interrupted training goes on to the same weights, to the bit; another one begins anew."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.graph_factory import labelled, make_graph

from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from gnn.models.memreward.training_state import Course, MemberState, Note, fingerprint, read_note
from schema.memory_graph import MemoryGraph

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=4, queries_a_batch=16)
)
NOTE = Note(learns_from="this", seed=0, resumed=None)


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture(scope="module")
def graph() -> MemoryGraph:
    found, truth_R = make_graph(60, 6, signals=True, policy_dimension=4)
    return labelled(found, truth_R)


def weights(model: MemrewardModel) -> dict[str, torch.Tensor]:
    return model.state()[0] | {f"o.{k}": t for k, t in model.training_state().items()}


def assert_same_bits(one: MemrewardModel, other: MemrewardModel) -> None:
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys()
    for key, tensor in left.items():
        assert torch.equal(tensor, right[key]), key
    assert one.state()[1] == other.state()[1]


def killed_after(stands: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The process dies when that many stands are written; returns what ends that."""
    real, left = Course.keep, [stands]

    def keep(self: Course, member: int, state: MemberState) -> None:
        real(self, member, state)
        left[0] -= 1
        if not left[0]:
            raise Killed

    monkeypatch.setattr(Course, "keep", keep)
    return lambda: monkeypatch.setattr(Course, "keep", real)


@pytest.mark.parametrize("stands", [1, 3, 6, 8, 15])
def test_it_goes_on_to_the_same_weights(
    graph: MemoryGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stands: int
) -> None:
    whole = MemrewardModel(SMALL)
    whole.fit(graph, seed=3)
    revive = killed_after(stands, monkeypatch)
    with pytest.raises(Killed):
        MemrewardModel(SMALL).fit(graph, seed=3, course=Course(tmp_path / "c", NOTE, every=0))
    revive()
    written = {path.name: path.read_bytes() for path in tmp_path.rglob("member-*")}
    assert written
    again = MemrewardModel(SMALL)
    torch.manual_seed(99)  # What the process did before does not matter.
    again.fit(graph, seed=3, course=Course(tmp_path / "c", NOTE, every=0))
    assert_same_bits(whole, again)
    if stands > 6:  # The first member was done: it is not trained again.
        assert (tmp_path / "c/member-0.safetensors").read_bytes() == written["member-0.safetensors"]


KILLED_PROCESS = """
import os, sys
from pathlib import Path
import gnn.models.memreward.training_state
from gnn.models.memreward.training_state import Course
from gnn.models.memreward.model import MemrewardModel
from test_training_state import NOTE, SMALL, labelled, make_graph

real, left = Course.keep, [int(sys.argv[2])]

def keep(self, member, state):
    real(self, member, state)
    left[0] -= 1
    if not left[0]:
        os._exit(9)

Course.keep = keep
graph, truth_R = make_graph(60, 6, signals=True, policy_dimension=4)
model = MemrewardModel(SMALL)
model.fit(labelled(graph, truth_R), seed=3, course=Course(Path(sys.argv[1]), NOTE, every=0))
"""


def test_a_killed_process_is_gone_on_from_by_another(graph: MemoryGraph, tmp_path: Path) -> None:
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[3])])
    done = subprocess.run(
        [sys.executable, "-c", KILLED_PROCESS, str(tmp_path / "c"), "9"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([paths, *sys.path])},
        check=False,
    )
    assert done.returncode == 9
    whole, again = MemrewardModel(SMALL), MemrewardModel(SMALL)
    whole.fit(graph, seed=3)
    again.fit(graph, seed=3, course=Course(tmp_path / "c", NOTE))
    assert_same_bits(whole, again)


def test_learning_on_can_be_interrupted_too(
    graph: MemoryGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = MemrewardModel(SMALL)
    first.fit(graph, seed=0)

    def earlier() -> MemrewardModel:
        model = MemrewardModel.from_state(*first.state())
        model.config = SMALL
        return model

    optimisers, more = first.training_state(), _more_labels(graph)
    whole, killed, again = earlier(), earlier(), earlier()
    whole.resume(more, optimisers=optimisers, seed=1)
    revive = killed_after(3, monkeypatch)
    with pytest.raises(Killed):
        course = Course(tmp_path / "c", NOTE, every=0)
        killed.resume(more, optimisers=optimisers, seed=1, course=course)
    revive()
    again.resume(more, optimisers=optimisers, seed=1, course=Course(tmp_path / "c", NOTE))
    assert_same_bits(whole, again)


def test_learning_on_starts_from_the_earlier_weights_and_leaves_out_what_it_left_out(
    graph: MemoryGraph,
) -> None:
    first = MemrewardModel(SMALL)
    first.fit(graph, seed=0)
    still = replace(SMALL, train=TrainConfig(max_epochs=0))
    model = MemrewardModel.from_state(*first.state())
    model.config = still
    report = model.resume(_more_labels(graph), optimisers=first.training_state(), seed=0)
    assert report.n_queries > 30
    before, after = first.state(), model.state()
    for key, tensor in before[0].items():
        if ".net." in key or "scalers." in key:
            assert torch.equal(tensor, after[0][key]), key
    assert before[1]["divisions"] == after[1]["divisions"]
    assert model.training_state().keys() == first.training_state().keys()


def test_another_training_begins_anew(tmp_path: Path) -> None:
    state = MemberState(
        epoch=2, best_epoch=1, best_loss=0.5, done=False, tensors={"a": torch.ones(1)}
    )
    course = Course(tmp_path / "c", NOTE, every=0)
    course.keep(0, state)
    found = Course(tmp_path / "c", NOTE).state(0)
    assert found is not None
    assert (found.epoch, found.best_loss, found.tensors["a"].item()) == (2, 0.5, 1.0)
    assert Course(tmp_path / "c", replace(NOTE, seed=1)).state(0) is None
    assert read_note(tmp_path / "c") == replace(NOTE, seed=1)
    Course(tmp_path / "c", NOTE).remove()
    assert read_note(tmp_path / "c") is None


def test_a_stand_cut_off_in_writing_is_none(tmp_path: Path) -> None:
    course = Course(tmp_path / "c", NOTE, every=0)
    state = MemberState(
        epoch=2, best_epoch=1, best_loss=0.5, done=True, tensors={"a": torch.ones(9)}
    )
    course.keep(0, state)
    path = tmp_path / "c/member-0.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    assert course.state(0) is None


def test_what_is_learned_from_has_a_fingerprint_of_its_own(graph: MemoryGraph) -> None:
    same = fingerprint(replace(graph, seq=graph.seq + 1), SMALL)
    assert same == fingerprint(graph, SMALL)
    others = [
        fingerprint(_more_labels(graph), SMALL),
        fingerprint(graph, replace(SMALL, parts=3)),
        fingerprint(replace(graph, encoder="other"), SMALL),
        fingerprint(replace(graph, preferred_2P=np.array([[0], [1]])), SMALL),
        fingerprint(replace(graph, source_name_S=["another"]), SMALL),
        fingerprint(replace(graph, source_of_rollout_R=graph.source_of_rollout_R - 1), SMALL),
    ]
    assert len({same, *others}) == 7


def _more_labels(graph: MemoryGraph) -> MemoryGraph:
    """Ten more labelled queries."""
    query_R = graph.query_of_rollout_R
    open_Q = np.setdiff1d(query_R, query_R[graph.labelled_R])[:10]
    reward_R = (graph.answer_embedding_RD[:, 0] > 0).astype(np.float32)
    new_R = np.isin(query_R, open_Q)
    return replace(graph, verified_R=np.where(new_R, reward_R, graph.verified_R))
