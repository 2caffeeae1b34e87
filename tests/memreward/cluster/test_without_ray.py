"""Nothing needs Ray but `RayMemory`, which says how to install it; columns keep what rows hold."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from support.rollout_factory import make_rollout

from memreward import Memory, RayMemory, memory_reward
from memreward.cluster.arrow import (
    prepared_in,
    prepared_table,
    rollout_table,
    rollouts_in,
    score_table,
    scores_in,
)
from memreward.cluster.watching import WriterMetrics, labels_of, together
from schema.errors import InputError, SettingsError
from schema.keyed_rollout import prepare
from schema.score import Score, ScoreSource


def test_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"pip install 'memreward\[ray\]'"):
        RayMemory("sums")


def test_nothing_else_imports_ray() -> None:
    assert Memory and memory_reward
    code = (
        "import sys; sys.modules['ray'] = None; import memreward; memreward.Memory; "
        "memreward.RemoteMemory; memreward.RayMemory; import memreward.serving.app"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_callers_and_the_writer_import_no_torch() -> None:
    """They would take seconds longer to start, after a kill."""
    code = (
        "import sys; sys.modules['torch'] = None; import memreward.cluster.ray_memory; "
        "import memreward.client.ray_client"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_rollouts_come_back_from_columns() -> None:
    given = [make_rollout(1), make_rollout(2, 1, reward=None, policy_embedding=None)]
    read = rollouts_in(rollout_table(given, 384))
    assert given[0].policy_embedding is not None and given[0].query_embedding is not None
    for before, after in zip(given, read, strict=True):
        for name in type(before).__slots__:
            first, second = getattr(before, name), getattr(after, name)
            assert type(first) is type(second) and np.array_equal(first, second), name


def test_what_a_scorer_found_out_comes_back_from_columns() -> None:
    given = [prepare("m", "run", make_rollout(n, reward=None)) for n in range(3)]
    keys = {given[0].id: "4", given[2].id: None}
    items, read = prepared_in(prepared_table(given, keys))
    assert [(i.id, i.query_id, i.content_hash) for i in items] == [
        (i.id, i.query_id, i.content_hash) for i in given
    ]
    assert read == keys, "what says nothing is told from what was not read"


def test_what_no_column_holds_is_refused_by_name() -> None:
    for name, changes in (
        ("query", {"query": "half \ud800"}),
        ("query", {"query": None}),
        ("rollout", {"place": "3"}),
        ("reward", {"reward": True}),
        ("step", {"step": 1.0}),
        ("logprob_min", {"policy_signals": (0.1, True, 0.1, 0.1, 0.1, 0.1)}),
    ):
        with pytest.raises(InputError, match=f"rollout 1 of 2: `{name}`"):
            rollout_table([make_rollout(1), replace(make_rollout(2), **changes)], 384)


def test_numbers_of_numpy_are_numbers() -> None:
    given = make_rollout(1, reward=np.float32(0.5), step=np.int64(3))  # pyright: ignore
    (read,) = rollouts_in(rollout_table([given], 384))
    assert (read.reward, read.step) == (0.5, 3)


def test_scores_come_back_from_columns() -> None:
    scores = [
        Score(rollout_id="a", value=None, confidence=0.0, source=ScoreSource.NONE),
        Score(rollout_id="b", value=0.1, confidence=0.5, source=ScoreSource.PROPAGATED, model="m"),
    ]
    assert scores_in(score_table(scores)) == scores


def test_metrics_of_several_actors_are_one_text() -> None:
    parts = []
    for actor, new in (("m/writer-2-of-4", 3), ("m/run-1/aa", 5), ("m/run-1/bb", None)):
        counted = WriterMetrics()
        counted.stored(new or 0)
        families = None if new is None else list(counted.registry.collect())
        parts.append((labels_of(actor), families))
    merged = together(parts)
    assert len({family.name for family in merged}) == len(merged), "a family comes twice"
    found = {
        (
            sample.name,
            *(sample.labels[name] for name in ("actor", "run", "node", "shard")),
        ): sample.value
        for family in merged
        for sample in family.samples
        if sample.name in ("memreward_actor_up", "memreward_stored_rollouts_total")
    }
    assert found == {
        ("memreward_actor_up", "writer", "", "", "2-of-4"): 1,
        ("memreward_actor_up", "scorer", "run-1", "aa", ""): 1,
        ("memreward_actor_up", "scorer", "run-1", "bb", ""): 0,
        ("memreward_stored_rollouts_total", "writer", "", "", "2-of-4"): 3,
        ("memreward_stored_rollouts_total", "scorer", "run-1", "aa", ""): 5,
    }
