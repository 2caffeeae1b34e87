"""`memreward train` and `memreward propagate`."""

from typing import Annotated, Final

import typer

from memreward.base import bars, connected_as_whole, console, err_console
from memreward.cli.ingest import MemoryOption
from memstore import load_settings

#: The default model, whose training resumes. Not imported: an interrupt may come in an import.
_RESUMABLE: Final = "memreward"


def train(
    memory: MemoryOption,
    model: Annotated[str, typer.Option(help="memreward, published or a baseline.")] = "memreward",
    seed: Annotated[int, typer.Option(help="Seed of weights and validation split.")] = 0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume an interrupted training, or continue from the last checkpoint, if any.",
        ),
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="How many train; each on a GPU, if there are GPUs.")
    ] = 1,
) -> None:
    """Learn from the verified rewards of a memory; the checkpoint is listed in the graph."""
    settings = load_settings()
    try:
        opened = connected_as_whole(memory, "train", settings)
        with opened as (stores, shards), bars() as progress:
            from gnn.jobs import train_memory  # It takes seconds: servers are looked for first.

            trained = train_memory(
                stores,
                settings,
                memory if shards is None else shards.first.name,
                progress,
                model=model,
                seed=seed,
                resume=resume,
                shards=shards,
                processes=processes,
            )
    except KeyboardInterrupt:
        again = f"`memreward train --memory {memory} --resume` continues"
        said = again if model == _RESUMABLE else "nothing is kept"
        err_console.print(f"interrupted: {said}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130) from None
    if not trained.new:
        console.print(f"nothing was said since: {trained.manifest.version} stays")
        return
    if trained.manifest.model == "prior":
        console.print(
            f"{trained.manifest.version}: the prior that comes with the package, moved by what is "
            f"verified ({trained.report.n_queries} queries); the memory's own model needs 10"
        )
        return
    report, metrics, resumed = trained.report, trained.report.metrics, trained.manifest.resumed
    since = "" if resumed is None else f", on from {resumed}"
    console.print(
        f"{trained.manifest.version}{since}: learnt from {report.n_rollouts} rollouts of "
        f"{report.n_queries} queries{_preferences(report.n_preferences)} in "
        f"{report.seconds:.0f} s, epoch {report.best_epoch} kept"
    )
    shown = (f"{name} {value:.3f}" for name, value in metrics.items() if value is not None)
    console.print(f"on {report.n_validation_queries} validation queries: {', '.join(shown)}")
    console.print(f"checkpoint: {trained.folder}")


def propagate(
    memory: MemoryOption,
    model: Annotated[
        str | None, typer.Option(help="Version of the checkpoint; default: the latest.")
    ] = None,
    precision: Annotated[
        float | None,
        typer.Option(help="Abstain on answers that are not right or wrong with this precision."),
    ] = None,
) -> None:
    """Write a propagated reward for every unlabelled answer; verified ones stay.

    An answer to a query unlike anything labelled gets "no opinion" instead.
    """
    settings = load_settings()
    opened = connected_as_whole(memory, "propagate", settings)
    with opened as (stores, shards), bars() as progress:
        from gnn.jobs import propagate_memory

        done = propagate_memory(
            stores,
            settings,
            memory if shards is None else shards.first.name,
            progress,
            version=model,
            precision=precision,
            shards=shards,
        )
    console.print(
        f"{done.rewards} rewards by {done.version}, mean {done.mean:.3f}; "
        f"{done.verified} verified ones untouched"
    )
    if done.out_of_distribution or done.unsure:
        console.print(
            f"no opinion on {done.out_of_distribution} of queries unlike anything labelled, and on "
            f"{done.unsure} that are not sure enough"
        )


def _preferences(count: int) -> str:
    return f" and {count} preferences" if count else ""
