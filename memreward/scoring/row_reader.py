"""Rows as files have them become rollouts, for callers that score."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from memreward.scoring.sample_numbers import FreshPlaces
from memstore.formats import ReadOptions, ignored_columns, rollout_of
from schema.errors import InputError
from schema.rollout import Rollout

_LOGGER: Final = logging.getLogger(__name__)


class EncoderStamp(Protocol):
    """What must be known of a memory's encoder."""

    @property
    def name(self) -> str:
        """Name that the memory is stamped with."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...


class RowReader:
    """Reads rows by the input format; those that name no `rollout` are counted."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._places = FreshPlaces()
        self._named: set[str] = set()

    def rollouts(
        self, rows: Sequence[Rollout | Mapping[str, Any]], encoder: EncoderStamp
    ) -> list[Rollout]:
        """The rollouts, in order; what is one already stays as it is.

        Args:
            rows: of the input format. Other columns are ignored, and named in a warning once.
            encoder: of the memory; embeddings that others made are left out.

        Raises:
            InputError: naming the row and what is wrong with it.
        """
        options = ReadOptions(encoder=encoder.name, dimension=encoder.dimension)
        found: list[Rollout] = []
        for place, row in enumerate(rows):
            if isinstance(row, Rollout):
                found.append(row)
                continue
            if not isinstance(row, Mapping):
                raise InputError(
                    f"rollout {place} of {len(rows)} is a {type(row).__name__}: give a dict with "
                    "`query` and `completion`, as docs/format.md says"
                )
            try:
                found.append(rollout_of(row, options, self._places))
            except InputError as error:
                raise InputError(f"rollout {place} of {len(rows)}: {error}") from error
        self._name_ignored(rows)
        return found

    def _name_ignored(self, rows: Sequence[Rollout | Mapping[str, Any]]) -> None:
        names = {name for row in rows if isinstance(row, Mapping) for name in row}
        if fresh := sorted(ignored_columns(names) - self._named):
            self._named |= set(fresh)
            _LOGGER.warning("ignored, since they mean nothing here: %s", ", ".join(fresh))
