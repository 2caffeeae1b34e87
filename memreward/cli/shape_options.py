"""Options that say what shape files have: of `ingest` and `evaluate`."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from memstore.mapping import ShapeOptions


class Prefer(StrEnum):
    """Columns of which a row should have one."""

    ANSWER = "answer"
    COMPLETION = "completion"


FollowOption = Annotated[
    bool,
    typer.Option("--follow", help="Store rows as a trainer writes them, until it is stopped."),
]
IdleOption = Annotated[
    float | None,
    typer.Option(help="With --follow: end after so many seconds without a new row."),
]


@dataclass(frozen=True, kw_only=True)
class FileShape:
    """How the rows of files are read."""

    prefer: Annotated[
        Prefer | None,
        typer.Option(help="Which one the policy wrote, where rows have `answer` and `completion`."),
    ] = None
    from_format: Annotated[
        str | None,
        typer.Option(
            "--format", help="The tool that wrote the files; `memreward formats` lists them."
        ),
    ] = None
    columns: Annotated[
        str | None,
        typer.Option(
            "--map", help="Where columns are: query=prompt,completion=output,reward=scores[0],..."
        ),
    ] = None
    explode: Annotated[
        str | None,
        typer.Option(help="Lists with an element a rollout, such as generations,correctness."),
    ] = None
    where: Annotated[
        str | None, typer.Option(help="Use the rows with this value only, as filter=strict-match.")
    ] = None
    prompts: Annotated[
        Path | None,
        typer.Option(help="The file with the prompts, for formats whose files have none."),
    ] = None
    reward_range: Annotated[
        str | None, typer.Option(help="The worst and the best reward, as -1:1; mapped to 0 and 1.")
    ] = None
    reward_threshold: Annotated[
        float | None, typer.Option(help="From which reward on a rollout is right, such as 0.5.")
    ] = None
    nan_missing: Annotated[
        bool, typer.Option("--nan-missing", help="A reward of NaN says that nothing was verified.")
    ] = False

    @property
    def options(self) -> ShapeOptions:
        """What was said of the shape of rows and of their rewards."""
        return ShapeOptions(
            format=self.from_format,
            map=self.columns,
            explode=self.explode,
            where=self.where,
            reward_range=self.reward_range,
            reward_threshold=self.reward_threshold,
            nan_missing=self.nan_missing,
        )
