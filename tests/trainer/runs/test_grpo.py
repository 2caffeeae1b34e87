"""Runs of TRL's own trainer on a policy of a few thousand weights."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from support import grpo_driver
from support.fake_scorer import FakeScorer
from support.grpo_driver import KeptScorer
from support.tiny_policy import write_tiny_policy

from schema.errors import InputError, RewardError
from trainer.policy.policy import load_policy
from trainer.rewards.from_memory import memory_reward
from trainer.runs import grpo
from trainer.runs.grpo import (
    GrpoOptions,
    Hook,
    last_whole_checkpoint,
    machine_arguments,
    make_trainer,
    quiet,
    train,
)

STEPS = 6
ROWS = [{"prompt": f"{number} + {number}?", "gold": "4"} for number in range(4)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbed."""
    return undisturbed(tmp_path_factory.mktemp("whole"), curriculum=False)


def undisturbed(folder: Path, *, curriculum: bool) -> Path:
    write_tiny_policy(folder / "policy")
    grpo_driver.run(folder, STEPS, curriculum=curriculum)
    return folder


def stored(folder: Path) -> dict[str, Any]:
    return KeptScorer(folder / "memory.jsonl", None).stored


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "run" / "policy" / "model.safetensors")


def test_new_rollouts_enter_the_memory_as_they_come(whole: Path) -> None:
    lines = (whole / "run" / "journal.jsonl").read_text().splitlines()
    placed = [record for line in lines if "placed" in (record := json.loads(line))]
    assert [(record["step"], len(record["placed"])) for record in placed] == [
        (step, 4) for step in range(STEPS)
    ]
    # The policy is random bytes, so a few completions are nothing that can be stored.
    assert {r.step for r in stored(whole).values()} == set(range(STEPS))
    assert len(stored(whole)) > 4 * STEPS - 4
    history = json.loads((whole / "run" / "history.json").read_text())
    assert [entry["step"] for entry in history] == list(range(1, STEPS + 1))
    assert all("memreward/coverage" in entry for entry in history)
    assert all("rewards/memreward/mean" in entry for entry in history)
    changed = weights(whole)
    before = load_file(whole / "policy" / "model.safetensors")
    assert any(not torch.equal(changed[name], before[name]) for name in before)


def test_a_finished_run_is_not_run_again(whole: Path) -> None:
    again = train(None, None, ROWS, None, whole / "run", GrpoOptions(steps=STEPS))  # pyright: ignore
    assert len(again) == STEPS


@pytest.mark.parametrize("curriculum", [False, True])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    whole: Path, tmp_path: Path, curriculum: bool
) -> None:
    """Killed in its fourth step, after its checkpoint at 2, with rollouts stored, scores not."""
    if curriculum:
        whole = undisturbed(tmp_path / "whole", curriculum=True)
    shutil.copytree(whole / "policy", tmp_path / "policy")
    command = [sys.executable, grpo_driver.__file__, str(tmp_path), str(STEPS), "4"]
    command += ["curriculum"] if curriculum else []
    environment = os.environ | {"PYTHONPATH": str(Path(grpo_driver.__file__).parents[1])}
    killed = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert stored(tmp_path).keys() == {
        id_ for id_, rollout in stored(whole).items() if rollout.step < 4
    }
    assert last_whole_checkpoint(tmp_path / "run" / "checkpoints") is not None
    grpo_driver.run(tmp_path, STEPS, curriculum=curriculum)
    assert stored(tmp_path).keys() == stored(whole).keys()
    ours, theirs = weights(tmp_path), weights(whole)
    for name in theirs:
        assert torch.equal(ours[name], theirs[name]), name


def test_half_a_checkpoint_is_not_gone_on_from(tmp_path: Path) -> None:
    assert last_whole_checkpoint(tmp_path / "nowhere") is None
    for step, state in ((8, "{}"), (10, '{"half'), (12, None)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-8")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-8"]


@pytest.fixture
def tiny(tmp_path: Path) -> Any:
    return load_policy(str(write_tiny_policy(tmp_path / "tiny")), device="cpu")


OPTIONS = GrpoOptions(steps=1, group=4, completion_tokens=4)


