import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.fake_scorer import FakeScorer
from support.trl_calls import Calls, last_digit, says_gold

from schema.errors import InputError, RewardError, UnreachableError
from schema.rollout import Rollout
from schema.score import Score, ScoreSource
from trainer.policy.signals import Signals
from trainer.rewards.audit import MAX_OPTIMISM, WINDOW
from trainer.rewards.from_memory import memory_reward
from trainer.rewards.types import RewardFunction


def never(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
    raise AssertionError("a hidden label was asked for")


def says(values: list[Any]) -> RewardFunction:
    """A verifier that gives these, whatever it is asked."""

    def verify(
        prompts: Any, completions: Any, completion_ids: Any, **columns: Any
    ) -> list[float | None]:
        return values

    return verify


def test_verified_where_paid_for_propagated_elsewhere() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, verify=says_gold, labelled={"a"}))
    rewards = call([("a", "1"), ("b", "1"), ("a", "2"), ("b", "9")])
    assert rewards == [0.0, 0.1, 1.0, 0.9]
    stored = {(r.query, r.answer): r.reward for r in scorer.stored.values()}
    assert stored == {("a", "1"): 0.0, ("a", "2"): 1.0, ("b", "1"): None, ("b", "9"): None}
    assert call.metrics["memreward/verified"] == [0.5]
    assert call.metrics["memreward/coverage"] == [1.0]
    assert call.metrics["memreward/seconds"][0] >= 0


def test_the_table_of_completions_tells_where_each_reward_comes_from() -> None:
    scorer = FakeScorer(lambda rollout: None if rollout.answer == "7" else last_digit(rollout))
    call = Calls(memory_reward(scorer, verify=says_gold, labelled={"a"}, min_spread=0.3))
    rewards = call([("a", "2"), ("a", "1"), ("b", "1"), ("b", "7"), ("b", "2")])
    assert rewards == [1.0, 0.0, None, None, None]
    assert call.extra == {
        "memreward/source": ["verified"] * 2 + ["propagated", "none", "propagated"],
        "memreward/assigned": [1.0, 0.0, 0.1, None, 0.2],
        "memreward/masked": [False, False, True, True, True],
    }


def test_signals_go_where_the_texts_go() -> None:
    signals = Signals(statistics=(0.0,) * 6, embedding=np.ones(4, np.float32), layer="2")
    seen: list[Rollout] = []
    scorer = FakeScorer(lambda rollout: seen.append(rollout) or 0.5)
    asked: list[Any] = []

    def of(prompts: Any, completion_ids: Any) -> list[Signals | None]:
        asked.append((prompts, completion_ids))
        return [signals, None]

    calls = Calls(memory_reward(scorer, signals=of))
    calls([("q", "4"), ("q", "6")])
    assert asked == [(["q", "q"], [[5, 6, 0]] * 2)]
    calls.model.training = False
    calls([("q", "4"), ("q", "6")])
    assert [rollout.answer for rollout in seen] == ["4", "6"] * 2
    for first, second in (seen[:2], seen[2:]):
        assert first.policy_signals == signals.statistics
        assert first.policy_embedding is signals.embedding
        assert first.policy_layer == "2"
        assert second.policy_signals is second.policy_embedding is None


def test_hidden_labels_are_never_asked_for() -> None:
    call = Calls(memory_reward(FakeScorer(last_digit), verify=never, labelled={"other"}))
    assert call([("a", "1"), ("a", "9")]) == [0.1, 0.9]


def test_the_verifier_sees_labelled_rows_only() -> None:
    seen: list[tuple[list[str], list[str]]] = []

    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        seen.append((prompts, columns["gold"]))
        assert len(completion_ids) == len(prompts)
        return [1.0] * len(prompts)

    call = Calls(memory_reward(FakeScorer(last_digit), verify=verify, labelled={"b"}))
    call([("a", "1"), ("b", "2")], gold=["hidden", "shown"])
    assert seen == [(["b"], ["shown"])]


def test_evaluation_writes_nothing_and_pays_nothing(tmp_path: Path) -> None:
    scorer = FakeScorer(last_digit)
    journal = tmp_path / "journal.jsonl"
    reward = memory_reward(scorer, verify=never, labelled={"a"}, journal=journal)
    call = Calls(reward)
    call.model.training = False
    assert call([("a", "1"), ("a", "9")]) == [0.1, 0.9]
    assert scorer.stored == {}
    assert scorer.calls == [(2, False)]
    assert not journal.exists()


