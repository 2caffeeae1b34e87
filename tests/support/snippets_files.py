"""The files that the pages speak of, small: a reader has their own."""

import gzip
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from support.tiny_policy import write_tiny_policy

from memstore.servers.folders import SAMPLE

_INGEST: Final = "memreward ingest rollouts.parquet --labels 0.5 --run sft1 --policy p1 --memory"
#: Commands that a page counts on: what a reader has done before.
PREPARED: Final[Mapping[str, Sequence[str]]] = {
    "docs/datasets.md": [f"{_INGEST} math"],
    "docs/durability.md": [f"{_INGEST} M"],
    "docs/graph.md": [f"{_INGEST} demo"],
    "docs/labels.md": [f"{_INGEST} math", f"{_INGEST} M"],
    "docs/operating.md": ["memreward up", f"{_INGEST} math"],
    "docs/other-trainers.md": [f"{_INGEST} math"],
}

#: Roles and contents, each turn ended: what the tiny tokenizer lacks.
_TEMPLATE: Final = (
    "{% for message in messages %}{{ message.role + ':' + message.content + '<end>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)


def write_files(folder: Path) -> None:
    """Write them all into `folder`."""
    (folder / "memreward" / "data").mkdir(parents=True)
    (folder / "memreward" / "data" / SAMPLE.name).symlink_to(SAMPLE)
    sample = _part_of_sample(8)
    pq.write_table(sample, folder / "rollouts.parquet")
    texts = sample.select(["query", "query_id", "dataset", "answer", "rollout", "reward"])
    rows = texts.slice(0, 64).to_pylist()
    _write_lines(folder / "rollouts.jsonl", rows)
    _write_lines(folder / "out.jsonl", _outputs(rows))
    _write_lines(folder / "answers.jsonl", [{**row, "gold": "4"} for row in rows])
    _write_lines(folder / "problems.jsonl", _problems(10))
    several = [
        {**row, "policy": policy, "run": policy, "reward": float(place % 3 == 0)}
        for place, row in enumerate(texts.slice(0, 256).to_pylist())
        for policy in ("small", "large")
    ]
    with gzip.open(folder / "rg-easy.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in several)
    pq.write_table(pa.Table.from_pylist(_programs()), folder / "programs.parquet")
    (folder / "completions").mkdir()
    pq.write_table(
        pa.Table.from_pylist(_completions()), folder / "completions" / "completions_00001.parquet"
    )
    write_policies(folder)


def write_policies(folder: Path) -> None:
    """An untrained policy of a few thousand weights in place of those that the pages name."""
    from transformers import AutoTokenizer

    policy = write_tiny_policy(folder / "policy")
    tokenizer: Any = AutoTokenizer.from_pretrained(policy)
    tokenizer.chat_template, tokenizer.pad_token = _TEMPLATE, "<end>"
    tokenizer.save_pretrained(policy)
    shutil.copytree(policy, folder / "Qwen" / "Qwen2.5-0.5B-Instruct")


def _part_of_sample(queries: int) -> pa.Table:
    """That many queries of each data set of the sample, whole groups."""
    table = pq.read_table(SAMPLE)
    firsts: dict[str, dict[str, None]] = {}
    for dataset, query in zip(
        table["dataset"].to_pylist(), table["query_id"].to_pylist(), strict=True
    ):
        firsts.setdefault(dataset, {}).setdefault(query)
    chosen = [query for found in firsts.values() for query in list(found)[:queries]]
    kept = set(chosen)
    return table.filter(pa.array([query in kept for query in table["query_id"].to_pylist()]))


def _problems(count: int) -> list[dict[str, Any]]:
    return [{"query": f"What is {n} + {n}?", "solution": f"${2 * n}$"} for n in range(count)]


def _outputs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"prompt": row["query"], "output": row["answer"], "scores": [row["reward"]]} for row in rows
    ]


def _programs() -> list[dict[str, Any]]:
    return [
        {
            "query": "Write a function `double` that doubles a number.",
            "answer": f"```python\ndef double(n):\n    return n * {factor}\n```",
            "tests": "assert double(4) == 8",
        }
        for factor in (2, 3)
    ]


def _completions() -> list[dict[str, Any]]:
    """A step as TRL's GRPOTrainer logs it."""
    return [
        {
            "step": 1,
            "prompt": f"What is {n} + {n}?",
            "completion": f"It is {2 * n}.",
            "accuracy_reward": 1.0,
            "advantage": 0.0,
        }
        for n in range(4)
    ]


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
