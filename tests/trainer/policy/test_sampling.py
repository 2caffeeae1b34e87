"""Sampling and signals: the same again, whatever else is in the batch, and as transformers says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.tiny_policy import write_tiny_policy

from schema.rollout import POLICY_SIGNALS
from schema.task import Task
from trainer.policy import sampling
from trainer.policy.policy import Policy, load_policy
from trainer.policy.sampling import Completion, Sampling, sample
from trainer.policy.signals import completion_signals, signal_layer

SAMPLING = Sampling(rollouts=4, max_new_tokens=12, seed=5)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return load_policy(str(write_tiny_policy(tmp_path_factory.mktemp("tiny"))), device="cpu")


def task(text: str) -> Task:
    return Task(query=text, source_query_id=f"id of {text}", dataset="d", domain="m")


TASKS = [task("short"), task("a rather longer question than the first"), task("third")]


def test_a_rollout_is_the_same_alone_and_among_others(policy: Policy) -> None:
    together = sample(policy, TASKS, SAMPLING)
    for place, one in enumerate(TASKS):
        alone = sample(policy, [one], SAMPLING)[0]
        assert [c.text for c in alone] == [c.text for c in together[place]]
        for a, b in zip(alone, together[place], strict=True):
            assert a.signals and b.signals
            assert a.signals.statistics == pytest.approx(b.signals.statistics, abs=1e-4)
            assert a.signals.embedding is not None and b.signals.embedding is not None
            assert np.abs(a.signals.embedding - b.signals.embedding).max() < 1e-2
    texts = [c.text for group in together for c in group]
    assert len(set(texts)) == len(texts)


def test_all_that_is_decoded_from_is_where_the_policy_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device that is not the processor's memory, as a GPU is."""
    devices: list[str] = []

    def decode(model: Any, *tensors: torch.Tensor, **options: Any) -> list[list[int]]:
        devices.extend(tensor.device.type for tensor in tensors)
        return [[1, 0]] * SAMPLING.rollouts

    monkeypatch.setattr(sampling, "decode", decode)
    far = load_policy(str(write_tiny_policy(tmp_path / "tiny")), device="meta")
    sample(far, TASKS[:1], SAMPLING, signals=False)
    assert devices == ["meta"] * 3


def test_another_seed_samples_otherwise(policy: Policy) -> None:
    other = Sampling(rollouts=4, max_new_tokens=12, seed=6)
    one, two = (sample(policy, TASKS[:1], s, signals=False)[0] for s in (SAMPLING, other))
    assert [c.text for c in one] != [c.text for c in two]


def test_tokens_follow_the_policy_and_its_temperature(policy: Policy) -> None:
    """Nearly cold, every rollout is the greedy one."""
    cold = Sampling(rollouts=3, max_new_tokens=8, temperature=1e-6)
    texts = {c.text for c in sample(policy, TASKS[:1], cold, signals=False)[0]}
    ids = policy.tokenizer(policy.prompt_text(TASKS[0].messages), return_tensors="pt")
    greedy = policy.model.generate(**ids, do_sample=False, max_new_tokens=8)  # pyright: ignore
    new = greedy[0, ids["input_ids"].shape[1] :]
    assert texts == {str(policy.tokenizer.decode(new, skip_special_tokens=True))}


def test_frequencies_are_the_policys(policy: Policy) -> None:
    many = Sampling(rollouts=4_000, max_new_tokens=1)
    found = sample(policy, TASKS[:1], many, signals=False)[0]
    ids = policy.tokenizer(policy.prompt_text(TASKS[0].messages), return_tensors="pt")
    with torch.inference_mode():
        share_V = policy.model(**ids).logits[0, -1].softmax(-1)
    for letter in "aeiou":
        (token,) = policy.tokenizer(letter)["input_ids"]
        counted = sum(c.text == letter for c in found) / len(found)
        expected = float(share_V[token])
        assert abs(counted - expected) < 5 * (expected / 4_000) ** 0.5


