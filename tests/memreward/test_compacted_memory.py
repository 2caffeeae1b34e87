"""A compacted memory gives the rewards that it gave before, to the bit, by every command."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from support.cli_fixtures import Cli
from support.look import looking
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

import memreward
from gnn.base.reward_model import RewardModel
from gnn.features.assembly import KEPT_NAMES, own_features, own_row
from gnn.features.length import log_length
from gnn.models.baselines.logistic import LogisticModel
from memreward.memory import Memory
from memstore.changes.propagated_rewards import read_propagated
from memstore.db.stores import get_memory
from memstore.forgetting.compaction import KeptTexts, compact
from memstore.formats.rollout_reader import read_rollouts
from memstore.formats.rollout_row import ReadOptions
from memstore.reads.full_graph import read_graph
from memstore.reads.query_groups import rollouts_by_query
from memstore.settings import Settings
from schema.ids import rollout_id
from schema.rollout import Rollout

SAMPLE = Path(memreward.__file__).parent / "data" / "rollouts-gym.parquet"
TEXTS = KeptTexts(names=KEPT_NAMES, read=own_row)


def fill(memory: MemoryUnderTest) -> None:
    """Of 24 queries with 4 rollouts each half are labelled."""
    memory.add(make_rollouts(24), labelled=frozenset(r.query for r in make_rollouts(12)))
    bare = make_rollout(40, completion_tokens=None, reward=None, thinking="1 + 1 = 3. " * 50)
    memory.add([bare], run="run-2")


def predictions(memory: MemoryUnderTest, model: RewardModel) -> dict[str, float]:
    graph = read_graph(memory.stores, memory.name)
    return dict(zip(graph.rollout_id_R, model.predict(graph).tolist(), strict=True))


def test_features_and_rewards_are_equal_to_the_bit(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    fill(memory)
    model = small_model()
    register(memory, server_settings, model)
    new = [make_rollout(q, 9, step=1, reward=None) for q in (1, 13, 20, 30)]
    opened = Memory(memory.stores, server_settings, memory.name, "run-1")
    scores = {score.rollout_id: score.value for score in opened.score(new, store=False)}
    graph = read_graph(memory.stores, memory.name)
    before = predictions(memory, model)
    assert compact(memory.stores, memory.name, 0, TEXTS) == 49
    forgotten = read_graph(memory.stores, memory.name)
    np.testing.assert_array_equal(own_features(forgotten), own_features(graph))
    np.testing.assert_array_equal(log_length(forgotten), log_length(graph))
    assert predictions(memory, model) == before
    again = {score.rollout_id: score.value for score in opened.score(new, store=False)}
    opened.close()
    assert again == scores


def test_what_was_not_kept_is_read_from_the_answer(memory: MemoryUnderTest) -> None:
    memory.add([replace(rollout, reward=None) for rollout in make_rollouts(2)])
    graph = read_graph(memory.stores, memory.name)
    place = KEPT_NAMES.index("log_thinking")
    names = (*KEPT_NAMES[:place], "of another version", *KEPT_NAMES[place + 1 :])
    compact(memory.stores, memory.name, 0, KeptTexts(names=names, read=own_row))
    before = own_features(graph)
    after = own_features(read_graph(memory.stores, memory.name))
    assert before[:, place].all() and not after[:, place].any()
    np.testing.assert_array_equal(np.delete(after, place, 1), np.delete(before, place, 1))


def test_a_model_that_reads_their_embeddings_is_refused(memory: MemoryUnderTest, cli: Cli) -> None:
    fill(memory)
    compact(memory.stores, memory.name, 0, TEXTS)
    result = cli("train", "-m", memory.name, "--model", LogisticModel.name)
    assert result.exit_code == 2
    assert "49 rollouts" in result.output and "`memreward compact`" in result.output


def test_the_sample_is_rewarded_as_before(
    memory: MemoryUnderTest, cli: Cli, short_training: None
) -> None:
    """Trained before; rewarded before and after; then the other commands know what is gone."""
    rows = islice(read_rollouts([SAMPLE], ReadOptions(policy=None)), 480)
    rollouts = [row for row in rows if isinstance(row, Rollout)]
    queries = sorted({rollout.query for rollout in rollouts})
    memory.add(rollouts, labelled=frozenset(queries[::4]))
    name = ("-m", memory.name)
    assert cli("train", *name).exit_code == 0
    assert cli("propagate", *name).exit_code == 0
    before = read_propagated(memory.stores, memory.name)
    dry = cli("compact", *name, "--keep", 0)
    assert dry.exit_code == 0 and "nothing was forgotten" in dry.output, dry.output
    assert not read_graph(memory.stores, memory.name).forgotten_R.any()
    done = cli("compact", *name, "--keep", 0, "--yes", "--shrink")
    n_forgotten = len(before)
    assert f"{n_forgotten:,} rollouts of memory {memory.name} are forgotten" in done.output
    assert cli("propagate", *name).exit_code == 0
    after = read_propagated(memory.stores, memory.name)
    assert after == before and len(after) > 300
    assert cli("check", *name).exit_code == 0
    suggested = cli("suggest-labels", *name, "--budget", 5, "--json")
    assert suggested.exit_code == 0 and json.loads(suggested.stdout) == []
    conclusions = ("suggest-labels", *name, "--budget", 5, "--unit", "conclusion", "--json")
    assert json.loads(cli(*conclusions).stdout) == []
    assert cli("suspects", *name).exit_code == 0
    assert cli("snapshot", *name).exit_code == 0
    assert cli("explain", min(after), *name).exit_code == 0
    made = cli("dataset", *name, "--kind", "kto", "--out", "kto")
    assert "rollouts with a reward are forgotten" in made.output, made.output
    assert "rewards propagated" not in made.output
    assert cli("train", *name).exit_code == 0


def test_pages_say_it_and_offer_none_to_judge(memory: MemoryUnderTest) -> None:
    memory.add([replace(rollout, reward=None) for rollout in make_rollouts(1)])
    asked = {"memory": memory.name, "annotator": "ann"}
    first = rollout_id(memory.name, "run-1", "sum-0", 0, 0)
    group = next(
        rollouts_by_query(memory.stores, memory.name, get_memory(memory.stores, memory.name).seq)
    )
    with looking(memory.stores) as pages:
        assert "data-rollout" in pages.text("/label", **asked)
        compact(memory.stores, memory.name, 0, TEXTS)
        of_rollout = pages.text("/rollout", memory=memory.name, rollout=first)
        of_group = pages.text("/group", memory=memory.name, query=group.query_id)
        for text in (of_rollout, of_group):
            assert "This rollout is forgotten" in text and "its thinking is gone" in text
        for queue in ("unverified", "pairs"):
            assert "data-rollout" not in pages.text("/label", **asked, queue=queue)


def test_there_must_be_a_memory(cli: Cli) -> None:
    assert cli("compact", "-m", "guessed", "--keep", 1).exit_code == 2
