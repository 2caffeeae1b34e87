"""GRPO with TRL: one run in a folder of its own, from which a killed run resumes.

The folder holds `checkpoints/checkpoint-N` (TRL's: policy, optimiser, random numbers, state) and
`journal.jsonl` (trainer.rewards.journal); a finished run adds `policy` and, last, `history.json`.
"""

import json
import shutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from memstore import write_atomically
from schema.errors import InputError
from trainer.rewards import RewardFunction

if TYPE_CHECKING:
    from trl.trainer.grpo_trainer import GRPOTrainer

CHECKPOINTS: Final = "checkpoints"
HISTORY: Final = "history.json"
POLICY: Final = "policy"
#: Trackers to which TRL sends completions as a table, with what `memory_reward` adds to it.
WITH_TABLES: Final = ("trackio", "wandb")


@dataclass(frozen=True, kw_only=True, slots=True)
class GrpoOptions:
    """How a run trains."""

    steps: int
    seed: int = 0
    #: Completions a query, and queries a step.
    group: int = 8
    queries: int = 1
    completion_tokens: int = 24
    learning_rate: float = 1e-5
    #: Rank of LoRA adapters; None: all weights are trained.
    lora: int | None = None
    save_every: int = 10
    report_to: str = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hook:
    """Something that is done whenever `every` more steps are finished, and after the last."""

    every: int
    do: Callable[[int], None]
    #: Also before the first step of each sitting.
    at_start: bool = True


def train(
    model: Any,
    tokenizer: Any,
    rows: Sequence[dict[str, Any]],
    reward: RewardFunction,
    folder: Path,
    options: GrpoOptions,
    hooks: Sequence[Hook] = (),
    draws: Iterable[Sequence[int]] | None = None,
) -> list[dict[str, Any]]:
    """Train `model` in place, from the last checkpoint in `folder`.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer, which pads on the left.
        rows: of the data set: `prompt`, and columns for the reward function.
        reward: the reward function.
        folder: of this run.
        options: how to train; a resumed run must be given the same.
        hooks: called with the number of finished steps.
        draws: rows of each step, without end (`trainer.runs.curriculum`); None: all rows in turn,
            shuffled.

    Returns:
        TRL's log, an entry a step.

    Raises:
        InputError: if there are no rows, or a tracker is asked for that is not installed.
        RewardError: from the reward function.
    """
    if not rows:
        raise InputError("there is no task to train on: give another task set")
    finished = folder / HISTORY
    if finished.exists():
        return json.loads(finished.read_text(encoding="utf-8"))
    from transformers import PrinterCallback

    with quiet():
        trainer = make_trainer(model, tokenizer, rows, reward, folder, options, hooks, draws)
        trainer.remove_callback(PrinterCallback)
        with redirect_stdout(sys.stderr):  # Trackers print; stdout is for results.
            trainer.train(resume_from_checkpoint=last_whole_checkpoint(folder / CHECKPOINTS))
        trainer.save_model(str(folder / POLICY))
    tokenizer.save_pretrained(str(folder / POLICY))
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    # Last, and at once or not at all: its presence says that the run is finished.
    write_atomically(finished, json.dumps(history))
    return history