def test_signals_are_those_of_a_plain_forward_pass(policy: Policy) -> None:
    found = sample(policy, TASKS[:2], SAMPLING)[0][0]
    assert found.signals
    prompt = policy.prompt_text(TASKS[0].messages)
    ids = policy.tokenizer(prompt, return_tensors="pt")["input_ids"]
    answer = policy.tokenizer(found.text, return_tensors="pt")["input_ids"]
    assert found.truncated and found.tokens == answer.shape[1] == 12
    with torch.inference_mode():
        output = policy.model(torch.cat([ids, answer], 1), output_hidden_states=True)
    logprob = output.logits[0, ids.shape[1] - 1 : -1].log_softmax(-1)
    chosen = logprob.gather(1, answer[0][:, None])[:, 0]
    entropy = -(logprob.exp() * logprob).sum(-1)
    expected = {
        "logprob_mean": chosen.mean(),
        "logprob_min": chosen.min(),
        "entropy_mean": entropy.mean(),
        "entropy_max": entropy.max(),
        "logprob_last8": chosen[-8:].mean(),
        "logprob_low_share": (chosen < -2).float().mean(),
    }
    for name, value in zip(POLICY_SIGNALS, found.signals.statistics, strict=True):
        assert value == pytest.approx(float(expected[name]), abs=1e-4), name
    hidden = output.hidden_states[signal_layer(policy)][0, ids.shape[1] :].mean(0)
    assert found.signals.embedding is not None
    assert np.abs(found.signals.embedding - hidden.numpy()).max() < 1e-2


@pytest.mark.parametrize("chat", [False, True])
def test_signals_of_what_a_trainer_sampled(policy: Policy, chat: bool) -> None:
    """The statistics are those of where they were sampled, and the policy trains on."""
    sampled = [group[0] for group in sample(policy, TASKS, SAMPLING)]
    ids = [policy.tokenizer(one.text)["input_ids"] for one in sampled]
    prompts = [task.messages if chat else policy.prompt_text(task.messages) for task in TASKS]
    policy.model.train()
    *found, none = completion_signals(policy, [*prompts, prompts[0]], [*ids, []])
    assert policy.model.training
    policy.model.eval()
    assert none is None
    for one, signals in zip(sampled, found, strict=True):
        assert one.signals and signals
        assert one.signals.statistics == pytest.approx(signals.statistics, abs=1e-4)
        # The states of a policy in training are those of another checkpoint by the next step.
        assert signals.embedding is signals.layer is None


def completion(text: str) -> Completion:
    return Completion(text=text, tokens=3, truncated=False, signals=None)


def test_a_completion_becomes_a_rollout() -> None:
    made = completion("Two and two.\n#### 4").to_rollout(TASKS[0], 2, "tiny", step=3)
    assert made
    assert (made.thinking, made.answer, made.place, made.step) == ("Two and two.", "4", 2, 3)
    assert (made.query, made.policy, made.truncated) == ("short", "tiny", False)
    assert made.answer_given
    unmarked = completion("Two and two.\n4").to_rollout(TASKS[0], 2, "tiny")
    assert unmarked and not unmarked.answer_given
    assert completion(" \x00\n").to_rollout(TASKS[0], 0, "tiny") is None


def test_signals_after_a_prompt_of_one_token(policy: Policy) -> None:
    (signals,) = completion_signals(policy, ["a"], [policy.tokenizer("bc")["input_ids"]])
    ids = policy.tokenizer("abc", return_tensors="pt")["input_ids"]
    assert ids.shape == (1, 3)
    with torch.inference_mode():
        logprob = policy.model(ids).logits[0, :-1].log_softmax(-1)
    assert signals
    expected = float(logprob.gather(1, ids[0, 1:, None]).mean())
    assert signals.statistics[0] == pytest.approx(expected, abs=1e-4)
