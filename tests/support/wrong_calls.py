"""Wrong calls of the command line, made from the tree of commands: the same for the same seed."""

import random
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from memreward.cli.lazy_group import Branch, Tree

#: Values that some parameter of the type cannot take.
_WRONG: Mapping[type, tuple[str, ...]] = {
    Enum: ("nothing", "", "SFT,DPO"),
    int: ("many", "1.5", "", "-7", "99999999999999999999"),
    float: ("much", "nan", "inf", "-1", ""),
    str: ("../up", "", "a b", "x" * 3000, "[red]", "\u202e", "=1", "\\", "a\x1b[2Jb"),
    Path: (
        *("missing.jsonl", "missing/deep.csv", "folder", "empty.jsonl", "binary.parquet"),
        *("binary.jsonl", "list.json", "other.csv", "tasks.jsonl", "", "x" * 300),
    ),
}


def write_files(folder: Path) -> None:
    """Files that are not what commands expect."""
    (folder / "folder").mkdir()
    (folder / "empty.jsonl").touch()
    (folder / "binary.parquet").write_bytes(bytes(range(256)) * 8)
    (folder / "binary.jsonl").write_bytes(b"\x89PNG\r\n" + bytes(range(256)))
    (folder / "list.json").write_text("[1, 2, [3]]")
    (folder / "other.csv").write_text('a;b\n"1;2\n')
    (folder / "tasks.jsonl").write_text('{"question": "What?", "gold": "4"}\n')


def command_paths(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words that name each command."""
    for name, entry in tree.items():
        if isinstance(entry, Branch):
            yield from command_paths(entry.entries, (*path, name))
        else:
            yield (*path, name)


def wrong_calls(group: Any, path: tuple[str, ...], count: int) -> Iterator[list[str]]:
    """Yield `count` calls of a command, each with something wrong, as words."""
    rng = random.Random(" ".join(path))
    command = group
    for name in path:
        command = command.commands[name]
    for _ in range(count):
        yield [*path, *_words(rng, command)]


def _words(rng: random.Random, command: Any) -> list[str]:
    """Most of what is required, some options, and more that is wrong in any command."""
    words: list[str] = []
    for param in command.params:
        if param.name == "help" or rng.random() > (0.9 if param.required else 0.3):
            continue
        if param.param_type_name == "argument":
            words.append(_value(rng, param))
        elif param.is_flag:
            words.append(rng.choice([*param.opts, *param.secondary_opts]))
        else:
            words += [rng.choice(param.opts), _value(rng, param)]
    match rng.randrange(6):
        case 0:
            words.append("--no-such-option")
        case 1:
            words += ["too", "many", "words"]
        case 2:
            words += words[-2:]
        case _:
            pass
    return words


def _value(rng: random.Random, param: Any) -> str:
    kind = param.type_descriptor.annotation
    found = next((values for of, values in _WRONG.items() if _is(kind, of)), _WRONG[str])
    return rng.choice(found)


def _is(kind: Any, of: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, of)
