"""`memreward.Memory` on the real databases: scores are those of a pass over the whole graph."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

import memreward
from gnn.checkpoints.loading import load_checkpoint
from gnn.models.published.model import PublishedConfig, PublishedModel
from memreward.memory import Memory
from memstore.changes.propagated_rewards import list_models
from memstore.db.stores import get_memory
from memstore.encoders.default import DEFAULT_ENCODER
from memstore.formats.files import inspect_files
from memstore.formats.rollout_reader import ReadOptions, RolloutReader
from memstore.outbox.publication import publish
from memstore.outbox.recovery import catch_up
from memstore.reads.full_graph import read_graph
from memstore.servers.folders import checkpoint_folder
from memstore.settings import Settings
from schema.errors import InputError, StoreError
from schema.ids import rollout_id
from schema.rollout import Rollout
from schema.score import Score, ScoreSource

SAMPLE = Path(memreward.__file__).parent / "data" / "rollouts-gym.parquet"


def fresh(question: int, places: int = 3, **changes: object) -> list[Rollout]:
    return [make_rollout(question, p, **{"reward": None, **changes}) for p in range(places)]


def full_pass(memory: Memory, home: Settings) -> dict[str, float]:
    """What the model says of every rollout, from the whole graph in both databases."""
    graph = read_graph(memory._scorer._stores, memory.name)
    assert memory.model is not None
    folder = checkpoint_folder(home, memory.name) / memory.model
    model, _ = load_checkpoint(folder, encoder=graph.encoder)
    return dict(zip(graph.rollout_id_R, model.predict(graph).tolist(), strict=True))


def assert_full_pass(scores: list[Score], memory: Memory, home: Settings) -> None:
    memory.flush()
    whole = full_pass(memory, home)
    for score in scores:
        assert score.source is ScoreSource.PROPAGATED
        assert score.value == pytest.approx(whole[score.rollout_id], abs=1e-5)


def test_new_rollouts_are_scored_as_by_the_whole_graph(
    opened: Memory, server_settings: Settings
) -> None:
    rollouts = fresh(30) + fresh(3, step=1) + fresh(31)
    scores = opened.score(rollouts)
    assert [s.rollout_id for s in scores] == [
        rollout_id(opened.name, "run-1", r.source_query_id, r.step, r.place) for r in rollouts
    ]
    assert {s.model for s in scores} == {opened.model}
    assert_full_pass(scores, opened, server_settings)
    again = opened.score(rollouts)
    assert [s.value for s in again] == pytest.approx([s.value for s in scores], abs=1e-6)


def test_steps_of_a_run_are_scored_one_after_the_other(
    opened: Memory, server_settings: Settings
) -> None:
    for step in range(4):
        rollouts = fresh(40 + step, step=step) + fresh(step, step=step)
        rollouts += [make_rollout(60 + step, p) for p in range(3)]  # With their rewards.
        scores = opened.score(rollouts)
        assert_full_pass(
            [s for s in scores if s.source is not ScoreSource.VERIFIED], opened, server_settings
        )
    assert opened.seq == get_memory(opened._scorer._stores, opened.name).seq


def test_verified_rollouts_keep_their_reward(opened: Memory) -> None:
    rollouts = [make_rollout(50, place) for place in range(3)]
    scores = opened.score([*rollouts, *fresh(50, 5)[3:]])
    for score, rollout in zip(scores, rollouts, strict=False):
        assert (score.value, score.confidence) == (rollout.reward, 1.0)
        assert (score.source, score.model) == (ScoreSource.VERIFIED, None)
    assert [s.source for s in scores[3:]] == [ScoreSource.PROPAGATED] * 2


def test_without_storing_the_scores_are_the_same_and_nothing_is_written(
    opened: Memory, trained: MemoryUnderTest
) -> None:
    rollouts = fresh(30) + fresh(3, step=1) + fresh(31) + [make_rollout(32, 0)]
    before = get_memory(trained.stores, trained.name)
    scores = opened.score(rollouts, store=False)
    opened.flush()
    assert get_memory(trained.stores, trained.name) == before
    assert len(read_graph(trained.stores, trained.name).query_id_Q) == 16
    stored = opened.score(rollouts)
    assert [s.value for s in scores] == pytest.approx([s.value for s in stored], abs=1e-5)
    assert [s.rollout_id for s in scores] == [s.rollout_id for s in stored]


def test_the_published_model_is_scored_the_same_way(
    trained: MemoryUnderTest, server_settings: Settings
) -> None:
    model = PublishedModel(PublishedConfig(hidden=16, scored=8, max_epochs=2))
    version = register(trained, server_settings, model)
    memory = Memory(trained.stores, server_settings, trained.name, "run-1", version)
    rollouts = fresh(30) + fresh(3, step=1)
    unstored = memory.score(rollouts, store=False)
    scores = memory.score(rollouts)
    assert [s.value for s in unstored] == pytest.approx([s.value for s in scores], abs=1e-5)
    assert_full_pass(scores, memory, server_settings)
    memory.close()


def test_no_opinion_is_no_value(trained: MemoryUnderTest, server_settings: Settings) -> None:
    version = register(trained, server_settings, small_model(), never=True)
    memory = Memory(trained.stores, server_settings, trained.name, "run-1", version)
    for store in (False, True):
        known, new = memory.score([fresh(3, 1, step=9)[0], fresh(80, 1)[0]], store=store)
        assert known.source is ScoreSource.PROPAGATED and known.value is not None
        assert (new.source, new.value, new.confidence) == (ScoreSource.NONE, None, 0.0)
        assert new.model == version
    memory.close()


def test_texts_without_embeddings_are_embedded_once(
    opened: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    inner = opened._scorer._writer.encoder._encoder
    encode = inner.encode
    monkeypatch.setattr(inner, "encode", lambda texts, p=None: asked.extend(texts) or encode(texts))
    bare = {"encoder": None, "query_embedding": None, "thinking_embedding": None}
    known, new = fresh(3, 2, step=5, answer_embedding=None, **bare)
    rollouts = [known, replace(new, answer="Who knows?")]
    opened.score(rollouts, store=False)
    opened.score(rollouts)
    assert asked == ["Who knows?"]  # The others are in the memory.


def test_a_memory_without_a_label_is_scored_by_the_prior(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    with Memory(memory.stores, server_settings, memory.name, "run-1") as scorer:
        assert (scorer.model, scorer.seq) == ("prior", 0)
        told = scorer.score(fresh(5), store=False)
        assert {score.source for score in told} == {ScoreSource.NONE}  # There is no memory yet.
        scores = scorer.score(make_rollouts(16, 4))
        assert {score.source for score in scores} == {ScoreSource.VERIFIED}
        told = scorer.score(fresh(5), store=False)
        assert {(score.source, score.model) for score in told} == {
            (ScoreSource.PROPAGATED, "prior")
        }
    register(memory, server_settings, small_model())
    with Memory(memory.stores, server_settings, memory.name, "run-1") as scorer:
        assert_full_pass(scorer.score(fresh(30)), scorer, server_settings)


def test_until_it_has_learnt_it_may_have_no_opinion(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    with Memory(memory.stores, server_settings, memory.name, "run-1", prior=False) as scorer:
        looked = scorer.score(fresh(5), store=False)
        assert scorer.seq == 0
        scores = scorer.score([*fresh(5), *make_rollouts(1, 2)])
        assert [score.source for score in (*looked, *scores)] == [ScoreSource.NONE] * 6 + [
            ScoreSource.VERIFIED
        ] * 2
        assert {score.value for score in looked} == {None}
        assert scorer._scorer._snapshot.current is None  # Nothing reads it before there is a model.
        assert scorer.seq == scorer.batches()[0] == 1
    assert len(read_graph(memory.stores, memory.name).rollout_id_R) == 5


def test_a_memory_that_scores_by_a_checkpoint_of_its_own_does_not_learn(
    trained: MemoryUnderTest, server_settings: Settings
) -> None:
    ((version, _),) = list_models(trained.stores, trained.name)
    with (
        Memory(trained.stores, server_settings, trained.name, "run-1", version) as scorer,
        pytest.raises(InputError, match="without a version"),
    ):
        scorer.learn()


def test_a_newer_checkpoint_is_taken_up_when_asked(
    opened: Memory, trained: MemoryUnderTest, server_settings: Settings
) -> None:
    first = opened.model
    newer = register(trained, server_settings, small_model(), seed=1)
    assert opened.score(fresh(30))[0].model == first
    opened.refresh()
    scores = opened.score(fresh(33))
    assert scores[0].model == newer != first
    assert_full_pass(scores, opened, server_settings)


def test_a_fault_in_publishing_comes_up_at_the_next_call(
    opened: Memory, monkeypatch: pytest.MonkeyPatch, server_settings: Settings
) -> None:
    def refuse(*_: object) -> int:
        raise StoreError("Neo4j refuses")

    monkeypatch.setattr("memstore.outbox.background_publisher.publish", refuse)
    scores = opened.score(fresh(30))
    with pytest.raises(StoreError, match="Neo4j refuses"):
        opened.flush()
    monkeypatch.setattr("memstore.outbox.background_publisher.publish", publish)
    assert_full_pass(scores, opened, server_settings)


def test_what_a_dead_process_accepted_is_published_by_the_next(
    trained: MemoryUnderTest, server_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(trained.stores, server_settings, trained.name, "run-1")
    monkeypatch.setattr(memory._scorer._publisher, "wake", lambda: None)
    scores = memory.score(fresh(30))
    state = get_memory(trained.stores, trained.name)
    assert state.seq == state.published_seq + 1
    catch_up(trained.stores, trained.name)
    assert_full_pass(scores, memory, server_settings)


def test_what_cannot_be_stored_is_refused_whole(opened: Memory) -> None:
    seq = opened.seq
    with pytest.raises(InputError, match=r"rollout 1 of 2: `answer` holds a NUL"):
        opened.score([make_rollout(70, 0), make_rollout(70, 1, answer="a\0b")])
    with pytest.raises(InputError, match="another text"):
        opened.score([make_rollout(3, 0, answer="different")])
    assert opened.score([]) == []
    assert get_memory(opened._scorer._stores, opened.name).seq == opened.seq == seq


def test_it_is_the_front_door() -> None:
    assert memreward.Memory is Memory
    with pytest.raises(AttributeError, match="nothing_else"):
        _ = memreward.nothing_else  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("n_rollouts", [1_000, pytest.param(5_928, marks=pytest.mark.slow)])
def test_real_rollouts(memory: MemoryUnderTest, server_settings: Settings, n_rollouts: int) -> None:
    """Half of the sample file's queries are in the memory; the others come step by step."""
    rollouts = sample(n_rollouts)
    queries = list(dict.fromkeys(r.query for r in rollouts))
    before = set(queries[: len(queries) // 2])
    memory.add([r for r in rollouts if r.query in before], labelled=frozenset(queries[::4]))
    memory.link()
    register(memory, server_settings, small_model())
    later = [replace(r, reward=None) for r in rollouts if r.query not in before]
    with Memory(memory.stores, server_settings, memory.name, "run-1") as scorer:
        steps = [later[start : start + 256] for start in range(0, len(later), 256)]
        for step in steps[:3]:
            assert_full_pass(scorer.score(step), scorer, server_settings)


def sample(count: int) -> list[Rollout]:
    """The first rollouts of the file that the package carries."""
    options = ReadOptions(
        policy=None, file_encoder=DEFAULT_ENCODER, encoder=DEFAULT_ENCODER, dimension=384
    )
    files = inspect_files([SAMPLE], options)
    rows = [row for row in RolloutReader(files, options) if isinstance(row, Rollout)]
    return rows[:count]
