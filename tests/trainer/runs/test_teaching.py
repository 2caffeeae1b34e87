"""Teaching: lessons are right and foreign to what is measured; the policy is a folder like any."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file
from support import teaching_driver
from support.tiny_policy import write_tiny_policy

from schema.errors import InputError
from schema.task import Task
from trainer.policy.policy import load_policy
from trainer.policy.sampling import Sampling, sample
from trainer.runs.teaching import TeachOptions, make_tokenizer, teach
from trainer.tasks.task_sets import load_tasks
from trainer.tasks.worked_examples import Lesson, lessons, worked

SPEC = (
    "gym:chain_sum,products,gcd,simple_equations?size=20&seed=3&chain_sum.min_terms=3&chain_sum.max_terms=4"
    "&products.min_digits=1&products.max_digits=2"
)


@pytest.mark.parametrize(
    ("query", "steps"),
    [
        ("Compute: 38 - 57 + 10 =", "38 - 57 = -19\n-19 + 10 = -9\n"),
        ("Multiply: 55 * 7.", "7 * 50 = 350\n7 * 5 = 35\n350 + 35 = 385\n"),
        ("Multiply: 5 * 7.", ""),
        ("Compute: 3 + 4 =", ""),
        (
            "Find the Greatest Common Divisor (GCD) of these numbers: 12, 30.",
            "30 % 12 = 6\n12 % 6 = 0\n",
        ),
        ("Solve for m: 7*m = 35", "35 / 7 = 5\n"),
        ("Find the value of e in the equation: 5 - 8*e = -51", "5 - -51 = 56\n56 / 8 = 7\n"),
        ("Solve for b: 5 + 2*b = 9", "9 - 5 = 4\n4 / 2 = 2\n"),
        ("Solve for t: 8*t - 9 = 23", "23 + 9 = 32\n32 / 8 = 4\n"),
        ("Solve for z: z + 5 = 13", "13 - 5 = 8\n"),
        ("Solve for z: -29*z + 5 = 63", ""),
        ("The GCD of 12 and 18?", ""),
    ],
)
def test_the_steps_of_a_worked_example(query: str, steps: str) -> None:
    assert worked(query) == steps


def test_lessons_state_true_arithmetic_and_no_query_of_the_set() -> None:
    tasks = load_tasks(SPEC)
    given = lessons(SPEC, tasks, 40)
    asked = {task.query + task.instruction for task in tasks}
    assert len(given) > 60
    assert not asked & {one.prompt for one in given}
    for one in given:
        *steps, answer = one.completion.split("\n")
        assert answer.startswith("#### ")
        for step in steps:
            left, right = step.split(" = ")
            assert re.fullmatch(r"-?\d+ [-+*/%] -?\d+", left)
            assert eval(left) == int(right)
        said = answer.removeprefix("#### ")
        if steps and "%" in steps[-1]:
            assert steps[-1].endswith(f"% {said} = 0")
        elif steps:
            assert steps[-1].endswith(f"= {said}")


def test_a_share_of_the_lessons_guesses_near_the_answer() -> None:
    tasks = load_tasks(SPEC)
    sure, given = lessons(SPEC, tasks, 40), lessons(SPEC, tasks, 40, guessed=0.5)
    pairs = zip(sure, given, strict=True)
    changed = [(one, other) for one, other in pairs if one.completion != other.completion]
    assert 0.3 < len(changed) / len(given) < 0.6
    for one, other in changed:
        right, guess = (int(lesson.completion.split("#### ")[1]) for lesson in (one, other))
        assert "\n" not in other.completion
        assert abs(right - guess) <= 5
    assert given == lessons(SPEC, tasks, 40, guessed=0.5)


def test_careless_lessons_agree_on_what_stands_before_the_last_step() -> None:
    tasks = load_tasks(SPEC)
    sure, given = lessons(SPEC, tasks, 40), lessons(SPEC, tasks, 40, careless=1.0)
    for one, other in zip(sure, given, strict=True):
        *_, before, _ = ["", *one.completion.splitlines()]
        if before:
            assert other.completion == f"#### {before.split(' ')[0]}"
        else:
            assert other == one


def test_lessons_need_tasks_that_can_be_generated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="small or gym"):
        lessons("queries.jsonl", load_tasks(SPEC), 5)


def test_digits_stand_alone() -> None:
    tokenizer = make_tokenizer(["17 + 17 = 34", "#### 1734"] * 10)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("17 + 34")["input_ids"])
    assert [token for token in tokens if any(c.isdigit() for c in token)] == ["1", "7", "3", "4"]


def test_a_taught_policy_writes_what_it_was_taught(tmp_path: Path) -> None:
    given = [Lesson(prompt=f"Say {word}.", completion=f"#### {word}") for word in ("yes", "no")]
    options = TeachOptions(steps=150, batch=4, learning_rate=1e-2, hidden=32, layers=1)
    teach(given * 10, tmp_path / "a", options)
    policy = load_policy(str(tmp_path / "a"))
    model: Any = policy.model
    text = policy.prompt_text([{"role": "user", "content": "Say no."}])
    assert text == "Say no.\n"  # As it was taught.
    asked = policy.tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        said = model.generate(**asked, do_sample=False, max_new_tokens=8)
    assert policy.tokenizer.decode(said[0, asked["input_ids"].shape[1] :]) == "#### no<end>"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes").touch()
    with pytest.raises(InputError, match="new folder"):
        teach(given, tmp_path / "b", options)
    with pytest.raises(InputError, match="no lesson"):
        teach([], tmp_path / "b", options)


def test_a_given_policy_is_taught_the_form(tmp_path: Path) -> None:
    """It keeps its tokenizer, and answers what it was asked last."""
    start = write_tiny_policy(tmp_path / "start")
    given = [Lesson(prompt=f"Say {word}.", completion=f"#### {word}") for word in ("yes", "no")]
    options = TeachOptions(steps=120, batch=4, learning_rate=1e-2, policy=str(start))
    teach(given * 10, tmp_path / "taught", options)
    policy = load_policy(str(tmp_path / "taught"))
    assert policy.model.config.hidden_size == 32
    text = policy.prompt_text([{"role": "user", "content": "Say yes."}])
    assert text == "Say yes.\n"
    task = Task(query="Say yes.", source_query_id="i", dataset="d", domain="m")
    cold = Sampling(rollouts=1, max_new_tokens=10, temperature=1e-6)
    ((said,),) = sample(policy, [task], cold, signals=False)
    assert (said.text, said.truncated) == ("#### yes", False)


def test_killed_teaching_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """Killed after its fifth step, it goes on after the fourth, which it had saved."""
    assert teaching_driver.run(tmp_path / "whole") == list(range(9))
    command = [sys.executable, teaching_driver.__file__, str(tmp_path / "killed"), "5"]
    environment = os.environ | {"PYTHONPATH": str(Path(teaching_driver.__file__).parents[1])}
    killed = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert not (tmp_path / "killed" / "config.json").exists()
    assert teaching_driver.run(tmp_path / "killed") == list(range(4, 9))
    weights = [load_file(tmp_path / n / "model.safetensors") for n in ("whole", "killed")]
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name
    assert not (tmp_path / "killed" / "checkpoints").exists()
    # What is finished is left as it is.
    assert teaching_driver.run(tmp_path / "killed") == []


def test_teaching_resumes_with_what_it_began_with(tmp_path: Path) -> None:
    given, options = teaching_driver.LESSONS, replace(teaching_driver.OPTIONS, steps=1)
    (tmp_path / "a").mkdir()
    with FileLock(tmp_path / "a" / "lock"), pytest.raises(InputError, match="another process"):
        teach(given, tmp_path / "a", options)
    teach(given, tmp_path / "a", options)
    with pytest.raises(InputError, match=r"other settings \(batch\).*another --out"):
        teach(given, tmp_path / "a", replace(options, batch=4))
    with pytest.raises(InputError, match=r"other settings \(lessons\)"):
        teach(given[1:], tmp_path / "a", options)
    teach(given, tmp_path / "a", replace(options, save_every=1))