def make_trainer(
    model: Any,
    tokenizer: Any,
    rows: Sequence[dict[str, Any]],
    reward: RewardFunction,
    folder: Path,
    options: GrpoOptions,
    hooks: Sequence[Hook],
    draws: Iterable[Sequence[int]] | None = None,
) -> "GRPOTrainer":
    """TRL's trainer for such a run.

    Raises:
        InputError: if a tracker is asked for that is not installed.
    """
    from datasets import Dataset
    from trl.trainer.grpo_config import GRPOConfig

    try:
        arguments = GRPOConfig(
            output_dir=str(folder / CHECKPOINTS),
            max_steps=options.steps,
            per_device_train_batch_size=options.group * options.queries,
            num_generations=options.group,
            max_completion_length=options.completion_tokens,
            learning_rate=options.learning_rate,
            lr_scheduler_type="constant",
            # As CheapGRPOTrainer needs them.
            beta=0.0,
            loss_type="dapo",
            # Propagated rewards say by their size how much is known: docs/trainer.md.
            scale_rewards="none",
            seed=options.seed,
            save_steps=options.save_every,
            save_total_limit=2,
            logging_steps=1,
            **tracking_arguments(folder, options.report_to),
            **machine_arguments(on_cpu=model.device.type == "cpu"),
        )
        return _trainer_class(draws, options)(
            model=model,
            reward_funcs=reward,
            args=arguments,
            train_dataset=Dataset.from_list(list(rows)),
            processing_class=tokenizer,
            callbacks=[hook_callback(hook) for hook in hooks],
            peft_config=lora_config(options.lora),
        )
    except (ImportError, RuntimeError) as error:
        if options.report_to == "none":
            raise
        raise InputError(
            f"--report-to {options.report_to}: {error}; install it, or choose another"
        ) from error


def tracking_arguments(folder: Path, report_to: str) -> dict[str, Any]:
    """Arguments that send the metrics of the run in `folder` to a tracker, or nowhere."""
    tables = report_to in WITH_TABLES
    return {
        "report_to": report_to,
        "project": "memreward",
        "run_name": f"{folder.parent.name}/{folder.name}",
        "log_completions": tables,
        # Else TRL prints each table, too.
        "num_completions_to_print": 0 if tables else None,
    }


def lora_config(rank: int | None) -> Any:
    """Adapters of this rank; None: all weights are trained."""
    from peft import LoraConfig

    return None if rank is None else LoraConfig(r=rank, lora_alpha=2 * rank, task_type="CAUSAL_LM")


def _trainer_class(
    draws: Iterable[Sequence[int]] | None, options: GrpoOptions
) -> type["GRPOTrainer"]:
    """TRL's trainer, made to ask what is drawn."""
    from torch.utils.data import Sampler

    from trainer.runs.grpo_steps import CheapGRPOTrainer

    if draws is None:
        return CheapGRPOTrainer

    class _Drawn(Sampler[int]):
        """The rows of each step's draw, each as often as its group is large."""

        def __len__(self) -> int:
            return options.steps * options.queries * options.group

        def __iter__(self) -> Iterator[int]:
            for rows in draws:
                for row in rows:
                    yield from [row] * options.group

    class _DrawnTrainer(CheapGRPOTrainer):
        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return _Drawn()

    return _DrawnTrainer


def machine_arguments(*, on_cpu: bool) -> dict[str, Any]:
    """Arguments of every trainer of TRL that depend on where it runs, and no bar of its own."""
    return {
        "use_cpu": on_cpu,
        "bf16": not on_cpu,
        "activation_checkpointing": False,
        "dataloader_pin_memory": not on_cpu,
        "disable_tqdm": True,
    }


@contextmanager
def quiet() -> Iterator[None]:
    """In the block, transformers and datasets draw no bars, and TRL may use names it will drop."""
    from datasets.utils import logging as datasets_logging
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    shown_too = datasets_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    datasets_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`.*` is deprecated and will be", FutureWarning)
            yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
        if shown_too:
            datasets_logging.enable_progress_bar()


def last_whole_checkpoint(folder: Path) -> str | None:
    """The latest checkpoint whose last file was written; parts of others are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    while found and not _is_whole(found[-1]):
        shutil.rmtree(found.pop())
    return str(found[-1]) if found else None


def _is_whole(checkpoint: Path) -> bool:
    state = checkpoint / "trainer_state.json"
    try:
        json.loads(state.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def hook_callback(hook: Hook) -> Any:
    """The hook as a callback of the Trainer of transformers."""
    from transformers import TrainerCallback

    class _Hook(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if hook.at_start:
                hook.do(state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % hook.every == 0 or state.global_step == state.max_steps:
                hook.do(state.global_step)

    return _Hook()
