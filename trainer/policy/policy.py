"""Policies: any causal language model that transformers can load from a folder, or a packaged one.

Nothing is fetched: a policy is a folder on this machine, or weights that installed packages carry.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schema.errors import InputError
from trainer.policy.packaged import PACKAGED, gguf_file

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A model with its tokenizer, which pads on the left."""

    name: str
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"

    def prompt_text(self, messages: list[dict[str, str]]) -> str:
        """A conversation as the text that the model continues."""
        if self.tokenizer.chat_template:
            text = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True
            )
            assert isinstance(text, str)
            return text
        return "\n\n".join(turn["content"] for turn in messages) + "\n\n"


def load_policy(
    source: str,
    *,
    device: str | None = None,
    dtype: "torch.dtype | None" = None,
    trained: bool = False,
) -> Policy:
    """Load a policy for sampling or training; it is in evaluation mode.

    Args:
        source: `smollm2`, `qwen-coder`, or a folder that `save_pretrained` of transformers wrote.
        device: "cpu", "cuda" or another name of torch's; None: a GPU where there is one.
        dtype: of the weights; None: float32 on a CPU, bfloat16 elsewhere.
        trained: whether the weights themselves are trained, and not adapters. Then None is float32
            everywhere: most steps of an optimiser are too small to change a bfloat16. Trainers
            compute in bfloat16 all the same.

    Raises:
        InputError: if there is no such folder, or it holds no causal language model.
        SettingsError: if packages that carry the policy are missing or damaged.
    """
    import torch

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or (torch.float32 if device == "cpu" or trained else torch.bfloat16)
    if source in PACKAGED:
        with gguf_file(PACKAGED[source]) as file:
            model, tokenizer = _loaded(source, file.parent, dtype, gguf_file=file.name)
        _forget_quantization(model)
        name = PACKAGED[source].name
    else:
        folder = _folder(source)
        model, tokenizer = _loaded(source, folder, dtype)
        name = folder.resolve().name
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = model.to(device)
    model.eval()
    return Policy(name=name, model=model, tokenizer=tokenizer)


def _loaded(source: str, folder: Path, dtype: "torch.dtype", **extra: str) -> tuple[Any, Any]:
    """Model and tokenizer from a folder's files."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                folder, padding_side="left", local_files_only=True, **extra
            )
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, local_files_only=True, **extra
            )
    except (OSError, ValueError) as error:
        raise InputError(
            f"{source}: transformers cannot load it as a causal language model ({error}); give a "
            "folder with its weights, config.json and tokenizer"
        ) from error
    return model, tokenizer


def _folder(source: str) -> Path:
    folder = Path(source)
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{source}: no folder with a config.json; give one that transformers wrote, or "
            f"{' or '.join(PACKAGED)}"
        )
    return folder


def _forget_quantization(model: Any) -> None:
    """GGUF weights are plain once loaded; what still says otherwise keeps a trainer away."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.is_quantized = False
    model.hf_quantizer = None


@contextmanager
def _quiet() -> Iterator[None]:
    """Loading draws no bars of its own (transformers' setting; GGUF's bar has none)."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
