"""A memory as a data set: read, choose, write, and a card that says where each row is from."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from memstore import new_folder
from memstore.db import Stores
from memstore.reads import StoredRewards, rollouts_by_query, stored_rewards
from schema.errors import InputError
from trainer.datasets.card import Origin, card_text
from trainer.datasets.selection import Selection
from trainer.datasets.tally import Tally
from trainer.datasets.writing import write_rows


@dataclass(frozen=True, kw_only=True)
class DatasetRequest:
    """What `memreward dataset` was asked for."""

    memory: str
    selection: Selection
    #: A folder that is not there yet.
    out: Path
    #: Share of the queries in the validation split.
    validation: float = 0.1

    @property
    def command(self) -> str:
        """The command that makes the same data set."""
        chosen, usual = self.selection, Selection(kind=self.selection.kind)
        words = ["memreward", "dataset", "--memory", self.memory, "--kind", chosen.kind.value]
        for option in ("right_from", "wrong_to", "margin", "most"):
            value = getattr(chosen, option)
            if value != getattr(usual, option):
                words += [f"--{option.replace('_', '-')}", f"{value:g}"]
        if self.validation != DatasetRequest.validation:
            words += ["--validation", f"{self.validation:g}"]
        words += ["--verified-only"] if chosen.verified_only else []
        return shlex.join([*words, "--out", self.out.name])


def write_dataset(
    stores: Stores, request: DatasetRequest, progress: Callable[[str, int, int | None], None]
) -> Tally:
    """Write the data set, as a whole or not at all; nothing of the memory is changed.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if the folder is there already, the memory has no propagated rewards where they
            are wanted, or no rollout qualifies.
    """
    if not 0 <= request.validation < 1:
        raise InputError(f"--validation {request.validation:g}: give a share from 0 and below 1")
    with new_folder(request.out) as folder:
        stored = stored_rewards(stores, request.memory)
        _check_rewards(request, stored)
        tally = Tally()
        groups = rollouts_by_query(stores, request.memory, stored.seq)
        for tally in write_rows(groups, request.selection, request.validation, folder):
            progress("choose from queries", tally.queries, stored.queries)
        if not tally.rows.total():
            raise InputError(_nothing_found(request, tally))
        origin = Origin(
            memory=request.memory,
            seq=stored.seq,
            command=request.command,
            version=version("memreward"),
        )
        text = card_text(origin, request.selection, request.validation, tally)
        (folder / "README.md").write_text(text, encoding="utf-8")
    return tally


def _check_rewards(request: DatasetRequest, stored: StoredRewards) -> None:
    unverified = stored.rollouts - stored.verified
    selection = request.selection
    if selection.kind.takes_preferences and stored.preferences:
        return
    if unverified and not stored.propagated and not selection.verified_only:
        raise InputError(
            f"memory {request.memory!r} has {stored.verified} verified rewards, and none "
            f"propagated to the other {unverified} rollouts: run `memreward propagate --memory "
            f"{request.memory}` first, or give --verified-only"
        )


def _nothing_found(request: DatasetRequest, tally: Tally) -> str:
    return (
        f"memory {request.memory!r} gives no row of kind {request.selection.kind.value}: of "
        f"{tally.rollouts} rollouts {tally.verified} have a verified reward and {tally.propagated} "
        f"a propagated one that is used, {tally.between} of them between the thresholds, and there "
        f"are {tally.preferred} preferences; label or propagate more, or change the thresholds"
    )
