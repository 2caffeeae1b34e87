"""Which of several values is the reward, where a tool's file has one a metric or a scorer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memstore.mapping.value_path import MISSING, ValuePath
from schema.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class RewardChoice:
    """Where the candidates are: `*` stands for any name, as in `scores.*.value`.

    There must be one. Which one it is depends on the names that are there and never on values, so
    that all rows of a file have the same.
    """

    text: str
    #: Names that are no candidates.
    excluded: frozenset[str] = frozenset()
    #: A path to the list of names that are; None: all are.
    names: ValuePath | None = None

    def of(self, row: Mapping[str, Any]) -> Any:
        """The one candidate's value; MISSING: there is none.

        Raises:
            InputError: if there are several.
        """
        before, _, after = self.text.partition("*")
        prefix, suffix = before.rstrip("."), after.lstrip(".")
        holder = ValuePath.parse(prefix).of(row) if prefix else row
        if not isinstance(holder, Mapping):
            return MISSING
        listed = self.names.of(row) if self.names is not None else None
        found: dict[str, Any] = {}
        for name, value in holder.items():
            if name in self.excluded or (isinstance(listed, list) and name not in listed):
                continue
            if suffix:
                value = ValuePath.parse(suffix).of(value) if isinstance(value, Mapping) else MISSING
            if value is not MISSING and (suffix or not isinstance(value, str | list | Mapping)):
                found[name] = value
        if len(found) > 1:
            shown = ", ".join(f"reward={self.text.replace('*', name)}" for name in sorted(found))
            raise InputError(
                f"{len(found)} columns may be the reward: choose one with --map ({shown}), or "
                "leave all out with --map reward="
            )
        return next(iter(found.values()), MISSING)