def test_who_cannot_say_whether_it_is_training_is_refused() -> None:
    reward = memory_reward(FakeScorer(last_digit))
    with pytest.raises(RewardError, match="training or evaluation"):
        reward(prompts=["a"], completions=["1"], completion_ids=[[1]])
    told = memory_reward(FakeScorer(last_digit), training=lambda: False)
    assert told(prompts=["a", "a"], completions=["1", "9"], completion_ids=[[1], [1]]) == [0.1, 0.9]
    told = memory_reward(FakeScorer(last_digit), training=False)
    assert told(prompts=["a", "a"], completions=["1", "9"], completion_ids=[[1], [1]]) == [0.1, 0.9]


@pytest.mark.parametrize("one", [True, np.True_, np.float32(1), torch.tensor(1.0), 1])
def test_a_verifier_may_give_what_is_a_number(one: Any) -> None:
    scorer = FakeScorer(last_digit)
    verify = says([one, None])
    call = Calls(memory_reward(scorer, verify=verify, labelled={"a"}, late="mask"))
    assert call([("a", "1"), ("a", "2")]) == [1.0, None]
    assert [type(r.reward) for r in scorer.stored.values()] == [float, type(None)]


@pytest.mark.parametrize("word", ["1", "right", float("nan"), 2, -0.1, [1], torch.ones(2)])
def test_a_verifier_that_gives_something_else_is_told_so(word: Any) -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, verify=says([word]), labelled={"a"}))
    with pytest.raises(RewardError, match=r"numbers in \[0, 1\]"):
        call([("a", "1")])
    assert scorer.stored == {}


def test_no_opinion_is_none_and_never_zero() -> None:
    def opinion(rollout: Rollout) -> float | None:
        return None if rollout.query == "a" else last_digit(rollout)

    call = Calls(memory_reward(FakeScorer(opinion)))
    assert call([("a", "1"), ("b", "0"), ("b", "9")]) == [None, 0.0, 0.9]
    assert call.metrics["memreward/coverage"] == [pytest.approx(2 / 3)]


def test_spread_is_measured_within_the_query_wherever_its_rows_stand() -> None:
    call = Calls(memory_reward(FakeScorer(last_digit), min_spread=0.3))
    asked = [("flat", "4"), ("wide", "1"), ("flat", "5"), ("wide", "9"), ("alone", "7")]
    assert call(asked) == [None, 0.1, None, 0.9, None]
    # A verified group is never masked, however equal its rewards are.
    call = Calls(memory_reward(FakeScorer(last_digit), verify=says_gold, labelled={"flat"}))
    assert call([("flat", "4"), ("flat", "5")]) == [0.0, 0.0]


def test_equal_texts_get_places_of_their_own_and_a_second_epoch_others() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer))
    call([("a", "1"), ("a", "1")], step=1)
    call([("a", "1")], step=1)
    call([("a", "1")], step=2)
    assert sorted((r.step, r.place) for r in scorer.stored.values()) == [
        (1, 0),
        (1, 1),
        (1, 2),
        (2, 0),
    ]


