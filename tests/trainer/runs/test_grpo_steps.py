"""The cheaper trainer's steps: the loss and gradients of TRL's own, and the policy's own tokens."""

from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny_policy import write_tiny_policy
from trl.trainer.grpo_trainer import GRPOTrainer

from trainer.policy.policy import load_policy
from trainer.runs.grpo import GrpoOptions, make_trainer, quiet

OPTIONS = GrpoOptions(steps=1, group=4, queries=2, completion_tokens=5)


def reward(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
    return [float(len(text) % 2) for text in completions]


@pytest.fixture
def trainer(tmp_path: Path) -> Any:
    policy = load_policy(str(write_tiny_policy(tmp_path / "policy")), device="cpu")
    rows = [{"prompt": "two"}, {"prompt": "a longer prompt"}]
    with quiet():
        made = make_trainer(policy.model, policy.tokenizer, rows, reward, tmp_path, OPTIONS, [])
    assert made.model is not None
    made.model.train()
    made.current_gradient_accumulation_steps = 1
    return made


@pytest.fixture
def inputs() -> dict[str, Any]:
    """Two prompts of different length, mixed, with completions of different length."""
    torch.manual_seed(3)
    prompts = torch.randint(1, 90, (2, 6))[[0, 1, 1, 0, 1, 0, 0, 1]]
    prompt_mask = torch.ones_like(prompts)
    prompt_mask[prompts[:, 0] == prompts[0, 0], :2] = 0
    completion_mask = (torch.arange(5) < torch.tensor([5, 2, 3, 5, 1, 4, 2, 3])[:, None]).long()
    return {
        "prompt_ids": prompts * prompt_mask,
        "prompt_mask": prompt_mask,
        "completion_ids": torch.randint(1, 90, (8, 5)) * completion_mask,
        "completion_mask": completion_mask,
        "advantages": torch.tensor([0.5, -0.5, 0.0, 0.0, 0.25, 0.0, -0.75, 0.0]),
        "num_items_in_batch": completion_mask.sum(),
    }


def loss_and_gradients(trainer: Any, loss_of: Any, inputs: Any) -> tuple[float, list[torch.Tensor]]:
    trainer.model.zero_grad()
    loss = loss_of(trainer, trainer.model, inputs)
    loss.backward()
    return float(loss.detach()), [one.grad.clone() for one in trainer.model.parameters()]


def test_the_loss_and_its_gradients_are_trls(
    trainer: Any, inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap = loss_and_gradients(trainer, type(trainer)._compute_loss, inputs)
    monkeypatch.setattr(
        type(trainer),
        "_get_per_token_logps_and_entropies",
        GRPOTrainer._get_per_token_logps_and_entropies,
    )
    plain = loss_and_gradients(trainer, GRPOTrainer._compute_loss, inputs)
    assert cheap[0] == pytest.approx(plain[0], abs=1e-6)
    assert any(gradient.abs().max() > 1e-3 for gradient in plain[1])
    for one, other in zip(cheap[1], plain[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)


def test_log_probabilities_and_entropies_are_trls(trainer: Any, inputs: dict[str, Any]) -> None:
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], 1)
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], 1)
    found = [
        of(trainer, trainer.model, ids, mask, 5, compute_entropy=True)
        for of in (
            type(trainer)._get_per_token_logps_and_entropies,
            GRPOTrainer._get_per_token_logps_and_entropies,
        )
    ]
    counted = inputs["completion_mask"].bool()
    for one, other in zip(found[0][:2], found[1][:2], strict=True):
        assert one.shape == other.shape == (8, 5)
        torch.testing.assert_close(one[counted], other[counted], rtol=1e-4, atol=1e-5)


def test_only_completions_with_an_advantage_are_read(trainer: Any, inputs: dict[str, Any]) -> None:
    read: list[int] = []
    trainer.model.register_forward_pre_hook(
        lambda _, args, kwargs: read.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    trainer._compute_loss(trainer.model, inputs)
    assert read == [2, 4]  # Both prompts once, and four completions.
    read.clear()
    none = {**inputs, "advantages": torch.zeros(8)}
    loss, gradients = loss_and_gradients(trainer, type(trainer)._compute_loss, none)
    assert read == [1, 1]
    assert loss == 0
    assert all(not gradient.any() for gradient in gradients)


def test_completions_follow_the_policy(trainer: Any) -> None:
    """Nearly cold, they are the greedy ones; a prompt is read once for its group."""
    prompts = trainer.processing_class(["two", "a longer prompt"])["input_ids"]
    asked = [ids for ids in prompts for _ in range(4)]
    trainer.temperature = 1e-6
    read: list[tuple[int, ...]] = []
    hook = trainer.model.register_forward_pre_hook(
        lambda _, args, kwargs: read.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    found, _ = trainer._generate_single_turn(asked, None, {}, 4)
    hook.remove()
    assert read[:2] == [(2, len(prompts[1]) - 1), (8, 1)]
    trainer.model.eval()
    for ids, completion in zip(asked, found, strict=True):
        greedy = trainer.model.generate(
            torch.tensor([ids]), do_sample=False, max_new_tokens=5, pad_token_id=0
        )
        assert completion == greedy[0, len(ids) :].tolist()
    trainer.temperature = 1.0
    torch.manual_seed(0)
    first, _ = trainer._generate_single_turn(asked, None, {}, 4)
    torch.manual_seed(0)
    assert trainer._generate_single_turn(asked, None, {}, 4)[0] == first
    assert len({tuple(one) for one in first}) > 4
    mixed = [prompts[0], prompts[1], prompts[0], prompts[1]] * 2
    assert len(trainer._generate_single_turn(mixed, None, {}, 4)[0]) == 8
