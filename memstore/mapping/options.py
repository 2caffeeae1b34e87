"""What a command says of a file's shape becomes a mapping: `--format`, `--map`, `--explode`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from memstore.mapping.presets import Preset, preset_named
from memstore.mapping.row_mapping import CONVERSATION, TARGETS, TEXTS, RowMapping
from memstore.mapping.value_path import Source, exploded
from memstore.mapping.verdicts import RewardReading, parse_range
from schema.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class ShapeOptions:
    """What was said of the shape of files and of their rewards, as it was written."""

    format: str | None = None
    #: `query=prompt,completion=output`, or the same as a mapping.
    map: str | Mapping[str, str] | None = None
    #: Names of lists, of which each element is a rollout's.
    explode: str | None = None
    #: `filter=strict-match`: only these rows.
    where: str | None = None
    reward_range: str | None = None
    reward_threshold: float | None = None
    nan_missing: bool = False

    @property
    def preset(self) -> Preset | None:
        """The preset that is named.

        Raises:
            InputError: if there is none of the name.
        """
        return None if self.format is None else preset_named(self.format)

    def mapping(self, prompts: Mapping[str, Any] | None = None) -> RowMapping | None:
        """The mapping; None: files have the columns of the input format.

        Args:
            prompts: rows of the file of prompts by key, if one is given.

        Raises:
            InputError: if an option cannot be read, or prompts are needed or not.
        """
        preset = self.preset
        given = _given(self.map)
        lists = [name.strip() for name in (self.explode or "").split(",") if name.strip()]
        where = tuple(map(_condition, _split(self.where or "")))
        if preset is None and not (given or lists or where):
            self._check_prompts(None, prompts)
            return None
        base = preset.mapping if preset else RowMapping(columns={}, passes=True)
        self._check_prompts(base.key, prompts)
        return replace(
            base,
            columns=_merged(base, given, lists),
            given={name: source for name, source in given.items() if source.paths},
            choice=None if "reward" in given else base.choice,
            where=where,
            format=None if given or lists else base.format,
            most=() if {"reward", "completion", "answer"} & set(given) else base.most,
            prompts=prompts or {},
        )

    def _check_prompts(self, key: Source | None, prompts: Mapping[str, Any] | None) -> None:
        if key is not None and prompts is None:
            raise InputError(
                f"--format {self.format} needs the file that holds the prompts: name it with "
                "--prompts"
            )
        if key is None and prompts is not None:
            raise InputError(
                "--prompts goes with a --format whose files have no prompts (`memreward formats`)"
            )

    def reward(self) -> RewardReading:
        """How rewards are read.

        Raises:
            InputError: if the range cannot be read, or a threshold is given, too.
        """
        base = self.preset.reward if self.preset else RewardReading()
        if self.reward_range is not None and self.reward_threshold is not None:
            raise InputError("--reward-range and --reward-threshold: give one of them")
        return RewardReading(
            range=parse_range(self.reward_range) if self.reward_range is not None else base.range,
            threshold=self.reward_threshold,
            nan_missing=self.nan_missing or base.nan_missing,
            summed=base.summed,
            number_texts=self != ShapeOptions(),
        )


def _merged(base: RowMapping, given: dict[str, Source], lists: list[str]) -> dict[str, Source]:
    """The columns of a preset, or the file's own, with those that were given in their place.

    Raises:
        InputError: if nothing is mapped to one of the lists.
    """
    own = {name: Source.parse(name) for name in lists if base.passes and name in TARGETS}
    columns = {**own, **_left(base.columns, given), **given}
    columns = {name: exploded(source, lists) for name, source in columns.items()}
    for name in lists:
        if not _is_mapped(name, columns):
            raise InputError(
                f"--explode {name}: nothing is mapped to it; add it to --map, as in "
                f"completion={name}"
            )
    return columns


def _given(said: str | Mapping[str, str] | None) -> dict[str, Source]:
    """Columns by name; one without a path is to be left out.

    Raises:
        InputError: if a part is no `column=path`, or names a column that there is not.
    """
    if said is None:
        return {}
    parts = said.items() if isinstance(said, Mapping) else _parts(said)
    columns: dict[str, Source] = {}
    for name, path in parts:
        if name not in TARGETS:
            raise InputError(
                f"--map {name}=...: no column of the input format; docs/format.md lists them, "
                f"such as query, completion, reward, step, policy ({CONVERSATION}: prompt and "
                "completion in one list of messages)"
            )
        if name in columns:
            raise InputError(f"--map {name}=... is given twice: give it once")
        columns[name] = Source.parse(path) if path.strip() else Source(constant=None)
    return columns


def _parts(text: str) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for part in _split(text):
        name, sign, path = part.partition("=")
        if not sign:
            raise InputError(f"--map {part.strip()!r}: write column=path, as in query=prompt")
        parts.append((name.strip(), path))
    return parts


def _split(text: str) -> list[str]:
    """Parts between commas that are not in quotes."""
    parts, quote = [""], ""
    for sign in text:
        if sign == "," and not quote:
            parts.append("")
            continue
        if sign in "'\"":
            quote = "" if sign == quote else quote or sign
        parts[-1] += sign
    return [part for part in parts if part.strip()]


def _left(columns: Mapping[str, Source], given: Mapping[str, Source]) -> dict[str, Source]:
    """What stays of a preset's columns: texts that are mapped replace all of its texts."""
    dropped = set(given)
    if dropped & {"answer", "completion", CONVERSATION}:
        dropped |= set(TEXTS)
    return {name: source for name, source in columns.items() if name not in dropped}


def _is_mapped(name: str, columns: Mapping[str, Source]) -> bool:
    return any(path.text == f"{name}[]" for source in columns.values() for path in source.paths)


def _condition(text: str) -> tuple[Source, str]:
    path, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"--where {text!r}: write path=value, as in filter=strict-match")
    return Source.parse(path), value.strip().strip("'\"")
