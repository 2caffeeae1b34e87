"""Teaching: a policy is taught by worked examples until it is sometimes right (TRL's SFTTrainer).

It is a new Llama of some 300,000 weights with a vocabulary of its own, to try a training out on a
CPU in minutes, or a given policy that needs to learn the form of the answers. It is saved as a
folder that `--policy` takes. Until then the folder holds `checkpoints/checkpoint-N` (TRL's), from
which teaching that was killed resumes; `history.json`, the losses, says that it is finished.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from memstore import write_atomically
from schema.errors import InputError
from schema.ids import digest
from trainer.policy import load_policy
from trainer.runs.grpo import (
    CHECKPOINTS,
    HISTORY,
    Hook,
    hook_callback,
    last_whole_checkpoint,
    machine_arguments,
    quiet,
)
from trainer.runs.resumable import LOCK, alone, keep_settings
from trainer.tasks import Lesson

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast
    from trl.trainer.sft_config import SFTConfig

SETTINGS: Final = "teaching.json"
END: Final = "<end>"
VOCABULARY: Final = 512
#: A policy of this kind answers what it was asked last; examples before it would only cost time.
#: The line's end is inside, because Jinja drops one at the end of a template.
CHAT_TEMPLATE: Final = "{{ messages[-1]['content'] + '\\n' }}"


@dataclass(frozen=True, kw_only=True, slots=True)
class TeachOptions:
    """How a policy is taught."""

    steps: int
    seed: int = 0
    batch: int = 32
    learning_rate: float = 2e-3
    #: The policy to teach, as `load_policy` takes it; None: a new one of this size.
    policy: str | None = None
    hidden: int = 96
    layers: int = 3
    #: Steps between checkpoints.
    save_every: int = 50


def teach(
    given: Sequence[Lesson], folder: Path, options: TeachOptions, hooks: Sequence[Hook] = ()
) -> None:
    """Teach a new policy, or a given one, the lessons, and save it to `folder`.

    Teaching that was killed resumes, with the same weights in the end; what is finished is left as
    it is.

    Raises:
        InputError: if there is no lesson, the folder holds something else, or another process is
            at it.
    """
    if not given:
        raise InputError("there is no lesson: give tasks that have answers")
    if not (folder / SETTINGS).exists() and any(
        path.name != LOCK for path in (folder.iterdir() if folder.exists() else ())
    ):
        raise InputError(f"{folder} holds something already: give a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, "--out"):
        # How often it is saved changes nothing of what it becomes.
        told = asdict(options) | {"lessons": digest(*(t for one in given for t in _texts(one)))}
        del told["save_every"]
        keep_settings(folder / SETTINGS, told, "--out")
        if not (folder / HISTORY).exists():
            _teach(given, folder, options, hooks)
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def _texts(lesson: Lesson) -> tuple[str, str]:
    return lesson.prompt, lesson.completion


def _teach(
    given: Sequence[Lesson], folder: Path, options: TeachOptions, hooks: Sequence[Hook]
) -> None:
    """Teach from the last checkpoint in `folder`, or from the start, and save."""
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl.trainer.sft_trainer import SFTTrainer

    set_seed(options.seed)
    model, tokenizer = _pupil(given, options)
    end = tokenizer.eos_token
    rows = [{"prompt": f"{one.prompt}\n", "completion": f"{one.completion}{end}"} for one in given]
    with quiet():
        trainer = SFTTrainer(
            model=model,
            args=_arguments(folder, options),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            callbacks=[hook_callback(hook) for hook in hooks],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=last_whole_checkpoint(folder / CHECKPOINTS))
        trainer.save_model(str(folder))
    tokenizer.save_pretrained(str(folder))
    losses = [entry for entry in trainer.state.log_history if "loss" in entry]
    # Last, and at once or not at all: its presence says that the policy is whole.
    write_atomically(folder / HISTORY, json.dumps(losses))


def _arguments(folder: Path, options: TeachOptions) -> "SFTConfig":
    import torch
    from trl.trainer.sft_config import SFTConfig

    return SFTConfig(
        output_dir=str(folder / CHECKPOINTS),
        max_steps=options.steps,
        per_device_train_batch_size=options.batch,
        learning_rate=options.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=options.steps // 20,
        seed=options.seed,
        save_steps=options.save_every,
        save_total_limit=2,
        report_to="none",
        logging_steps=max(1, options.steps // 100),
        **machine_arguments(on_cpu=not torch.cuda.is_available()),
    )


def _pupil(given: Sequence[Lesson], options: TeachOptions) -> tuple[Any, Any]:
    """The model that is taught, with its tokenizer."""
    if options.policy is None:
        texts = [text for one in given for text in _texts(one)]
        tokenizer = make_tokenizer(texts)
        return _untaught(tokenizer, options), tokenizer
    policy = load_policy(options.policy, trained=True)
    policy.tokenizer.chat_template = CHAT_TEMPLATE
    return policy.model, policy.tokenizer


def make_tokenizer(texts: Sequence[str]) -> "PreTrainedTokenizerFast":
    """Byte-level BPE of the texts in which every digit is a token of its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    # The library's annotations lack what a list of these may hold.
    parts: Any = [
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=END,
        padding_side="left",
        chat_template=CHAT_TEMPLATE,
    )


def _untaught(tokenizer: "PreTrainedTokenizerFast", options: TeachOptions) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    end = tokenizer.convert_tokens_to_ids(END)
    assert isinstance(end, int)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=options.hidden,
            intermediate_size=3 * options.hidden,
            num_hidden_layers=options.layers,
            num_attention_heads=4,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end,
            pad_token_id=end,
        )
    )
