"""A user's own TRL script with a memory that is new: the example of docs/trainer.md."""

from pathlib import Path
from typing import Any

from datasets import Dataset
from support.store_fixtures import MemoryUnderTest
from support.tiny_policy import write_tiny_policy
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from memreward import Memory
from memstore.reads.full_graph import read_graph
from memstore.settings import Settings
from trainer.policy.policy import load_policy
from trainer.rewards.from_memory import memory_reward
from trainer.runs.callbacks import learn_every
from trainer.runs.grpo import machine_arguments, quiet

QUERIES = [f"What is {number} + {number}?" for number in range(24)]


def is_short(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
    return [float(len(completion.split()) < 3) for completion in completions]


def test_it_learns_from_nothing(
    memory: MemoryUnderTest, server_settings: Settings, tmp_path: Path
) -> None:
    policy = load_policy(str(write_tiny_policy(tmp_path / "policy")), device="cpu")
    scored: list[list[float | None]] = []
    with Memory.open(memory.name, run="r", prior=False, settings=server_settings) as opened:
        reward = memory_reward(
            opened,
            verify=is_short,
            labelled=set(QUERIES[:12]),
            journal=tmp_path / "journal.jsonl",
            min_spread=0.0,
        )

        def kept(**kwargs: Any) -> list[float | None]:
            scored.append(reward(**kwargs))
            return scored[-1]

        args = GRPOConfig(
            str(tmp_path / "run"),
            scale_rewards="none",
            max_steps=2,
            per_device_train_batch_size=48,
            num_generations=2,
            max_completion_length=12,
            report_to="none",
            **machine_arguments(on_cpu=True),
        )
        data = Dataset.from_list([{"prompt": text, "query": text} for text in QUERIES])
        learning = learn_every(1, opened.learn)
        with quiet():
            GRPOTrainer(
                policy.model,
                kept,
                args,
                train_dataset=data,
                processing_class=policy.tokenizer,
                callbacks=[learning],
            ).train()
        assert opened.model is not None
    first, second = ([value is not None for value in values] for values in scored)
    assert sum(first) == 24  # what is labelled; the memory knows nothing yet
    assert sum(second) > 40  # nearly all: it has learnt
    graph = read_graph(memory.stores, memory.name)
    assert graph.labelled_R.sum() > 40
