"""The adapters against the calls of verl, OpenRLHF and verifiers, recorded in signatures.json."""

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_origin

import numpy as np
import pytest
import torch

from memreward.adapters import neutral as unmasked
from memreward.adapters import openrlhf, verifiers, verl
from memreward.client import environment as client
from memreward.scoring.sendable import Row
from schema.errors import InputError, ServerError, SettingsError
from schema.score import Score, ScoreSource

SIGNATURES = json.loads((Path(__file__).parent / "signatures.json").read_text(encoding="utf-8"))
INFO = {"question": "What is 2 + 2?", "split": "train", "index": 3}


class Poison:
    """Raises whatever is done with it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was looked at")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("it was compared")

    def __bool__(self) -> bool:
        raise AssertionError("it was looked at")

    __hash__ = None  # pyright: ignore[reportAssignmentType]


class PoisonedInfo(dict[str, Any]):
    """`extra_info` as verl's own data has it: with the answer beside the question."""

    def __getitem__(self, name: str) -> Any:
        assert name != "answer"
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        assert name != "answer"
        return super().get(name, default)

    def _all(self) -> Any:
        raise AssertionError("everything was looked at")

    items = values = keys = __iter__ = _all  # pyright: ignore


class Asked:
    """Opinions by the completion: a number, or `None`, or an error."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.trains: list[bool] = []
        self.error: Exception | None = None

    def score(self, rows: Sequence[Row], *, train: bool) -> list[Score]:
        if self.error is not None:
            raise self.error
        self.rows += [dict(row) for row in rows]
        self.trains.append(train)
        return [self._score(row) for row in rows]

    def _score(self, row: Row) -> Score:
        value = None if row["completion"] == "odd" else float(row["completion"])
        source = ScoreSource.NONE if value is None else ScoreSource.PROPAGATED
        sure = 0.0 if value is None else 0.75
        return Score(rollout_id="r", value=value, confidence=sure, source=source, model="m")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    found = Asked()
    monkeypatch.setattr(client, "asked", lambda: found)
    yield found


def bind(function: Callable[..., Any], recorded: dict[str, Any]) -> None:
    """Check that a recorded call fits, with and without what is only sometimes given."""
    for names in (recorded["keywords"], recorded["keywords"] + recorded["sometimes"]):
        inspect.signature(function).bind(
            *[None] * recorded["positional"], **dict.fromkeys(names, None)
        )


def test_verl_calls_fit() -> None:
    recorded = SIGNATURES["verl"]
    single = recorded["NaiveRewardManager.run_single"]
    for function in (verl.compute_score, verl.compute_score_sync):
        bind(function, single)
    bind(verl.compute_score_batch, recorded["BatchRewardManager.verify"])
    # verl wraps it with the keywords of its configuration, and awaits it if it still looks async.
    assert inspect.iscoroutinefunction(partial(verl.compute_score, neutral=0.3))


def test_verl_gets_a_score_with_the_same_keys_each_time(asked: Asked) -> None:
    async def many() -> list[dict[str, float]]:
        texts = ("0.8", "odd", "", "a\0")
        return await asyncio.gather(
            *(verl.compute_score("gsm8k", text, Poison(), INFO) for text in texts)
        )

    sure, odd, blank, broken = asyncio.run(many())
    assert sure == {"score": 0.8, "memreward_abstained": 0.0, "memreward_confidence": 0.75}
    assert odd == {"score": 0.5, "memreward_abstained": 1.0, "memreward_confidence": 0.0}
    assert blank == broken == {**odd, "score": 0.0, "memreward_abstained": 0.0}
    assert sorted(row["completion"] for row in asked.rows) == ["0.8", "odd"]
    assert asked.rows[0] | {"completion": ""} == {
        "query": "What is 2 + 2?",
        "completion": "",
        "dataset": "gsm8k",
    }
    assert asked.trains == [True, True]


def test_verl_never_looks_at_the_truth(asked: Asked) -> None:
    info = PoisonedInfo(INFO, answer=Poison(), query_id="q7")
    assert verl.compute_score_sync("d", "0.8", Poison(), info)["score"] == 0.8
    assert asked.rows[0]["query_id"] == "q7"
    batch = verl.compute_score_batch(["d"] * 2, ["0.8", "0.2"], [Poison()] * 2, [info] * 2)
    assert [entry["score"] for entry in batch] == [0.8, 0.2]


def test_verl_needs_the_question_and_the_split(asked: Asked) -> None:
    for info in (None, {}, {"index": 1, "split": "train"}):
        with pytest.raises(InputError, match="add what the policy is asked"):
            verl.compute_score_sync("d", "0.8", None, info)
    with pytest.raises(SettingsError, match="MEMREWARD_TRAIN"):
        verl.compute_score_sync("d", "0.8", None, {"question": "What?"})
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What?"}]
    verl.compute_score_sync("d", "0.8", None, {"prompt": chat, "split": "test"})
    verl.compute_score_sync("d", "0.8", None, {"query": "What?"}, train=False)
    whole = "<|system|>\nBe brief.\n<|user|>\nWhat?"
    assert [row["query"] for row in asked.rows] == [whole, "What?"]
    assert asked.trains == [False, False]
    assert verl.compute_score_sync("d", "odd", None, INFO, neutral=0.25)["score"] == 0.25
    asked.error = ServerError("gone: start it")
    with pytest.raises(ServerError, match="gone"):
        asyncio.run(verl.compute_score("d", "0.8", None, INFO))


def test_verl_reads_messages_as_parquet_holds_them(asked: Asked) -> None:
    chat = np.array([{"role": "user", "content": "What?", "tool_calls": None}], dtype=object)
    tools = np.array([{"name": "add", "description": None}], dtype=object)
    verl.compute_score_sync("d", "0.8", None, {"prompt": chat, "split": "test"})
    verl.compute_score_sync("d", "0.8", None, {"prompt": chat, "tools": tools, "split": "test"})
    with_tools = '<|tools|>\n[{"name":"add"}]\n<|user|>\nWhat?'
    assert [row["query"] for row in asked.rows] == ["What?", with_tools]
    with pytest.raises(InputError, match="of type int"):
        verl.compute_score_sync("d", "0.8", None, {"prompt": 5, "split": "test"})


def test_verl_batches_score_by_groups(asked: Asked) -> None:
    texts = ["0.2", "0.8", "odd", "0.6", "0.61", "odd", "odd"]
    questions = ["a", "a", "a", "b", "b", "c", "c"]
    infos = [{"question": q, "split": "train"} for q in questions]
    said = verl.compute_score_batch(["d"] * 7, texts, [None] * 7, infos, neutral=0.4)
    assert [entry["score"] for entry in said] == [0.2, 0.8, 0.5, 0.4, 0.4, 0.4, 0.4]
    assert len(asked.trains) == 1
    assert verl.compute_score_batch([], [], [], []) == []
    with pytest.raises(InputError, match="mixes splits"):
        verl.compute_score_batch(["d"] * 2, texts[:2], [0, 0], [infos[0], {**INFO, "split": "val"}])


def test_openrlhf_gets_tensors(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    bind(
        openrlhf.reward_func,
        SIGNATURES["openrlhf"]["SingleTurnAgentExecutor._fetch_rewards_via_func"],
    )
    monkeypatch.setenv("MEMREWARD_TRAIN", "true")
    prompt = "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    answer = openrlhf.reward_func([f"{prompt}0.8<|im_end|>"], [prompt], [Poison()])
    assert torch.equal(answer["rewards"], torch.tensor([0.8]))
    assert torch.equal(answer["scores"], torch.tensor([0.8]))
    assert {name: value.tolist() for name, value in answer["extra_logs"].items()} == {
        "memreward_abstained": [0.0],
        "memreward_confidence": [0.75],
    }
    assert asked.rows == [{"query": prompt, "completion": "0.8"}]
    several = openrlhf.reward_func(
        [f"<s>{prompt}{text}" for text in ("odd</s>", "0.1</s> </s>\n", "<|im_end|></s>")],
        [prompt] * 3,
        [None] * 3,
        question=lambda text: text.split("\n")[1].removesuffix("<|im_end|>"),
    )
    assert several["rewards"].tolist() == pytest.approx([0.5, 0.1, 0.0])
    assert {row["query"] for row in asked.rows[1:]} == {"What?"}
    # What OpenRLHF does with it.
    assert torch.tensor([answer["rewards"]]).shape == (1,)
    assert answer["extra_logs"]["memreward_abstained"].flatten()[0].item() == 0.0


def test_openrlhf_failures_are_raised(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="MEMREWARD_TRAIN"):
        openrlhf.reward_func(["What? 0.8"], ["What?"], [None])
    monkeypatch.setenv("MEMREWARD_TRAIN", "false")
    with pytest.raises(InputError, match="`prompts` holds a value of type"):
        openrlhf.reward_func(["What? 0.8"], [[{"role": "user"}]], [None])  # pyright: ignore
    for query, prompt in (("cut? 0.8", "What was cut?"), ("0.8", ""), ("0.8", " ")):
        with pytest.raises(InputError, match="does not hold its prompt"):
            openrlhf.reward_func([query], [prompt], [None])
    with pytest.raises(InputError, match="one each"):
        openrlhf.reward_func(["What? 0.8"], [], [])
    asked.error = ServerError("gone")
    with pytest.raises(ServerError):
        openrlhf.reward_func(["What? 0.8"], ["What?"], [None])


def test_openrlhf_responses_may_end_in_any_number_of_tokens() -> None:
    ends = ("", "<|im_end|>", "</s> \n", "<|eot_id|>\n<pad> <PAD>", "<|a|>" * 200_000)
    for end in ends:  # The last one takes minutes if the time grows with its square.
        assert openrlhf.row_of(f"What? 4 <x>{end}", "What?")["completion"] == "4 <x>"
    many = "<|a|>" * 200_000 + "4"
    assert openrlhf.row_of(f"What?{many}", "What?")["completion"] == many
    assert openrlhf.row_of("What?</s></s>", "What?")["completion"] == ""


def is_group(function: Callable[..., Any]) -> bool:
    """What verifiers' rubric goes by."""
    signature = inspect.signature(function)
    returns = signature.return_annotation
    plural = set(signature.parameters) & set(SIGNATURES["verifiers-rubric"]["group_indicators"])
    return bool(plural) or returns is list or get_origin(returns) is list


