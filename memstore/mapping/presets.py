"""Presets: mappings by name, one readable file each, for the files of well-known tools."""

import json
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from memstore.mapping.reward_choice import RewardChoice
from memstore.mapping.row_mapping import RowMapping
from memstore.mapping.value_path import MISSING, Source, ValuePath
from memstore.mapping.verdicts import RewardReading, parse_range
from schema.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A named mapping, and what is known of the files that it is for."""

    name: str
    #: What writes such files, and which they are.
    title: str
    #: The version of the tool, or the date, that the shape was read from, and where.
    read_from: str
    source: str
    #: Paths that lead to values in every row of such a file; it is recognised by them.
    signature: tuple[Source, ...]
    #: Paths that lead to none.
    absent: tuple[Source, ...]
    mapping: RowMapping
    reward: RewardReading
    #: Row of the prompts' file that belongs to a row: the key in that file; None: none is needed.
    prompts_key: Source | None
    example: dict[str, Any]
    example_prompt: dict[str, Any] | None

    def fits(self, row: dict[str, Any]) -> bool:
        """Whether a row has the shape."""
        return all(_leads(path, row) for path in self.signature) and not any(
            _leads(path, row) for path in self.absent
        )


@cache
def list_presets() -> tuple[Preset, ...]:
    """All presets, by name."""
    folder = files("memstore.mapping") / "presets"
    texts = [file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")]
    return tuple(sorted(map(_preset, texts), key=lambda preset: preset.name))


def preset_named(name: str) -> Preset:
    """The preset of a name.

    Raises:
        InputError: if there is none.
    """
    found = {preset.name: preset for preset in list_presets()}
    if name not in found:
        raise InputError(
            f"--format {name!r} is not known: choose one of {', '.join(found)} (`memreward "
            "formats` shows a row of each), or map the columns with --map"
        )
    return found[name]


def _leads(path: Source, row: dict[str, Any]) -> bool:
    try:
        value = path.of(row)
    except InputError:
        return False
    return value is not MISSING and value is not None


def _preset(text: str) -> Preset:
    said = tomllib.loads(text)
    reward = said.get("reward", {})
    prompt = said.get("example_prompt")
    return Preset(
        name=said["name"],
        title=said["title"],
        read_from=said["read_from"],
        source=said["source"],
        signature=tuple(map(Source.parse, said["signature"])),
        absent=tuple(map(Source.parse, said.get("absent", ()))),
        mapping=RowMapping(
            columns=_columns(said["columns"]),
            variants=tuple(map(_columns, said.get("variants", [{}]))),
            is_preference=said.get("preference", False),
            choice=_choice(reward),
            most=tuple((Source.parse(path), most) for path, most in said.get("most", {}).items()),
            chain=Source.parse(said["chain"]) if "chain" in said else None,
            single=Source.parse(said["single"]) if "single" in said else None,
            format=said["name"],
            file_name=re.compile(said["file_name"]) if "file_name" in said else None,
            bare_templates=said.get("bare_templates", False),
            key=Source.parse(said["prompts"]["key"]) if "prompts" in said else None,
        ),
        reward=RewardReading(
            range=parse_range(reward["range"]) if "range" in reward else None,
            nan_missing=reward.get("nan_missing", False),
            summed=reward.get("summed", False),
        ),
        prompts_key=Source.parse(said["prompts"]["file_key"]) if "prompts" in said else None,
        example=json.loads(said["example"]),
        example_prompt=None if prompt is None else json.loads(prompt),
    )


def _columns(said: dict[str, str]) -> dict[str, Source]:
    return {name: Source.parse(text) for name, text in said.items()}


def _choice(said: dict[str, Any]) -> RewardChoice | None:
    if "among" not in said:
        return None
    return RewardChoice(
        text=said["among"],
        excluded=frozenset(said.get("except", ())),
        names=ValuePath.parse(said["names"]) if "names" in said else None,
    )