def test_in_an_evaluation_of_trl_nothing_is_written(tiny: Any, tmp_path: Path) -> None:
    scorer = FakeScorer(lambda rollout: 0.5)
    reward = memory_reward(scorer, journal=tmp_path / "journal.jsonl")
    from datasets import Dataset

    with quiet():
        trainer = make_trainer(tiny.model, tiny.tokenizer, ROWS, reward, tmp_path, OPTIONS, [])
        trainer.evaluate(Dataset.from_list(ROWS))  # pyright: ignore[reportArgumentType]
    assert scorer.stored == {}
    assert {store for _, store in scorer.calls} == {False}
    assert not (tmp_path / "journal.jsonl").exists()


def test_masked_completions_move_nothing_and_are_not_logged(
    tiny: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {name: weight.clone() for name, weight in tiny.model.named_parameters()}
    seen: list[int] = []
    history = train(
        tiny.model,
        tiny.tokenizer,
        ROWS,
        memory_reward(FakeScorer(lambda rollout: None)),
        tmp_path / "run",
        OPTIONS,
        [Hook(every=1, do=seen.append)],
    )
    assert history[0]["memreward/coverage"] == 0.0
    assert seen == [0, 1]
    for name, weight in tiny.model.named_parameters():
        assert torch.equal(weight, before[name])
    assert "gold" not in caplog.text


@pytest.mark.parametrize("lora", [None, 2])
def test_in_half_precision_as_on_a_gpu(
    lora: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is trained is float32; the rest, and all that is computed, bfloat16."""
    here = machine_arguments(on_cpu=True) | {"bf16": True}
    monkeypatch.setattr(grpo, "machine_arguments", lambda on_cpu: here)
    folder = str(write_tiny_policy(tmp_path / "tiny"))
    dtype = torch.float32 if lora is None else torch.bfloat16
    policy = load_policy(folder, device="cpu", dtype=dtype, trained=lora is None)
    computed: set[torch.dtype] = set()
    layer: Any = policy.model.get_submodule("model.layers.0.mlp.gate_proj")
    layer.register_forward_hook(lambda module, given, made: computed.add(made.dtype))
    options = GrpoOptions(steps=2, group=4, completion_tokens=4, lora=lora, learning_rate=1e-3)
    reward = memory_reward(FakeScorer(lambda rollout: sum(map(ord, rollout.answer)) % 5 / 5))
    history = train(policy.model, policy.tokenizer, ROWS, reward, tmp_path / "run", options)
    assert computed == {torch.bfloat16}
    assert any(entry["grad_norm"] > 0 for entry in history)
    trained = [one for one in policy.model.parameters() if one.requires_grad]
    assert {one.dtype for one in trained} == {torch.float32}


def test_adapters_alone_are_trained(tiny: Any, tmp_path: Path) -> None:
    options = GrpoOptions(steps=1, group=4, completion_tokens=4, lora=2)
    scorer = FakeScorer(lambda rollout: len(rollout.answer) % 5 / 5)
    train(tiny.model, tiny.tokenizer, ROWS, memory_reward(scorer), tmp_path / "run", options)
    assert (tmp_path / "run" / "policy" / "adapter_model.safetensors").exists()


def test_an_error_of_the_reward_stops_the_run(tiny: Any, tmp_path: Path) -> None:
    def reward(prompts: Any, completions: Any, completion_ids: Any, **kwargs: Any) -> list[Any]:
        raise RewardError("the memory is gone")

    with pytest.raises(RewardError, match="gone"):
        train(tiny.model, tiny.tokenizer, ROWS, reward, tmp_path / "run", OPTIONS)
    assert not (tmp_path / "run" / "history.json").exists()


def test_what_cannot_be_run_is_refused(tiny: Any, tmp_path: Path) -> None:
    reward = memory_reward(FakeScorer(lambda rollout: 0.5))
    with pytest.raises(InputError, match="no task"):
        train(tiny.model, tiny.tokenizer, [], reward, tmp_path, OPTIONS)
    options = GrpoOptions(steps=1, group=4, report_to="wandb")
    with pytest.raises(InputError, match="wandb"):
        train(tiny.model, tiny.tokenizer, ROWS, reward, tmp_path, options)
