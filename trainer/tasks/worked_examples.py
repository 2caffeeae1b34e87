"""Worked examples of a task set's families, for a policy that is to be taught before it is trained.

None of them asks a query of the task set itself, so that nothing is learned by heart that is
measured later.
"""

import random
import re
from dataclasses import dataclass
from typing import Final

from schema.errors import InputError
from trainer.tasks.task_sets import TaskSet, load_tasks

#: Further from a set's own seed than its tasks can reach.
_SEED: Final = 10_000_000
_SUM = re.compile(r"(\d+(?: [+-] \d+){2,}) =")
_PRODUCT = re.compile(r"(\d+) \* (\d+)")
_WHOLE = re.compile(r"-?\d+")
#: How far off a guess is at most.
_NEAR: Final = 5
_EQUATION = re.compile(
    r"(?<![-*\w])(?:(?P<first>\d+) (?P<before>[+-]) )?(?:(?P<factor>\d+)\*)?[a-z]\b"
    r"(?: (?P<after>[+-]) (?P<last>\d+))? = (?P<value>-?\d+)"
)
_DIVISOR = re.compile(r"\(GCD\) of these numbers: (\d+), (\d+)\.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """A query with its instruction, and a right completion."""

    prompt: str
    completion: str


def lessons(
    spec: str, tasks: TaskSet, size: int, *, guessed: float = 0.0, careless: float = 0.0
) -> list[Lesson]:
    """Up to `size` lessons for each family of `spec`, which describes `tasks`.

    By chance, the share `guessed` of them say a number near the answer, and the share `careless`
    what comes before the last step, both without any steps: guesses of one query differ, careless
    answers agree. A policy that is taught two ways can find out in training which of them pays.

    Raises:
        InputError: if `spec` is a file: there is nothing to make more tasks of.
    """
    if not spec.startswith(("small", "gym:")):
        raise InputError(f"{spec}: lessons are made of small or gym: tasks; give such a set")
    joint = "&" if "?" in spec else "?"
    more = load_tasks(f"{spec}{joint}size={size}&seed={_SEED}")
    asked = {task.query for task in tasks}
    rng = random.Random(size)
    return [
        Lesson(
            prompt=task.query + task.instruction,
            completion=_completion(task.query, task.check.gold, guessed, careless, rng),
        )
        for task in more
        if task.query not in asked and task.check is not None
    ]


def _completion(query: str, gold: str, guessed: float, careless: float, rng: random.Random) -> str:
    steps, drawn = worked(query), rng.random()
    if drawn < guessed:
        return f"#### {_guess(gold, rng)}"
    if drawn < guessed + careless and steps:
        return f"#### {_before_last(steps)}"
    return f"{steps}#### {gold}"


def _before_last(steps: str) -> str:
    """What the last step begins with."""
    return steps.splitlines()[-1].split(" ")[0]


def _guess(gold: str, rng: random.Random) -> str:
    """A number near a whole one; anything else as it is."""
    return str(int(gold) + rng.randint(-_NEAR, _NEAR)) if _WHOLE.fullmatch(gold) else gold


def worked(query: str) -> str:
    """The steps to the answer, a line each; empty for a kind of task that is answered at once.

    Sums of three and more terms are added up from the left; products are taken of the tens and of
    the ones of the larger factor; a greatest common divisor is found by Euclid's remainders; an
    equation with one unknown is solved for it.
    """
    if found := _SUM.search(query):
        total, *rest = found.group(1).split(" ")
        lines = []
        for sign, term in zip(rest[::2], rest[1::2], strict=True):
            value = int(total) + int(sign + term)
            lines.append(f"{total} {sign} {term} = {value}\n")
            total = str(value)
        return "".join(lines)
    if (found := _PRODUCT.search(query)) and max(map(len, found.groups())) > 1:
        one, other = sorted(map(int, found.groups()))
        tens, ones = other // 10 * 10, other % 10
        return (
            f"{one} * {tens} = {one * tens}\n{one} * {ones} = {one * ones}\n"
            f"{one * tens} + {one * ones} = {one * other}\n"
        )
    if found := _DIVISOR.search(query):
        smaller, larger = sorted(map(int, found.groups()))
        steps = []
        while smaller:
            steps.append(f"{larger} % {smaller} = {larger % smaller}\n")
            larger, smaller = smaller, larger % smaller
        return "".join(steps)
    if found := _EQUATION.search(query):
        return _solved(**found.groupdict())
    return ""


def _solved(
    first: str | None,
    before: str | None,
    factor: str | None,
    after: str | None,
    last: str | None,
    value: str,
) -> str:
    """The steps from `first before factor*x after last = value` to x."""
    right, lines = int(value), []
    if last is not None:
        sign = "-" if after == "+" else "+"
        lines.append(f"{right} {sign} {last}")
        right += int(f"{sign}{last}")
    elif first is not None and before == "+":
        lines.append(f"{right} - {first}")
        right -= int(first)
    elif first is not None:
        lines.append(f"{first} - {right}")
        right = int(first) - right
    steps = [f"{line} = {right}\n" for line in lines]
    if factor is not None:
        steps.append(f"{right} / {factor} = {right // int(factor)}\n")
    return "".join(steps)
