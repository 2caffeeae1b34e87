"""`memreward prior`."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, console
from schema.errors import InputError


def prior(
    sets: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=FILE...", help="Verified rollouts; a name given twice has several files."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File to write: safetensors.")],
    seed: Annotated[int, typer.Option(help="Seed of draws and weights.")] = 0,
) -> None:
    """Learn the prior for memories without labels from verified rollouts in files."""
    from memreward.jobs import PriorRequest, fit_prior_files

    files: dict[str, list[Path]] = {}
    for given in sets:
        name, equals, path = given.partition("=")
        if not (name and equals and path) or "+" in name:
            raise InputError(f"{given!r} is no set: write NAME=FILE, a name without +")
        files.setdefault(name, []).append(Path(path))
    with bars() as progress:
        priors = fit_prior_files(PriorRequest(files=files, out=out, seed=seed), progress)
    for name, queries in priors.queries.items():
        console.print(f"{name}: {len(queries)} queries", markup=False, highlight=False)
    console.print(f"{len(priors.priors)} priors: {out}", markup=False, soft_wrap=True)
