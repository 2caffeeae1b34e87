"""A compacted memory holds less of its rollouts, and all that rewards are made of."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.forgetting import LENGTHS
from support.full_memory import contents, first
from support.full_memory import lived as lived
from support.rollout_factory import make_rollout, make_rollouts, unit_vector
from support.store_fixtures import MemoryUnderTest

from memstore.archive.export import export_memory
from memstore.archive.graph_rebuild import rebuild_graph
from memstore.archive.restore import import_memory
from memstore.changes.labels import add_labels
from memstore.changes.reembedding import reembed
from memstore.changes.run_deletion import delete_run
from memstore.consistency.check import check_memory
from memstore.db.stores import get_memory
from memstore.encoders.default import DEFAULT_DIMENSION
from memstore.forgetting.choice import plan_compaction
from memstore.forgetting.compaction import KeptTexts, compact, shrink
from memstore.outbox.deletion import delete_memory
from memstore.outbox.locks import lock_existing
from memstore.reads.full_graph import read_graph
from memstore.reads.query_groups import rollouts_by_query
from memstore.snapshot.cache import SnapshotCache
from memstore.snapshot.subgraph import whole
from schema.errors import InputError, StoreError, UnknownMemoryError
from schema.ids import rollout_id
from schema.memory_graph import MemoryGraph
from schema.reward import Preference, VerifiedReward
from schema.rollout import Rollout

#: Of 8 queries with 4 rollouts each.
N = 32


def unlabelled(questions: int = 8) -> list[Rollout]:
    return [replace(rollout, reward=None) for rollout in make_rollouts(questions)]


def run(memory: MemoryUnderTest, keep: int = 0, texts: KeptTexts = LENGTHS) -> int:
    return compact(memory.stores, memory.name, keep, texts)


def row_of(graph: MemoryGraph, memory: MemoryUnderTest, question: int, place: int) -> int:
    id_ = rollout_id(memory.name, "run-1", f"sum-{question}", 0, place)
    return graph.rollout_id_R.index(id_)


def test_texts_and_embeddings_go_and_all_else_stays(
    memory: MemoryUnderTest, tmp_path: Path
) -> None:
    memory.add(unlabelled())
    before = read_graph(memory.stores, memory.name)
    kept = SnapshotCache(memory.stores, memory.name, tmp_path)
    assert run(memory) == N
    assert check_memory(memory.stores, memory.name).lines()[1:] == []
    after = read_graph(memory.stores, memory.name)
    assert after.forgotten_R.all() and not before.forgotten_R.any()
    assert set(after.thinking_text_R) == {""}
    assert not after.thinking_embedding_RD.any() and not after.answer_embedding_RD.any()
    lengths = [len(thinking) for thinking in before.thinking_text_R]
    assert after.thinking_characters_R is not None and after.kept_features_RK is not None
    assert after.thinking_characters_R.tolist() == lengths
    assert after.kept_names == LENGTHS.names
    assert after.kept_features_RK[:, 1].tolist() == lengths
    for name in ("answer_text_R", "query_text_Q", "conclusion_key_C", "rollout_id_R", "policy_R"):
        assert getattr(after, name) == getattr(before, name), name
    for name in ("policy_embedding_RP", "policy_signals_R6", "query_embedding_QD", "concludes_2E"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), name)
    kept.catch_up()
    assert kept.made_because == "rows were deleted or replaced"
    part = whole(kept.snapshot).graph
    order = [part.rollout_id_R.index(id_) for id_ in after.rollout_id_R]
    assert part.kept_features_RK is not None and part.kept_names == LENGTHS.names
    np.testing.assert_array_equal(part.kept_features_RK[order], after.kept_features_RK)
    assert part.forgotten_R.all() and not part.thinking_embedding_RD.any()
    seqs = memory.ask("MATCH (t:Thinking {memory: $memory}) RETURN DISTINCT t.forgotten_seq AS n")
    assert seqs == [{"n": get_memory(memory.stores, memory.name).seq}]


def test_what_was_said_something_of_stays_whole(memory: MemoryUnderTest) -> None:
    memory.add(unlabelled())
    ids = [rollout_id(memory.name, "run-1", f"sum-{q}", 0, p) for q, p in ((1, 0), (2, 1), (2, 2))]
    add_labels(
        memory.stores,
        memory.name,
        [VerifiedReward(rollout_id=ids[0], value=0.5, source="ann")],
        [Preference(better=ids[1], worse=ids[2], annotator="ann")],
    )
    assert plan_compaction(memory.stores, memory.name, 0).chosen == N - 3
    assert run(memory) == N - 3
    graph = read_graph(memory.stores, memory.name)
    stays = [graph.rollout_id_R[row] for row in np.flatnonzero(~graph.forgotten_R)]
    assert stays == sorted(ids)


def test_of_a_conclusion_and_policy_the_first_stay(memory: MemoryUnderTest) -> None:
    """Each query has two conclusions of two rollouts, and one more by another policy."""
    memory.add(unlabelled())
    memory.add([make_rollout(1, 5, reward=None, policy="other")], run="run-2")
    assert plan_compaction(memory.stores, memory.name, 2).chosen == 0
    assert plan_compaction(memory.stores, memory.name, 1).chosen == N // 2
    assert run(memory, 1) == N // 2
    graph = read_graph(memory.stores, memory.name)
    whole_R = ~graph.forgotten_R
    assert whole_R[[row_of(graph, memory, q, p) for q in range(8) for p in (0, 1)]].all()
    state = get_memory(memory.stores, memory.name)
    assert run(memory, 1) == 0 and get_memory(memory.stores, memory.name) == state
    plan = plan_compaction(memory.stores, memory.name, 0)
    assert (plan.rollouts, plan.forgotten, plan.chosen) == (N + 1, N // 2, N // 2 + 1)
    assert plan.thinking_bytes > 0 and plan.table_bytes > 0
    assert plan.embedding_bytes > plan.chosen * 2 * 4 * DEFAULT_DIMENSION


def test_a_verified_one_counts_as_one_of_those_that_stay(memory: MemoryUnderTest) -> None:
    memory.add(unlabelled(1))
    last = rollout_id(memory.name, "run-1", "sum-0", 0, 2)
    add_labels(
        memory.stores, memory.name, [VerifiedReward(rollout_id=last, value=1.0, source="ann")]
    )
    assert run(memory, 1) == 2
    graph = read_graph(memory.stores, memory.name)
    rows = [row_of(graph, memory, 0, place) for place in range(4)]
    assert graph.forgotten_R[rows].tolist() == [True, False, False, True]


def test_a_thinking_with_the_conclusion_stays(memory: MemoryUnderTest) -> None:
    said = "I am cut off, but first: \\boxed{14}"
    memory.add([make_rollout(7, 0, thinking=said, answer="---", reward=None), make_rollout(7, 1)])
    before = read_graph(memory.stores, memory.name)
    row = row_of(before, memory, 7, 0)
    assert before.conclusion_of_rollout_R[row] >= 0
    assert run(memory) == 1
    after = read_graph(memory.stores, memory.name)
    assert after.forgotten_R[row] and after.thinking_text_R[row] == said
    assert after.thinking_characters_R is not None and after.thinking_characters_R[row] == 0


def test_export_import_and_rebuild(lived: MemoryUnderTest, tmp_path: Path) -> None:
    lived.add([replace(r, reward=None) for r in make_rollouts(3, first=30)], run="run-9")
    assert run(lived) > 0
    before = contents(lived)
    rebuild_graph(lived.stores, lived.name)
    assert contents(lived) == before
    export_memory(lived.stores, lived.name, tmp_path / "out")
    other = MemoryUnderTest(lived.stores, f"{lived.name}-copy")
    import_memory(lived.stores, tmp_path / "out", name=other.name)
    try:
        assert check_memory(other.stores, other.name).ok
        copied = read_graph(other.stores, other.name)
        assert copied.forgotten_R.sum() == read_graph(lived.stores, lived.name).forgotten_R.sum()
    finally:
        delete_memory(other.stores, other.name)
    delete_memory(lived.stores, lived.name)
    import_memory(lived.stores, tmp_path / "out")
    assert contents(lived) == before
    assert check_memory(lived.stores, lived.name).ok


def test_the_same_rollouts_again_are_known_and_new_ones_come_in(memory: MemoryUnderTest) -> None:
    memory.add(unlabelled())
    run(memory)
    report = memory.add([*unlabelled(), make_rollout(1, 5)])
    assert (report.new, report.existing) == (1, N)
    id_ = rollout_id(memory.name, "run-1", "sum-3", 0, 0)
    add_labels(
        memory.stores, memory.name, [VerifiedReward(rollout_id=id_, value=1.0, source="ann")]
    )
    delete_run(memory.stores, memory.name, "run-1")
    with memory.stores.vectors.transaction("forget.sql") as session:
        assert session.row("counts", memory=memory.name) == (0, 0)


def test_a_new_encoder_embeds_what_is_whole(memory: MemoryUnderTest) -> None:
    class Other:
        name, dimension = "other", 8

        def encode(self, texts: list[str], progress: object = None) -> np.ndarray:
            return np.stack([unit_vector(len(text), 8) for text in texts])

    memory.add([*unlabelled(2), *make_rollouts(1, first=9)])
    assert run(memory) == 8
    assert reembed(memory.stores, memory.name, Other()) == 3 + 2 * 4  # pyright: ignore
    graph = read_graph(memory.stores, memory.name)
    assert graph.answer_embedding_RD.any(axis=1).sum() == 4
    assert check_memory(memory.stores, memory.name).ok


def test_features_of_another_version_are_named_anew(memory: MemoryUnderTest) -> None:
    memory.add(unlabelled(2))
    run(memory)
    memory.add([make_rollout(5, 0, reward=None)])
    newer = KeptTexts(
        names=("fresh", "answer"),
        read=lambda query, thinking, answer, key: np.array([7, len(answer)], np.float32),
    )
    assert run(memory, texts=newer) == 1
    graph = read_graph(memory.stores, memory.name)
    assert graph.kept_names == newer.names and graph.kept_features_RK is not None
    lengths = [len(answer) for answer in graph.answer_text_R]
    assert graph.kept_features_RK[:, 1].tolist() == lengths
    fresh_R = graph.kept_features_RK[:, 0]
    row = row_of(graph, memory, 5, 0)
    assert fresh_R[row] == 7 and np.isnan(np.delete(fresh_R, row)).all()
    seqs = memory.ask(
        "MATCH (t:Thinking {memory: $memory}) RETURN count(DISTINCT t.forgotten_seq) AS n"
    )
    assert seqs == [{"n": 2}] and check_memory(memory.stores, memory.name).ok


def test_what_is_labelled_while_texts_are_read_stays(memory: MemoryUnderTest) -> None:
    memory.add(unlabelled(2))

    def label(what: str, done: int, total: int) -> None:
        said = VerifiedReward(rollout_id=first(memory), value=1.0, source="ann")
        add_labels(memory.stores, memory.name, [said])

    assert compact(memory.stores, memory.name, 0, LENGTHS, progress=label) == 7
    graph = read_graph(memory.stores, memory.name)
    assert not graph.forgotten_R[graph.rollout_id_R.index(first(memory))]


def test_one_that_was_cut_off_keeps_others_out_until_it_is_repaired(
    memory: MemoryUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.add(unlabelled(2))
    begun = get_memory(memory.stores, memory.name)

    class Crash(Exception):
        pass

    def die(*_: object) -> int:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr("memstore.outbox.change.publish_once", die)
        with pytest.raises(Crash):
            run(memory)
    with (
        pytest.raises(StoreError, match=r"a compaction of memory .* was interrupted"),
        memory.stores.vectors.transaction("outbox.sql") as session,
    ):
        lock_existing(session, begun)
    assert run(memory) == 0
    assert read_graph(memory.stores, memory.name).forgotten_R.all()


def test_data_sets_get_no_text_of_a_forgotten_one(memory: MemoryUnderTest) -> None:
    memory.add([*unlabelled(1), make_rollout(1, 0)])
    run(memory)
    seq = get_memory(memory.stores, memory.name).seq
    groups = rollouts_by_query(memory.stores, memory.name, seq)
    assert sorted(r.forgotten for group in groups for r in group.rollouts) == [False, *[True] * 4]


def test_refusals_and_shrinking(memory: MemoryUnderTest) -> None:
    with pytest.raises(UnknownMemoryError):
        run(memory)
    memory.add(unlabelled(1))
    for call in (lambda: run(memory, -1), lambda: plan_compaction(memory.stores, memory.name, -1)):
        with pytest.raises(InputError, match="--keep -1"):
            call()
    run(memory)
    shrink(memory.stores)
    assert check_memory(memory.stores, memory.name).ok