def test_ranks_take_turns_in_places(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = FakeScorer(last_digit)
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        Calls(memory_reward(scorer))([("a", rank), ("a", "5")])
    assert sorted(r.place for r in scorer.stored.values()) == [0, 1, 2, 3]


def test_a_killed_run_neither_doubles_nor_pays_again(tmp_path: Path) -> None:
    scorer = FakeScorer(last_digit)
    journal = tmp_path / "journal.jsonl"

    def reward(verify: RewardFunction) -> Calls:
        return Calls(memory_reward(scorer, verify=verify, labelled={"a"}, journal=journal))

    asked = [("a", "2"), ("b", "1"), ("a", "3"), ("b", "9")]
    first = reward(says_gold)(asked, step=4)
    scorer.opinion = lambda _: 0.5  # the memory has learnt meanwhile
    again = reward(never)
    assert again(asked, step=4) == first == [1.0, 0.1, 0.0, 0.9]
    assert len(scorer.stored) == 4
    # A completion that differs this time stands beside the old ones.
    assert reward(says_gold)([("b", "1"), ("b", "7")], step=4) == [0.1, 0.5]
    assert sorted(r.place for r in scorer.stored.values() if r.query == "b") == [0, 1, 2]


def test_a_run_that_was_cut_off_before_its_scores_keeps_its_places(tmp_path: Path) -> None:
    scorer = FakeScorer(last_digit)
    journal = tmp_path / "journal.jsonl"
    call = Calls(memory_reward(scorer, journal=journal))
    call([("b", "1"), ("b", "9")])
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text(lines[0] + lines[1][:10])  # the scores were half written
    again = Calls(memory_reward(scorer, journal=journal))
    assert again([("b", "1"), ("b", "9")]) == [0.1, 0.9]
    assert len(scorer.stored) == 2
    assert [json.loads(line) for line in journal.read_text().splitlines()]


def test_chat_prompts_and_completions(tmp_path: Path) -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer))
    prompt = [
        {"role": "user", "content": "example"},
        {"role": "assistant", "content": "0"},
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
    ]
    asked: Any = [
        (prompt, [{"role": "assistant", "content": f"because\n#### {n}"}]) for n in (1, 9)
    ]
    assert call(asked) == [0.1, 0.9]
    kept = next(iter(scorer.stored.values()))
    assert kept.query == "<|user|>\nexample\n<|assistant|>\n0\n<|user|>\nq"
    assert (kept.thinking, kept.answer) == ("because", "1")
    assert (kept.completion_tokens, kept.truncated) == (3, False)
    assert kept.answer_given
    unmarked: Any = (prompt, [{"role": "assistant", "content": "because\n3"}])
    call([unmarked])
    assert not list(scorer.stored.values())[-1].answer_given


def test_columns_name_the_query_as_in_an_input_file() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, policy="tiny"))
    columns = {"query": ["q", "q"], "query_id": ["x", "y"], "dataset": ["d"] * 2}
    call([("Answer: q", "1"), ("Answer: q", "9")], 0, **columns, domain=["math"] * 2)
    kept = sorted(scorer.stored.values(), key=lambda r: r.source_query_id)
    assert [(r.query, r.source_query_id, r.place) for r in kept] == [("q", "x", 0), ("q", "y", 0)]
    assert {(r.dataset, r.domain, r.policy) for r in kept} == {("d", "math", "tiny")}


def test_two_chats_that_end_alike_are_two_queries() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, min_spread=0))
    last = {"role": "user", "content": "q"}
    plain: Any = [last]
    brief: Any = [{"role": "system", "content": "Be brief."}, last]
    call([(plain, "1"), (brief, "2"), (plain, "3"), ("q", "4")], tools=[None, None, ["add"], None])
    assert {(r.query, r.answer) for r in scorer.stored.values()} == {
        ("q", "1"),
        ("<|system|>\nBe brief.\n<|user|>\nq", "2"),
        ('<|tools|>\n["add"]\n<|user|>\nq', "3"),
        ("q", "4"),
    }


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"dataset": ["d", 5]}, "row 1, column `dataset`"),
        ({"query_id": [1, True]}, "row 1, column `query_id`"),
        ({"query_id": [1, 2.0]}, "row 1, column `query_id`"),
        ({"query": ["a", {"text": "b"}]}, "row 1, column `query`"),
        ({"query": ["a", " "]}, "row 1, column `query`"),
        ({"domain": ["m", "\x00"]}, "row 1, column `domain`"),
        ({"domain": "math"}, "column `domain` is a str"),
        ({"domain": ["math"]}, "column `domain` has 1 entries for 2"),
    ],
)
def test_a_wrong_column_is_an_error_and_no_masked_batch(columns: Any, said: str) -> None:
    call = Calls(memory_reward(FakeScorer(last_digit)))
    with pytest.raises(InputError, match=said):
        call([("a", "1"), ("b", "2")], **columns)


def test_prompts_and_completions_of_other_types_are_an_error() -> None:
    call = Calls(memory_reward(FakeScorer(last_digit)))
    for asked, said in ((("a", 5), "`completions`"), ((5, "1"), "`prompt`"), (("", "1"), "prompt")):
        wrong: Any = [("a", "1"), asked]
        with pytest.raises(InputError, match=f"row 1, column .*{said}"):
            call(wrong)


