"""Files that could go in wrong without a word: right, or refused with the remedy."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.other_tools import FILES

from memstore.formats.files import inspect_files
from memstore.formats.rollout_reader import RejectedRow, RolloutReader
from memstore.formats.rollout_row import ReadOptions
from memstore.mapping.options import ShapeOptions
from schema.errors import InputError
from schema.rollout import Rollout

Row = dict[str, Any]
QUERY = "What is 2 + 2?"
LM_EVAL: Row = {
    **{"doc_id": 0, "doc": {"question": QUERY, "answer": "4"}, "target": "4"},
    **{"arguments": {"gen_args_0": {"arg_0": QUERY}}, "resps": [["4"]], "filtered_resps": ["4"]},
    **{"filter": "strict", "metrics": ["exact"], "exact": 1.0},
}
OPEN_R1: Row = {
    **{"problem": QUERY, "answer": "4", "generations": ["4", "5"], "source": "made up"},
    **{"correctness_math_verify": [True, False], "finish_reasons": ["stop", "stop"]},
}


def read(folder: Path, rows: list[Row], **shape: Any) -> list[Rollout | RejectedRow]:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    said = ShapeOptions(**shape)
    options = ReadOptions(mapping=said.mapping(), reward=said.reward())
    return list(RolloutReader(inspect_files([path], options), options))


def reasons(folder: Path, rows: list[Row], **shape: Any) -> list[str]:
    found = read(folder, rows, **shape)
    return [row.reason for row in found if isinstance(row, RejectedRow)]


def rewards(folder: Path, rows: list[Row], **shape: Any) -> list[float | None]:
    return [row.reward for row in read(folder, rows, **shape) if isinstance(row, Rollout)]


@pytest.mark.parametrize("named", ["kto", "openrlhf", "trl", "verifiers", "lm-eval"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.format} {file.name}")
def test_a_file_of_another_tool_than_was_named_is_refused(
    file: Any, named: str, tmp_path: Path
) -> None:
    if file.format == named or not file.name.endswith(".jsonl"):
        return
    with pytest.raises(InputError, match=f"--format {file.format}|prompts"):
        read(tmp_path, file.rows, format=named)


def test_what_is_mapped_on_purpose_is_taken(tmp_path: Path) -> None:
    row = {"prompt": QUERY, "completion": "4", "label": True}
    with pytest.raises(InputError, match="looks like kto, not like openrlhf"):
        read(tmp_path, [row], format="openrlhf")
    said = "query=prompt,completion=completion,reward=label"
    assert rewards(tmp_path, [row], format="openrlhf", map=said) == [1.0]


def test_rows_that_are_there_once_a_filter_ask_for_one(tmp_path: Path) -> None:
    rows = [LM_EVAL, {**LM_EVAL, "filter": "flexible", "exact": 0.0}]
    with pytest.raises(InputError, match="--where filter=strict"):
        read(tmp_path, rows, format="lm-eval")
    assert rewards(tmp_path, rows, format="lm-eval", where="filter=flexible") == [0.0]


def test_one_reward_is_not_given_to_several_replies(tmp_path: Path) -> None:
    row = {"q": QUERY, "outs": ["4", "5"], "good": [1], "score": 1}
    for reward in ("good", "score"):
        said = f"query=q,completion=outs[],reward={reward}"
        (reason,) = reasons(tmp_path, [row], map=said)
        assert "one reward, and there are 2 replies" in reason
    assert rewards(tmp_path, [row], map="query=q,completion=outs[],reward=1") == [1.0, 1.0]
    one = {**row, "outs": ["4"]}
    assert rewards(tmp_path, [one], map="query=q,completion=outs[],reward=score") == [1.0]


def test_unequal_lists_are_refused_and_missing_verdicts_are_none(tmp_path: Path) -> None:
    (reason,) = reasons(
        tmp_path, [{**OPEN_R1, "correctness_math_verify": [True]}], format="open-r1"
    )
    assert "differ in length" in reason
    row = {**OPEN_R1, "correctness_math_verify": [True, None]}
    assert rewards(tmp_path, [OPEN_R1, row], format="open-r1") == [1.0, 0.0, 1.0, None]
    row = {**OPEN_R1, "correctness_math_verify": None}
    assert rewards(tmp_path, [OPEN_R1, row], format="open-r1") == [1.0, 0.0, None, None]


def test_a_preference_between_replies_to_two_prompts_is_rejected(tmp_path: Path) -> None:
    def chat(question: str, reply: str) -> list[Row]:
        return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]

    rows = [
        {"chosen": chat("A?", "x"), "rejected": chat("A?", "y")},
        {"chosen": chat("A?", "x"), "rejected": chat("B?", "y")},
    ]
    (reason,) = reasons(tmp_path, rows, format="preferences")
    assert "different prompts" in reason


def test_a_score_without_numbers_is_none(tmp_path: Path) -> None:
    row = {"input_prompt": QUERY, "output_response": "4", "score": [], "data_source": "sums"}
    (reason,) = reasons(tmp_path, [row], format="skyrl")
    assert "empty list" in reason


@pytest.mark.parametrize(
    "column", ["pred", "model_answer", "llm_response", "reply", "messages", "candidates"]
)
def test_a_gold_answer_beside_a_reply_is_not_stored_as_the_policys(
    column: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=f"--map completion={column}, or with --prefer answer"):
        read(tmp_path, [{"query": QUERY, "answer": "4", column: "5"}])


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"query": "q", "answer": "gold", "answer": "5"}\n')
    with pytest.raises(InputError, match="'answer' twice"):
        inspect_files([path], ReadOptions())


@pytest.mark.parametrize(
    "tail", ["<|eot_id|>", "</s>", "<|im_end|>\n<|im_start|>user\nMore?", "<eos>"]
)
def test_tails_leave_answers(tail: str, tmp_path: Path) -> None:
    for column in ("answer", "completion"):
        (found,) = read(tmp_path, [{"query": QUERY, column: f"4{tail}"}])
        assert isinstance(found, Rollout) and found.answer == "4"


def test_a_template_in_a_query_of_our_own_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    query = f"<|im_start|>user\n{QUERY}<|im_end|>\n<|im_start|>assistant\n"
    path.write_text(json.dumps({"query": query, "answer": "4"}) + "\n")
    reader = RolloutReader(inspect_files([path]))
    assert len(list(reader)) == 1 and reader.untidy_queries == 1
    (found,) = read(tmp_path, [{"query": query, "answer": "4"}], map="query=query")
    assert isinstance(found, Rollout) and found.query == QUERY


@pytest.mark.parametrize("path", ["nosuch", "scores.0", "scores[0].value", "scores[7]|nosuch"])
def test_a_path_that_leads_to_nothing_is_refused(tmp_path: Path, path: str) -> None:
    rows = [{"q": QUERY, "out": "4", "scores": [1.0]}, {"q": QUERY, "out": "5", "scores": [0.0]}]
    said = f"query=q,answer=out,reward={path}"
    with pytest.raises(InputError, match="no row has what --map reward=") as refused:
        read(tmp_path, rows, map=said)
    assert path in str(refused.value)
    assert rewards(tmp_path, [*rows, {**rows[1], "nosuch": 0.5}], map=f"{said}|nosuch")[-1] == 0.5


def test_what_some_rows_lack_is_no_error(tmp_path: Path) -> None:
    rows = [{"q": QUERY, "out": "4"}, {"q": QUERY, "out": "5", "score": None}]
    assert (
        rewards(tmp_path, rows, map="query=q,answer=out,reward=score,policy='mine'") == [None] * 2
    )
