"""Each preset reads a file of its tool as the tool writes it: every rollout, and nothing else."""

from pathlib import Path

import pytest
from support.other_tools import FILES, OtherFile, json_lines

from memstore.formats.rollout_reader import RejectedRow, read_rollouts
from memstore.formats.shapes import proposed_presets, read_options
from memstore.mapping.options import ShapeOptions
from memstore.mapping.presets import list_presets, preset_named
from schema.errors import InputError
from schema.rollout import Rollout

ROOT = Path(__file__).parents[3]


def written(file: OtherFile, folder: Path) -> tuple[Path, Path | None]:
    """The file, and that of its prompts."""
    prompts = json_lines(folder / "prompts.jsonl", file.prompts) if file.prompts else None
    return file.write(folder / file.name, file.rows), prompts


def read(path: Path, format: str, prompts: Path | None = None) -> list[Rollout | RejectedRow]:
    options = read_options(ShapeOptions(format=format), prompts)
    return list(read_rollouts([path], options))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.format} {file.name}")
def test_a_file_of_the_tool_gives_its_rollouts(file: OtherFile, tmp_path: Path) -> None:
    path, prompts = written(file, tmp_path)
    found = read(path, file.format, prompts)
    assert [
        (row.query, row.thinking, row.answer, row.reward, row.step)
        for row in found
        if isinstance(row, Rollout)
    ] == file.rollouts
    assert len(found) == len(file.rollouts), found
    for name, value in file.all.items():
        assert {getattr(row, name) for row in found} == {value}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.format} {file.name}")
def test_a_file_of_the_tool_is_recognised(file: OtherFile, tmp_path: Path) -> None:
    path, _ = written(file, tmp_path)
    assert [preset.name for preset in proposed_presets(path)] == [file.format]


def test_every_preset_is_tested() -> None:
    assert {preset.name for preset in list_presets()} == {file.format for file in FILES}


@pytest.mark.parametrize("preset", list_presets(), ids=lambda preset: preset.name)
def test_the_example_of_a_preset_is_one(preset, tmp_path: Path) -> None:
    prompts = None
    if preset.example_prompt is not None:
        prompts = json_lines(tmp_path / "prompts.jsonl", [preset.example_prompt])
    found = read(json_lines(tmp_path / "a.jsonl", [preset.example]), preset.name, prompts)
    assert found and all(isinstance(row, Rollout) for row in found), found
    assert preset.fits(preset.example)


def test_the_table_of_the_documentation_has_every_preset() -> None:
    lines = (ROOT / "docs" / "format.md").read_text("utf-8").splitlines()
    for preset in list_presets():
        line = f"| `{preset.name}` | {preset.title} | {preset.read_from} |"
        assert line in lines, f"docs/format.md lacks\n{line}"


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"not known: choose one of .*trl, verifiers, verl"):
        preset_named("trll")


def test_a_format_without_prompts_needs_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--prompts"):
        read(tmp_path / "a.jsonl", "vllm-batch")
    prompts = json_lines(tmp_path / "prompts.jsonl", [])
    with pytest.raises(InputError, match="no prompts"):
        read(tmp_path / "a.jsonl", "trl", prompts)


def test_a_reply_to_an_unknown_prompt_is_rejected(tmp_path: Path) -> None:
    (file,) = [file for file in FILES if file.format == "vllm-batch"]
    path, _ = written(file, tmp_path)
    prompts = json_lines(tmp_path / "prompts.jsonl", file.prompts[:1])
    first, last = read(path, "vllm-batch", prompts)
    assert isinstance(first, RejectedRow)
    assert "`custom_id` is 'b'" in first.reason
    assert isinstance(last, Rollout)
    twice = json_lines(tmp_path / "twice.jsonl", [*file.prompts, {"custom_id": "a"}])
    with pytest.raises(InputError, match="'a' is there twice"):
        read(path, "vllm-batch", twice)


@pytest.mark.parametrize(
    ("format", "change", "why"),
    [
        ("nemo-rl", {"content": [["p", "a", "result", "b"]]}, "has 4 elements, 2 are expected"),
        (
            "prime-rl",
            {"nodes": [{"parent": None, "message": {}}, {"parent": None, "message": {}}]},
            "several branches",
        ),
        (
            "inspect",
            {"scores": {"a": {"value": "C"}, "b": {"value": "I"}}},
            "reward=scores.a.value",
        ),
        ("lighteval", {"metric": {"em": 1.0, "f1": 0.5}}, "reward=metric.f1"),
        ("lighteval", {"model_response": {"text": ["4", "5"]}}, "has 2 elements"),
        ("trl", {"form_reward": 1.0}, "reward=form_reward"),
        ("verl", {"score": -1.0}, "--reward-range"),
        ("open-r1", {"correctness_math_verify": [True]}, "differ in length"),
        ("messages", {"messages": [{"role": "user", "content": "q"}]}, "no prompt with a reply"),
        ("kto", {"label": "maybe"}, "correct or incorrect"),
        ("verifiers", {"completion": None}, "`answer` is missing"),
    ],
)
def test_a_row_that_leaves_a_choice_is_rejected(
    format: str, change: dict[str, object], why: str, tmp_path: Path
) -> None:
    row = {**preset_named(format).example, **change}
    (found,) = read(json_lines(tmp_path / "a.jsonl", [row]), format)
    assert isinstance(found, RejectedRow)
    assert why in found.reason
