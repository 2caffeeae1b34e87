"""Options that say what shape files have: of `ingest` and `evaluate`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Prefer(StrEnum):
    """Columns of which a row should have one."""

    ANSWER = "answer"
    COMPLETION = "completion"


PreferOption = Annotated[
    Prefer | None,
    typer.Option(help="Which one the policy wrote, where rows have `answer` and `completion`."),
]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="The tool that wrote the files; `memreward formats` lists them."),
]
MapOption = Annotated[
    str | None,
    typer.Option(
        "--map", help="Where columns are: query=prompt,completion=output,reward=scores[0],..."
    ),
]
ExplodeOption = Annotated[
    str | None,
    typer.Option(help="Lists with an element a rollout, such as generations,correctness."),
]
WhereOption = Annotated[
    str | None, typer.Option(help="Use the rows with this value only, as filter=strict-match.")
]
PromptsOption = Annotated[
    Path | None,
    typer.Option(help="The file with the prompts, for formats whose files have none."),
]
RangeOption = Annotated[
    str | None, typer.Option(help="The worst and the best reward, as -1:1; mapped to 0 and 1.")
]
ThresholdOption = Annotated[
    float | None, typer.Option(help="From which reward on a rollout is right, such as 0.5.")
]
FollowOption = Annotated[
    bool,
    typer.Option("--follow", help="Store rows as a trainer writes them, until it is stopped."),
]
IdleOption = Annotated[
    float | None,
    typer.Option(help="With --follow: end after so many seconds without a new row."),
]
NanOption = Annotated[
    bool, typer.Option("--nan-missing", help="A reward of NaN says that nothing was verified.")
]
