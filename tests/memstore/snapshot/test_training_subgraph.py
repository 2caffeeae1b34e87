"""The default model learns from its part of a snapshot what it learns from the whole graph."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.graph_factory import DIMENSION, labelled, make_graph
from support.snapshot_factory import add_graph, new_snapshot, with_real_ids

from gnn.confidence.abstention import AbstentionPolicy
from gnn.models.members.member import TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from memstore.snapshot.snapshot import Snapshot
from memstore.snapshot.subgraph import whole
from memstore.snapshot.training_subgraph import labelled_cut
from schema.memory_graph import Ints

SMALL = MemrewardConfig(
    parts=2, net={"hidden": 8, "heads": 2}, train=TrainConfig(max_epochs=3, queries_a_batch=16)
)
#: Preferences among rollouts of a labelled and of an unlabelled query, 6 rollouts each.
PREFERRED_2P = np.array([[0, 6 * 55 + 2], [1, 6 * 55 + 4]])


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    graph, truth_R = make_graph(60, 6, signals=True, policy_dimension=4)
    graph = with_real_ids(labelled(graph, truth_R))
    found = new_snapshot(tmp_path, DIMENSION, 4)
    add_graph(found, graph, np.arange(60), 1)
    return found


def test_it_learns_the_same_to_the_bit(snapshot: Snapshot) -> None:
    part = labelled_cut(snapshot, PREFERRED_2P, MemrewardModel.reach).graph
    everything = replace(whole(snapshot).graph, preferred_2P=PREFERRED_2P)
    assert 0 < len(part.query_id_Q) < len(everything.query_id_Q)
    ours, theirs = MemrewardModel(SMALL), MemrewardModel(SMALL)
    mine, given = ours.fit(part, seed=0), theirs.fit(everything, seed=0)
    assert mine.n_preferences == given.n_preferences == 2
    (left, how), (right, same) = ours.state(), theirs.state()
    assert how == same
    for key, tensor in left.items():
        assert torch.equal(tensor, right[key]), key
    tensors, _ = AbstentionPolicy.fit(part, mine).state()
    expected, _ = AbstentionPolicy.fit(everything, given).state()
    for key, tensor in tensors.items():
        torch.testing.assert_close(tensor, expected[key])


def test_nothing_is_read_of_what_is_unlabelled(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[str, list[Ints]] = {"query": [], "answer": []}
    for name in ("take", "texts", "ids"):
        real = getattr(Snapshot, name)

        def noting(self: Snapshot, column: str, rows: Ints, real=real) -> object:
            read.setdefault(column.partition(".")[0], []).append(rows)
            return real(self, column, rows)

        monkeypatch.setattr(Snapshot, name, noting)
    labelled_cut(snapshot, PREFERRED_2P, MemrewardModel.reach)
    labelled_R = snapshot.labelled_rollouts()
    allowed = np.union1d(labelled_R // 6, [55])
    assert set(np.concatenate(read["query"])) == set(allowed)
    assert set(np.concatenate(read["answer"]) // 6) == set(allowed)


def test_a_memory_without_labels_has_nothing_to_learn_from(tmp_path: Path) -> None:
    graph, _ = make_graph(12)
    found = new_snapshot(tmp_path, DIMENSION)
    add_graph(found, with_real_ids(graph), np.arange(12), 1)
    part = labelled_cut(found, np.zeros((2, 0), np.int64), MemrewardModel.reach)
    assert part.graph.rollout_id_R == []
