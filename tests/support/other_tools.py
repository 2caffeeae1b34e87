"""Files as other tools write them, with content of our own, and what they hold."""

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SUM = "What is 2 + 2?"
CHAT_ML = f"<|im_start|>user\n{SUM}<|im_end|>\n<|im_start|>assistant\n"


def json_lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def json_list(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def parquet(path: Path, rows: Sequence[Any]) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


def eval_archive(path: Path, rows: Sequence[Any]) -> Path:
    """Samples in an archive as Inspect's recorder writes it."""
    head = {"version": 2, "eval": rows[0]["eval"], "plan": {}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", json.dumps(head))
        for row in rows:
            sample = {name: value for name, value in row.items() if name != "eval"}
            name = f"samples/{row['id']}_epoch_{row['epoch']}.json"
            archive.writestr(name, json.dumps(sample, indent=2))
        archive.writestr("header.json", json.dumps({**head, "status": "success"}))
    return path


def json_log(path: Path, rows: Sequence[Any]) -> Path:
    """Samples in one JSON document, as Inspect's other recorder writes it."""
    samples = [{name: value for name, value in row.items() if name != "eval"} for row in rows]
    document = {"version": 2, "status": "success", "eval": rows[0]["eval"], "samples": samples}
    path.write_text(json.dumps(document, indent=2))
    return path


@dataclass(frozen=True, kw_only=True)
class OtherFile:
    """Rows of a tool, and the rollouts that they hold: query, thinking, answer, reward, step."""

    format: str
    rows: list[Any]
    rollouts: list[tuple[str, str, str, float | None, int]]
    name: str = "file.jsonl"
    write: Callable[[Path, Sequence[Any]], Path] = json_lines
    prompts: list[Any] = field(default_factory=list)
    #: Columns that are the same in all rollouts.
    all: dict[str, Any] = field(default_factory=dict)


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def reply(text: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": text, **more}]


def inspect_sample(number: int, answer: str, verdict: str) -> dict[str, Any]:
    return {
        "eval": {"task": "sums", "model": "our/policy", "run_id": "r"},
        "id": number,
        "epoch": 1,
        "input": SUM,
        "target": "4",
        "messages": [
            {"id": "a", "role": "system", "content": "Be brief."},
            {"id": "b", "role": "user", "content": SUM, "source": "input"},
            {"id": "c", "role": "assistant", "content": answer, "source": "generate"},
        ],
        "output": {
            "model": "our/policy",
            "choices": [{"message": reply(answer)[0], "stop_reason": "stop"}],
        },
        "scores": {"match": {"value": verdict, "answer": answer}},
        "metadata": {},
    }


def batch_reply(name: str, choices: list[Any]) -> dict[str, Any]:
    body = {"id": "c", "object": "chat.completion", "model": "our/policy", "choices": choices}
    return {
        "id": f"vllm-{name}",
        "custom_id": name,
        "response": {"status_code": 200, "request_id": "r", "body": body},
        "error": None,
    }


BRIEF = f"<|system|>\nBe brief.\n<|user|>\n{SUM}"
FILES = [
    OtherFile(
        format="trl",
        name="completions_00010.parquet",
        write=parquet,
        rows=[
            {
                "step": 10,
                "prompt": chat(SUM),
                "completion": reply("<think>Two and two.</think>\n4"),
                "sum_reward": 1.0,
                "advantage": 0.7,
            },
            {
                "step": 10,
                "prompt": chat(SUM),
                "completion": reply("5"),
                "sum_reward": float("nan"),
                "advantage": -0.7,
            },
        ],
        rollouts=[(SUM, "Two and two.", "4", 1.0, 10), (SUM, "", "5", None, 10)],
    ),
    OtherFile(
        format="verl",
        name="7.jsonl",
        rows=[
            {
                "input": f"system\nYou are Qwen, created by Alibaba Cloud. You are a helpful "
                f"assistant.\nuser\n{SUM}\nassistant\n",
                "output": "Two and two.\n#### 4",
                "gts": "4",
                "score": 1.0,
                "step": 7,
                "acc": True,
                "request_id": "x",
            },
            {
                "input": f"system\n\nBe brief.user\n\n{SUM}assistant\n\n",
                "output": "5",
                "gts": "4",
                "score": 0.0,
                "step": 7,
                "acc": False,
                "request_id": "y",
            },
        ],
        rollouts=[(SUM, "Two and two.", "4", 1.0, 7), (BRIEF, "", "5", 0.0, 7)],
    ),
    OtherFile(
        format="openrlhf",
        rows=[
            {"input": CHAT_ML, "output": "The answer is 4<|im_end|>", "reward": 0.75},
            {"input": f"{CHAT_ML}<think>\n", "output": "Hm.</think>5</s>", "reward": 0.0},
        ],
        rollouts=[(SUM, "The", "4", 0.75, 0), (SUM, "Hm.", "5", 0.0, 0)],
    ),
    OtherFile(
        format="verifiers",
        name="results.jsonl",
        rows=[
            {
                "example_id": 0,
                "prompt": chat(SUM),
                "completion": reply("4", reasoning_content="Two and two."),
                "answer": "4",
                "task": "sums",
                "info": {"level": 1},
                "reward": 1.0,
                "error": None,
                "timing": {"total_ms": 1.5},
                "is_completed": True,
                "is_truncated": False,
                "stop_condition": "no_tools_called",
                "metrics": {"exact": 1.0},
                "tool_defs": None,
                "token_usage": {"input_tokens": 9.0, "output_tokens": 3.0},
                "exact": 1.0,
            }
        ],
        rollouts=[(SUM, "Two and two.", "4", 1.0, 0)],
        all={"dataset": "sums", "truncated": False, "completion_tokens": 3},
    ),
    OtherFile(
        format="lm-eval",
        name="samples_sums_2026-05-01T10-00-00.jsonl",
        rows=[
            {
                "doc_id": number,
                "doc": {"question": SUM, "answer": "4"},
                "target": "4",
                "arguments": {"gen_args_0": {"arg_0": f"Q: {SUM}\nA:", "arg_1": {"until": ["Q:"]}}},
                "resps": [[text]],
                "filtered_resps": ["4"],
                "filter": "none",
                "metrics": ["exact_match"],
                "doc_hash": "a",
                "prompt_hash": "b",
                "target_hash": "c",
                "exact_match": match,
            }
            for number, (text, match) in enumerate([("#### 4", 1.0), ("#### 5", 0.0)])
        ],
        rollouts=[(f"Q: {SUM}\nA:", "", "4", 1.0, 0), (f"Q: {SUM}\nA:", "", "5", 0.0, 0)],
    ),
    OtherFile(
        format="messages",
        rows=[
            {"messages": [{"role": "system", "content": "Be brief."}, *chat(SUM), *reply("4")]},
            {"messages": [*chat(SUM), *reply("5")], "score": 0},
        ],
        rollouts=[(BRIEF, "", "4", None, 0), (SUM, "", "5", 0.0, 0)],
    ),
    OtherFile(
        format="messages",
        name="sharegpt.json",
        write=json_list,
        rows=[
            {
                "id": "a",
                "conversations": [
                    {"from": "human", "value": "Hello"},
                    {"from": "gpt", "value": "Hi"},
                    {"from": "human", "value": SUM},
                    {"from": "gpt", "value": "4"},
                ],
            }
        ],
        rollouts=[
            (f"<|user|>\nHello\n<|assistant|>\nHi\n<|user|>\n{SUM}", "", "4", None, 0),
        ],
    ),
    OtherFile(
        format="open-r1",
        name="train-00000-of-00001.parquet",
        write=parquet,
        rows=[
            {
                "problem": SUM,
                "solution": "It is 4.",
                "answer": "4",
                "problem_type": "Algebra",
                "question_type": "math-word-problem",
                "source": "made_up",
                "uuid": "u",
                "is_reasoning_complete": [True, True],
                "generations": ["<think>Two.</think>\\boxed{4}", "<think>Three.</think>5"],
                "correctness_math_verify": [True, False],
                "correctness_llama": None,
                "finish_reasons": ["stop", "length"],
                "correctness_count": 1,
                "messages": [*chat(SUM), *reply("<think>Two.</think>\\boxed{4}")],
            }
        ],
        rollouts=[(SUM, "Two.", "\\boxed{4}", 1.0, 0), (SUM, "Three.", "5", 0.0, 0)],
        all={"dataset": "made_up", "domain": "math"},
    ),
    OtherFile(
        format="preferences",
        rows=[
            {"prompt": SUM, "chosen": "4", "rejected": "5"},
            {
                "chosen": [*chat("What is 3 + 3?"), *reply("6")],
                "rejected": [*chat("What is 3 + 3?"), *reply("7")],
                "score_chosen": 9.0,
                "score_rejected": 2.0,
            },
            {
                "chosen": "\n\nHuman: What is 4 + 4?\n\nAssistant: 8",
                "rejected": "\n\nHuman: What is 4 + 4?\n\nAssistant: 9",
            },
        ],
        rollouts=[
            (SUM, "", "4", None, 0),
            (SUM, "", "5", None, 0),
            ("What is 3 + 3?", "", "6", None, 0),
            ("What is 3 + 3?", "", "7", None, 0),
            ("What is 4 + 4?", "", "8", None, 0),
            ("What is 4 + 4?", "", "9", None, 0),
        ],
    ),
    OtherFile(
        format="vllm-batch",
        name="results.jsonl",
        rows=[
            batch_reply(
                "b",
                [
                    {
                        "index": 0,
                        "message": reply("4", reasoning_content="Two and two.")[0],
                        "finish_reason": "stop",
                    },
                    {"index": 1, "message": reply("5")[0], "finish_reason": "length"},
                ],
            ),
            batch_reply("a", [{"index": 0, "text": "6", "finish_reason": "stop"}]),
        ],
        prompts=[
            {
                "custom_id": "a",
                "method": "POST",
                "url": "/v1/completions",
                "body": {"model": "our/policy", "prompt": "What is 3 + 3?"},
            },
            {
                "custom_id": "b",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "our/policy", "messages": chat(SUM), "n": 2},
            },
        ],
        rollouts=[
            (SUM, "Two and two.", "4", None, 0),
            (SUM, "", "5", None, 0),
            ("What is 3 + 3?", "", "6", None, 0),
        ],
        all={"policy": "our/policy"},
    ),
    *(
        OtherFile(
            format="inspect",
            name=name,
            write=write,
            rows=[inspect_sample(2, "4", "C"), inspect_sample(10, "5", "I")],
            rollouts=[(BRIEF, "", "4", 1.0, 0), (BRIEF, "", "5", 0.0, 0)],
            all={"policy": "our/policy", "dataset": "sums", "finish_reason": "stop"},
        )
        for name, write in (("log.eval", eval_archive), ("log.json", json_log))
    ),
]
