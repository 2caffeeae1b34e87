"""TRL's own trainers take one step on each data set, opened as its card says."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from support.query_groups import preferred_groups, some_groups
from support.tiny_policy import write_tiny_policy

from memstore.reads.query_groups import QueryGroup
from trainer.datasets.card import Origin, card_text
from trainer.datasets.selection import Kind, Selection
from trainer.datasets.writing import write_rows
from trainer.runs.grpo import quiet

PAGE = Path(__file__).parents[3] / "docs" / "datasets.md"

#: Roles and contents, each turn ended: what a base model's tokenizer lacks.
TEMPLATE = (
    "{% for message in messages %}{{ message.role + ':' + message.content + '<end>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


def write_data(
    folder: Path,
    kind: Kind,
    validation: float,
    groups: Callable[[int], list[QueryGroup]] = some_groups,
) -> Path:
    """A data set as `memreward dataset` writes it."""
    folder.mkdir()
    selection = Selection(kind=kind)
    *_, tally = write_rows(groups(24), selection, validation, folder)
    origin = Origin(memory="m", seq=1, command="memreward dataset", version="1")
    (folder / "README.md").write_text(card_text(origin, selection, validation, tally))
    return folder


def tokenizer(policy: Path) -> Any:
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(policy)
    found.chat_template, found.pad_token = TEMPLATE, "<end>"
    return found


def write_chat_policy(folder: Path) -> Path:
    """The tiny policy, with a chat template."""
    write_tiny_policy(folder)
    tokenizer(folder).save_pretrained(folder)
    return folder


def sft(**given: Any) -> Any:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    return SFTTrainer(args=SFTConfig(**given.pop("args")), **given)


def dpo(**given: Any) -> Any:
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    return DPOTrainer(args=DPOConfig(**given.pop("args")), **given)


def kto(**given: Any) -> Any:
    from trl.trainer.kto_config import KTOConfig
    from trl.trainer.kto_trainer import KTOTrainer

    return KTOTrainer(args=KTOConfig(**given.pop("args")), **given)


def reward(**given: Any) -> Any:
    from trl.trainer.reward_config import RewardConfig
    from trl.trainer.reward_trainer import RewardTrainer

    return RewardTrainer(args=RewardConfig(**given.pop("args")), **given)


@pytest.mark.parametrize(
    ("kind", "trainer", "groups"),
    [
        (Kind.SFT, sft, some_groups),
        (Kind.DPO, dpo, some_groups),
        (Kind.KTO, kto, some_groups),
        (Kind.REWARD, reward, some_groups),
        (Kind.DPO, dpo, preferred_groups),
        (Kind.KTO, kto, preferred_groups),
        (Kind.REWARD, reward, preferred_groups),
    ],
)
def test_one_step(
    kind: Kind,
    trainer: Callable[..., Any],
    groups: Callable[[int], list[QueryGroup]],
    tmp_path: Path,
) -> None:
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    folder = write_data(tmp_path / "data", kind, 0.0, groups)
    data = datasets.load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    policy = write_chat_policy(tmp_path / "policy")
    model = (
        AutoModelForSequenceClassification.from_pretrained(policy, num_labels=1)
        if kind is Kind.REWARD
        else AutoModelForCausalLM.from_pretrained(policy)
    )
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    args: dict[str, Any] = {
        "output_dir": str(tmp_path / "out"),
        "max_steps": 1,
        "per_device_train_batch_size": 4,
        "learning_rate": 0.01,
        "lr_scheduler_type": "constant",
        "use_cpu": True,
        "bf16": False,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
        "max_length": 128,
    }
    with quiet():
        run = trainer(
            model=model, args=args, train_dataset=data, processing_class=tokenizer(policy)
        )
        assert math.isfinite(run.train().training_loss)
    assert any((weight != before[name]).any() for name, weight in model.named_parameters())


def test_the_script_of_the_documents_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    write_data(tmp_path / "pairs", Kind.DPO, 0.25)
    write_chat_policy(tmp_path / "policy")
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    with quiet():
        exec(script, names)
    assert names["trainer"].state.global_step == 1