def rubric_call(completion: str, state: dict[str, Any], **info: Any) -> float:
    given = dict.fromkeys(SIGNATURES["verifiers-rubric"]["Rubric.score_objects"], Poison())
    chat = [{"role": "assistant", "content": completion}]
    given |= {"prompt": "What?", "completion": chat, "state": state, "info": info}  # pyright: ignore
    return asyncio.run(verifiers.memory_reward(**given))  # pyright: ignore[reportArgumentType]


def test_a_rubric_takes_both_functions(asked: Asked) -> None:
    assert not is_group(verifiers.memory_reward)
    assert is_group(verifiers.memory_rewards)
    assert rubric_call("0.8", {}, split="train", query_id="q1") == 0.8
    assert rubric_call("odd", {}, split="eval", tools=[]) == 0.5
    assert asked.trains == [True, False]
    assert asked.rows[0] == {"query": "What?", "completion": "0.8", "query_id": "q1"}
    given = dict.fromkeys(SIGNATURES["verifiers-rubric"]["Rubric.group_score_objects"], Poison())
    states: list[dict[str, Any]] = [{}, {}, {}]
    given |= {  # pyright: ignore
        "prompts": [[{"role": "user", "content": "What?"}]] * 3,
        "completions": ["0.2", "odd", "0.8"],
        "states": states,
        "infos": [{"split": "train"}] * 3,
    }
    values = asyncio.run(verifiers.memory_rewards(**given))  # pyright: ignore[reportArgumentType]
    assert values == [0.2, pytest.approx(0.5), 0.8]
    assert states == [{}, {}, {}]


