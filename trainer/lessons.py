"""Worked examples of a task set's families, for a policy that is to be taught before it is trained.

None of them asks a query of the task set itself, so that nothing is learned by heart that is
measured later.
"""

import re
from dataclasses import dataclass
from typing import Final

from schema.errors import InputError
from trainer.tasks import TaskSet, load_tasks

#: Further from a set's own seed than its tasks can reach.
_SEED: Final = 10_000_000
_SUM = re.compile(r"(\d+(?: [+-] \d+){2,}) =")
_PRODUCT = re.compile(r"(\d+) \* (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """A query with its instruction, and a right completion."""

    prompt: str
    completion: str


def lessons(spec: str, tasks: TaskSet, size: int) -> list[Lesson]:
    """Up to `size` lessons for each family of `spec`, which describes `tasks`.

    Raises:
        InputError: if `spec` is a file: there is nothing to make more tasks of.
    """
    if not spec.startswith(("small", "gym:")):
        raise InputError(f"{spec}: lessons are made of small or gym: tasks; give such a set")
    joint = "&" if "?" in spec else "?"
    more = load_tasks(f"{spec}{joint}size={size}&seed={_SEED}")
    asked = {task.query for task in tasks}
    return [
        Lesson(
            prompt=task.query + task.instruction,
            completion=f"{worked(task.query)}#### {task.check.gold}",
        )
        for task in more
        if task.query not in asked and task.check is not None
    ]


def worked(query: str) -> str:
    """The steps to the answer, a line each; empty for a kind of task that is answered at once.

    Sums of three and more terms are added up from the left; products are taken of the tens and of
    the ones of the larger factor.
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
    return ""
