"""Task sets: what a policy is asked, from reasoning-gym or from a file of queries.

A specification is text:

    small                                   the small tasks below, 100 queries each
    small:gcd,letter_counting?size=50       some of them
    gym:chain_sum,products?size=60&seed=7   families of reasoning-gym with their own settings
    gym:gcd?gcd.max_value=20                with a setting of one family changed
    queries.jsonl, rollouts.parquet         a file with `query` and `gold`, `tests` or neither

`size` counts the distinct queries of a family, which may have fewer. `seed` is reasoning-gym's own,
which counts on from it: seeds closer than five times `size` share tasks.
"""

import ast
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from schema.errors import InputError
from schema.ids import text_fraction
from schema.task import Check, Task, VerifierKind
from trainer.tasks.task_file import tasks_of_file

#: Families with settings in which SmolLM2-135M is right in some answers and wrong in others.
SMALL: Final[Mapping[str, Mapping[str, Any]]] = {
    "letter_counting": {"min_words": 2, "max_words": 3},
    "count_bits": {"max_n": 15},
    "products": {"min_digits": 1, "max_digits": 1},
    "gcd": {"max_value": 20},
}
INSTRUCTION: Final = "\nGive the answer after ####."
DEFAULT_SIZE: Final = 100
#: A family with few distinct queries is asked for at most so many times `size` of them.
_TRIES: Final = 5
#: What a family's solved example is made with, so that it is none of its tasks.
_EXAMPLE_SEED: Final = 1_000_003


@dataclass(frozen=True, kw_only=True)
class TaskSet:
    """Tasks with distinct queries, in a fixed order."""

    name: str
    tasks: tuple[Task, ...]

    def __iter__(self) -> Iterator[Task]:
        """The tasks, in order."""
        return iter(self.tasks)

    def __len__(self) -> int:
        """How many tasks there are."""
        return len(self.tasks)

    @property
    def families(self) -> list[str]:
        """The data sets that the tasks belong to."""
        return sorted({task.dataset for task in self.tasks})

    def split(self, share: float, seed: int = 0) -> tuple["TaskSet", "TaskSet"]:
        """(training, held-out) tasks: `share` of each family's queries, by hash, are held out.

        Raises:
            InputError: if `share` is not in [0, 1).
        """
        if not 0.0 <= share < 1.0:
            raise InputError(f"a held-out share of {share}: give a number from 0 to below 1")
        held = {text for family in self.families for text in self._chosen(family, share, seed)}
        return (
            self._of("train", [task for task in self.tasks if task.query not in held]),
            self._of("held-out", [task for task in self.tasks if task.query in held]),
        )

    def hold_out(self, families: Collection[str]) -> tuple["TaskSet", "TaskSet"]:
        """(the others, those of `families`).

        Raises:
            InputError: if a family is not among the tasks.
        """
        if missing := set(families) - set(self.families):
            raise InputError(
                f"no task of family {', '.join(sorted(missing))}: there are "
                f"{', '.join(self.families)}"
            )
        return (
            self._of("train", [task for task in self.tasks if task.dataset not in families]),
            self._of("families", [task for task in self.tasks if task.dataset in families]),
        )

    def _chosen(self, family: str, share: float, seed: int) -> list[str]:
        texts = [task.query for task in self.tasks if task.dataset == family]
        texts.sort(key=lambda text: (text_fraction(text, f"held-out-{seed}"), text))
        return texts[: round(share * len(texts))]

    def _of(self, part: str, tasks: list[Task]) -> "TaskSet":
        return replace(self, name=f"{self.name} ({part})", tasks=tuple(tasks))


def load_tasks(spec: str) -> TaskSet:
    """The task set that a specification describes; the same one makes the same set.

    Raises:
        InputError: if it names no file, family or setting, or the file cannot be used.
    """
    kind, _, rest = spec.partition("?")
    kind, _, names = kind.partition(":")
    if kind not in ("small", "gym"):
        return TaskSet(name=spec, tasks=tuple(tasks_of_file(Path(spec))))
    size, seed, changed = _options(spec, rest)
    wanted = [name for name in names.split(",") if name]
    if kind == "small":
        if unknown := set(wanted) - set(SMALL):
            raise InputError(
                f"{spec}: no small task {', '.join(sorted(unknown))}; there are {', '.join(SMALL)}"
            )
        settings = {name: dict(SMALL[name]) for name in wanted or SMALL}
    else:
        settings = {name: dict[str, Any]() for name in wanted}
    if not settings:
        raise InputError(f"{spec}: name at least one family, as in gym:gcd,products")
    for name, key, value in changed:
        if name not in settings:
            raise InputError(f"{spec}: sets {name}.{key}, but {name} is not among its families")
        settings[name][key] = value
    prefix = "small" if kind == "small" else "rg"
    tasks = [
        task
        for family, own in settings.items()
        for task in _generated(f"{prefix}_{family}", family, own, seed, size)
    ]
    return TaskSet(name=spec, tasks=tuple(_distinct(tasks)))


def _options(spec: str, text: str) -> tuple[int, int, list[tuple[str, str, Any]]]:
    """(size, seed, changed settings as (family, name, value)) of the part after `?`."""
    size, seed = DEFAULT_SIZE, 0
    changed: list[tuple[str, str, Any]] = []
    for name, text_value in parse_qsl(text, keep_blank_values=True):
        try:
            value = ast.literal_eval(text_value)
        except (ValueError, SyntaxError):
            value = text_value
        family, dot, key = name.partition(".")
        if dot:
            changed.append((family, key, value))
        elif name in ("size", "seed") and type(value) is int and value >= (name == "size"):
            size, seed = (value, seed) if name == "size" else (size, value)
        else:
            raise InputError(
                f"{spec}: cannot use {name}={text_value}; give size=N, seed=N or family.setting=V"
            )
    return size, seed, changed


def _generated(
    dataset: str, family: str, settings: Mapping[str, Any], seed: int, size: int
) -> Iterator[Task]:
    """Up to `size` tasks with distinct queries, none of which is the solved example's."""
    from trainer.tasks.gym import entry

    own = {**settings, "size": _TRIES * size}
    shown = entry(family, own, _EXAMPLE_SEED + seed, 0)
    seen = {shown.question}
    for index in range(_TRIES * size):
        made = entry(family, own, seed, index)
        if made.question in seen:
            continue
        seen.add(made.question)
        yield Task(
            query=made.question,
            source_query_id=f"{dataset}-{seed}-{index}",
            dataset=dataset,
            domain="gym",
            example=(shown.question, f"#### {shown.answer}"),
            instruction=INSTRUCTION,
            check=Check(
                kind=VerifierKind.GYM,
                gold=made.answer,
                family=family,
                settings=json.dumps(own, sort_keys=True),
                seed=seed,
                index=index,
            ),
        )
        if len(seen) > size:
            return


def _distinct(tasks: list[Task]) -> list[Task]:
    """The first task of each query."""
    first: dict[str, Task] = {}
    for task in tasks:
        first.setdefault(task.query, task)
    return list(first.values())