def test_a_rubric_sees_tools_and_reasoning(asked: Asked) -> None:
    chat = [{"role": "assistant", "content": "0.8", "reasoning_content": "Hm."}]
    info = {"split": "train", "oai_tools": [{"name": "add"}]}
    assert asyncio.run(verifiers.memory_reward("What?", chat, {}, info)) == 0.8
    query = '<|tools|>\n[{"name":"add"}]\n<|user|>\nWhat?'
    row = {"query": query, "thinking": "Hm.", "completion": "0.8", "answer_given": True}
    assert asked.rows == [row]


def test_a_rubric_is_never_raised_at(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    failed: dict[str, Any] = {"error": None}
    for number in (1, 2):
        assert rubric_call("0.8", failed) == unmasked.NEUTRAL  # Nobody says whether it trains.
        assert failed["memreward_failures"] == number
    assert isinstance(failed["error"], SettingsError)
    asked.error = ServerError("gone: start it")
    states: list[dict[str, Any]] = [{}, {"error": "another"}]
    values = asyncio.run(
        verifiers.memory_rewards(["a"] * 2, ["0.1", "0.9"], states, [{"split": "train"}] * 2)
    )
    assert values == [unmasked.NEUTRAL] * 2
    assert states[0] == {"memreward_failures": 1, "error": asked.error}
    assert states[1] == {"memreward_failures": 1, "error": "another"}
    assert "gone: start it" in caplog.text


def a_trace(reply: str, reasoning: str | None = None) -> SimpleNamespace:
    metrics: dict[str, float] = {}
    trace = SimpleNamespace(
        assistant_messages=[SimpleNamespace(content=reply, reasoning_content=reasoning)],
        is_truncated=False,
        last_reply=reply,
        record_metric=metrics.__setitem__,
    )
    assert set(vars(trace)) == set(SIGNATURES["verifiers"]["Trace"])
    trace.metrics = metrics
    return trace


def test_a_task_of_verifiers_is_scored(asked: Asked) -> None:
    parameters = inspect.signature(verifiers.score).parameters
    # Without `runtime`, so that verifiers scores offline, too.
    assert set(parameters) <= set(SIGNATURES["verifiers"]["Task.score"]) - {"runtime"}
    trace = a_trace("0.8", "Hm.")
    task = SimpleNamespace(prompt="What?", split="train")
    assert asyncio.run(verifiers.score(task, trace)) == 0.8
    assert trace.metrics == {"memreward_abstained": 0.0, "memreward_confidence": 0.75}
    part = SimpleNamespace(type="text", text="Why?")
    picture = SimpleNamespace(type="image_url")
    chat = [
        SimpleNamespace(role="system", content="Be brief."),
        SimpleNamespace(role="user", content=[picture, part]),
    ]
    trace = a_trace("odd")
    assert asyncio.run(verifiers.score(SimpleNamespace(prompt=chat, split="val"), trace)) == 0.5
    assert trace.metrics["memreward_abstained"] == 1.0
    assert asked.rows == [
        {"query": "What?", "completion": "0.8", "thinking": "Hm.", "truncated": False},
        {
            "query": "<|system|>\nBe brief.\n<|user|>\n<|image|>\nWhy?",
            "completion": "odd",
            "truncated": False,
        },
    ]
    assert asked.trains == [True, False]
    asked.error = ServerError("gone")
    with pytest.raises(ServerError):
        asyncio.run(verifiers.score(task, trace))
