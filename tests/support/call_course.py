"""A short training with a budget of verifier calls, and what was asked and rewarded in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.trl_calls import Calls

from schema.calls import CallPlanner
from trainer.rewards.from_memory import memory_reward

#: Of a question and a completion to it: the hidden reward.
World = Callable[[str, str], float]
#: What was asked of the verifier, a set a step, and what was rewarded.
Course = tuple[list[list[tuple[str, str]]], list[list[float | None]]]


def group(question: int, step: int) -> list[tuple[str, str]]:
    """Eight completions, most of which say the same; each step's texts are its own."""
    said = [
        2 * question,
        2 * question,
        2 * question,
        2 * question + 1,
        2 * question + 1,
        11,
        12,
        13,
    ]
    return [
        (f"What is {question} + {question}?", f"In step {step}: the answer is {number}.")
        for number in said
    ]


def course(
    memory: CallPlanner, world: World, *, budget: float, journal: Path | None = None
) -> Course:
    """Three epochs over four questions."""
    asked: list[list[tuple[str, str]]] = []

    def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
        asked.append(list(zip(prompts, completions, strict=True)))
        return [world(prompt, text) for prompt, text in asked[-1]]

    reward = memory_reward(memory, verify=verify, calls=budget, journal=journal)
    call = Calls(reward)
    rewards = [
        call([pair for question in range(4) for pair in group(question, step)], step)
        for step in range(3)
    ]
    return asked, rewards


def truth(prompt: str, text: str) -> float:
    number = int(prompt.split()[2])
    return float(text.endswith(f" {2 * number}."))
