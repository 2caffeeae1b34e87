"""Files as other tools write them, with content of our own, and what they hold."""

import csv
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


def comma_separated(path: Path, rows: Sequence[Any]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
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


def response_item(text: str) -> dict[str, Any]:
    """A message of OpenAI's Responses API."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "m", "role": "assistant", "content": content}


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
    OtherFile(
        format="skyrl",
        name="global_step_12_evals.jsonl",
        rows=[
            {
                "input_prompt": CHAT_ML,
                "output_response": f"#### {answer}<|im_end|>",
                "score": score,
                "stop_reason": "stop",
                "env_class": "sums",
                "env_extras": {"reward_spec": {"method": "rule", "ground_truth": "4"}},
                "data_source": "sums",
            }
            for answer, score in (("4", [0.0, 0.0, 1.0]), ("5", 0.0))
        ],
        rollouts=[(SUM, "", "4", 1.0, 12), (SUM, "", "5", 0.0, 12)],
        all={"dataset": "sums", "finish_reason": "stop"},
    ),
    OtherFile(
        format="areal",
        name="7.jsonl",
        rows=[
            {
                "task_id": 7,
                "sample_idx": place,
                "seqlen": 30,
                "prompt_len": 20,
                "head_version": 4,
                "tail_version": 5,
                "reward": reward,
                "prompt": CHAT_ML,
                "completion": f"#### {answer}<|im_end|>",
            }
            for place, (answer, reward) in enumerate([("4", 1.0), ("5", 0.0)])
        ],
        rollouts=[(SUM, "", "4", 1.0, 5), (SUM, "", "5", 0.0, 5)],
    ),
    OtherFile(
        format="nemo-gym",
        name="rollouts.jsonl",
        rows=[
            {
                "responses_create_params": {"input": prompt, "tools": []},
                "response": {"id": "r", "model": "our/policy", "output": output},
                "reward": 1.0,
                "expected_answer": "4",
                "agent_ref": {"type": "responses_api_agents", "name": "sums"},
                "_ng_task_index": 0,
                "_ng_rollout_index": 0,
            }
            for prompt, output in (
                ([{"role": "system", "content": "Be brief."}, *chat(SUM)], [response_item("4")]),
                (
                    SUM,
                    [
                        {
                            "type": "reasoning",
                            "summary": [{"type": "summary_text", "text": "Add."}],
                        },
                        {
                            "type": "function_call",
                            "call_id": "c",
                            "name": "add",
                            "arguments": '{"a": 2, "b": 2}',
                        },
                        {"type": "function_call_output", "call_id": "c", "output": "4"},
                        response_item("It is 4."),
                    ],
                ),
            )
        ],
        rollouts=[
            (BRIEF, "", "4", 1.0, 0),
            (
                SUM,
                "<|assistant thinking|>\nAdd.\n<|assistant|>\n<|call|>\n"
                '{"arguments":{"a":2,"b":2},"name":"add"}\n<|tool 1|>\n4',
                "It is 4.",
                1.0,
                0,
            ),
        ],
        all={"policy": "our/policy", "dataset": "sums"},
    ),
    OtherFile(
        format="nemo-rl",
        name="train_data_step12.jsonl",
        rows=[
            {
                "content": [[CHAT_ML, "#### 4<|im_end|>"]],
                "rewards": [0.0],
                "filtered_rewards": [1.0],
                "input_lengths": [30],
                "token_ids": [[1, 2]],
                "token_loss_mask": [[0, 1]],
                "advantages": [[0.0, 0.5]],
                "idx": 0,
            },
            {
                "content": [[CHAT_ML, "#### 5<|im_end|>"]],
                "rewards": [0.0],
                "input_lengths": [30],
                "idx": 1,
            },
        ],
        rollouts=[(SUM, "", "4", 1.0, 12), (SUM, "", "5", 0.0, 12)],
    ),
    OtherFile(
        format="prime-rl",
        name="step_12.jsonl",
        rows=[
            {
                "version": 1,
                "id": "t",
                "verifiers": {"version": "1.0", "commit": None},
                "task": {"type": "Sums", "data": {"idx": 0, "answer": "4"}, "key": "k"},
                "agent": {"config": {}, "runtime": None, "name": "agent", "trainable": True},
                "tools": [],
                "nodes": [
                    {"parent": None, "message": chat(SUM)[0], "sampled": False, "token_ids": [1]},
                    {
                        "parent": 0,
                        "message": reply("4", reasoning_content="Two.", tool_calls=None)[0],
                        "sampled": True,
                        "token_ids": [2],
                    },
                ],
                "calls": [{"node": 1, "model": "our/policy", "finish_reason": "stop"}],
                "rewards": {"exact": {"score": 1.0, "weight": 1.0}},
                "metrics": {"length": 3.0},
                "info": {},
                "stop_condition": "completed",
                "is_completed": True,
                "ok": True,
                "errors": [],
            }
        ],
        rollouts=[(SUM, "Two.", "4", 1.0, 12)],
        all={"policy": "our/policy", "dataset": "Sums", "finish_reason": "stop"},
    ),
    OtherFile(
        format="lighteval",
        name="details_sums_2026-05-01.parquet",
        write=parquet,
        rows=[
            {
                "doc": {
                    "query": SUM,
                    "choices": ["4"],
                    "gold_index": 0,
                    "task_name": "sums",
                    "id": str(number),
                },
                "model_response": {"input": f"Q: {SUM}", "text": [text], "logprobs": []},
                "metric": {"extractive_match": match},
            }
            for number, (text, match) in enumerate([("#### 4", 1.0), ("#### 5", 0.0)])
        ],
        rollouts=[(SUM, "", "4", 1.0, 0), (SUM, "", "5", 0.0, 0)],
        all={"dataset": "sums"},
    ),
    OtherFile(
        format="kto",
        name="train.csv",
        write=comma_separated,
        rows=[
            {"prompt": SUM, "completion": "4", "label": True},
            {"prompt": SUM, "completion": "5", "label": False},
        ],
        rollouts=[(SUM, "", "4", 1.0, 0), (SUM, "", "5", 0.0, 0)],
    ),
    OtherFile(
        format="humaneval",
        name="samples.jsonl_results.jsonl",
        rows=[
            {
                "task_id": "Sums/0",
                "completion": "    return 4\n",
                "result": "passed",
                "passed": True,
            },
            {
                "task_id": "Sums/0",
                "completion": "    return 5\n",
                "result": "failed: ",
                "passed": False,
            },
        ],
        prompts=[
            {
                "task_id": "Sums/0",
                "prompt": 'def four():\n    """Four."""\n',
                "entry_point": "four",
                "canonical_solution": "    return 4\n",
                "test": "assert four() == 4",
            }
        ],
        rollouts=[
            ('def four():\n    """Four."""', "", "    return 4\n", 1.0, 0),
            ('def four():\n    """Four."""', "", "    return 5\n", 0.0, 0),
        ],
        all={"dataset": "humaneval", "domain": "code"},
    ),
]
