"""Learning from completions that were sampled before: rejection-sampling fine-tuning, and DPO."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from schema.errors import InputError
from trainer.policy import Policy
from trainer.runs.grpo import Hook, hook_callback, lora_config, machine_arguments, quiet


class Method(StrEnum):
    """How a policy learns from rewards."""

    #: It samples as it learns.
    GRPO = "grpo"
    #: Fine-tuning on the right ones of samples that were drawn once.
    SFT = "sft"
    #: Direct preference optimisation on pairs of them.
    DPO = "dpo"


@dataclass(frozen=True, kw_only=True, slots=True)
class OfflineOptions:
    """How a policy learns from a data set."""

    method: Method
    steps: int
    seed: int = 0
    #: Rows, or pairs, a step.
    batch: int = 8
    learning_rate: float = 1e-4
    lora: int | None = None


def train_offline(
    policy: Policy,
    rows: Sequence[dict[str, str]],
    folder: Path,
    options: OfflineOptions,
    hooks: Sequence[Hook] = (),
) -> list[dict[str, Any]]:
    """Train `policy.model` in place.

    Args:
        policy: what is trained.
        rows: texts `prompt` and `completion`, or `prompt`, `chosen` and `rejected`; what a
            completion ends with is added.
        folder: for TRL; nothing is saved there.
        options: how.
        hooks: called with the number of finished steps.

    Returns:
        TRL's log, an entry a step.

    Raises:
        InputError: if there are no rows.
    """
    if not rows:
        raise InputError("the rewards choose nothing to learn from: give more labels or rollouts")
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed

    set_seed(options.seed)
    kind, arguments = _trainer(policy, folder, options)
    with quiet():
        trainer = kind(
            model=policy.model,
            args=arguments(),
            train_dataset=Dataset.from_list(list(rows)),
            processing_class=policy.tokenizer,
            callbacks=[hook_callback(hook) for hook in hooks],
            peft_config=lora_config(options.lora),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def _trainer(policy: Policy, folder: Path, options: OfflineOptions) -> tuple[Any, Any]:
    """TRL's trainer, and what makes its arguments."""
    if options.method is Method.DPO:
        from trl.trainer.dpo_config import DPOConfig as Config
        from trl.trainer.dpo_trainer import DPOTrainer as Trainer
    else:
        from trl.trainer.sft_config import SFTConfig as Config
        from trl.trainer.sft_trainer import SFTTrainer as Trainer
    arguments = partial(
        Config,
        output_dir=str(folder),
        max_steps=options.steps,
        per_device_train_batch_size=options.batch,
        learning_rate=options.learning_rate,
        lr_scheduler_type="constant",
        seed=options.seed,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        **machine_arguments(on_cpu=policy.model.device.type == "cpu"),
    )
    return Trainer, arguments