def test_what_no_memory_can_hold_is_masked_or_verified_and_not_stored() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, verify=says_gold, labelled={"a"}))
    asked = [("a", ""), ("b", " "), ("b", "\x001"), ("b", "1"), ("b", "9")]
    assert call(asked) == [0.0, None, None, 0.1, 0.9]
    assert {r.query for r in scorer.stored.values()} == {"b"}
    call.model.training = False
    assert call(asked[1:]) == [None, None, 0.1, 0.9]


def failing(share: float) -> RewardFunction:
    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        failed = round(share * len(prompts))
        return [None] * failed + [1.0] * (len(prompts) - failed)

    return verify


def test_a_failed_verification_is_masked_and_stored_without_a_reward() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, verify=failing(0.05), labelled={"a"}))
    rewards = call([("a", str(n % 10)) for n in range(20)])
    assert rewards == [None] + [1.0] * 19
    assert sum(r.reward is None for r in scorer.stored.values()) == 1


def test_more_failures_stop_the_run_before_anything_is_stored() -> None:
    scorer = FakeScorer(last_digit)
    call = Calls(memory_reward(scorer, verify=failing(0.1), labelled={"a"}))
    with pytest.raises(RewardError, match="more than 5 %"):
        call([("a", str(n % 10)) for n in range(20)])
    assert scorer.stored == {}


def test_a_memory_that_cannot_be_reached_stops_the_run() -> None:
    class Down(FakeScorer):
        def score(self, rollouts: Any, *, store: bool = True) -> list[Score]:
            raise UnreachableError("Postgres is gone: `memreward up`")

    with pytest.raises(UnreachableError):
        Calls(memory_reward(Down(last_digit)))([("a", "1")])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 1.5])
def test_values_that_are_no_reward_are_refused(value: float) -> None:
    class Wild(FakeScorer):
        def _score(self, rollout: Rollout, store: bool) -> Score:
            return Score(rollout_id="r", value=value, confidence=1.0, source=ScoreSource.PROPAGATED)

    with pytest.raises(RewardError, match="r the reward"):
        Calls(memory_reward(Wild(last_digit)))([("a", "1")])

    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        return [value] * len(prompts)

    with pytest.raises(RewardError, match="verifier gave"):
        Calls(memory_reward(FakeScorer(last_digit), verify=verify, labelled={"a"}))([("a", "1")])


@pytest.mark.parametrize("change", [lambda s: s[1:], lambda s: [*s, *s]])
def test_a_wrong_number_of_scores_is_refused(change: Callable[[Any], Any]) -> None:
    class Short(FakeScorer):
        def score(self, rollouts: Any, *, store: bool = True) -> list[Score]:
            return change(super().score(rollouts, store=store))

    with pytest.raises(RewardError, match="scores for 2 rollouts"):
        Calls(memory_reward(Short(last_digit)))([("a", "1"), ("a", "2")])


def test_an_audit_asks_before_the_memory_learns(tmp_path: Path) -> None:
    scorer = FakeScorer(last_digit)
    journal = tmp_path / "journal.jsonl"

    def fresh() -> Calls:
        return Calls(
            memory_reward(
                scorer, verify=says_gold, labelled={"a", "b"}, audited={"a"}, journal=journal
            )
        )

    call = fresh()
    assert call([("a", "2"), ("a", "9"), ("b", "2")]) == [1.0, 0.0, 1.0]
    assert scorer.calls == [(2, False), (3, True)]  # the first without rewards
    assert call.metrics["memreward/agreement"] == [pytest.approx(1 - (0.8 + 0.9) / 2)]
    # The next meeting is no audit: the memory knows this query. Nor is it one after a restart.
    call([("a", "4")], step=1)
    fresh()([("a", "5")], step=2)
    assert scorer.calls[2:] == [(1, True), (1, True)]


def test_a_policy_that_pleases_the_memory_is_stopped() -> None:
    queries = [f"q{number}" for number in range(WINDOW + 1)]

    def run(promise: float) -> None:
        call = Calls(
            memory_reward(
                FakeScorer(lambda _: promise),
                verify=says_gold,
                labelled=set(queries),
                audited=set(queries),
            )
        )
        for step, query in enumerate(queries):
            call([(query, "2"), (query, "3")], step=step)  # one right, one wrong

    run(0.5 + MAX_OPTIMISM - 0.01)
    with pytest.raises(RewardError, match="learnt to please"):
        run(0.5 + MAX_OPTIMISM + 0.01)
