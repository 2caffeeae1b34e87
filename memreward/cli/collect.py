"""`memreward collect`: a policy answers the queries of a task set."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, connected_whole, console
from memstore import load_settings


def collect(
    tasks: Annotated[
        str, typer.Option(help="small, gym:FAMILY,... or a file of queries (docs/collecting.md).")
    ],
    policy: Annotated[
        str, typer.Option(help="smollm2, qwen-coder, or a saved model's folder.")
    ] = "smollm2",
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name of the memory for the rollouts.")
    ] = None,
    run: Annotated[str, typer.Option(help="Name of the run that makes them.")] = "collect",
    out: Annotated[
        Path | None, typer.Option(help="A .jsonl file for them, instead of a memory.")
    ] = None,
    rollouts: Annotated[int, typer.Option(min=1, help="Completions a query.")] = 8,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest completion.")] = 24,
    temperature: Annotated[float, typer.Option(min=0.01, help="Sampling temperature.")] = 1.0,
    labels: Annotated[
        float, typer.Option(help="Verify this share of each data set's queries; 0: none.")
    ] = 0.2,
    calls: Annotated[
        float | None,
        typer.Option(help="Instead of --labels: share of rollouts that may be verified."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of sampling and of the labels.")] = 0,
    run_code: Annotated[
        bool, typer.Option(help="Run the code of answers to verify them, confined.")
    ] = False,
) -> None:
    """Sample a policy on a task set; the same command again continues where it stopped."""
    from memreward.jobs import (
        CollectRequest,
        check_targets,
        collect_into_file,
        collect_into_memory,
        prepared,
    )
    from trainer.policy import Sampling

    check_targets(memory, out)
    request = CollectRequest(
        policy=policy,
        tasks=tasks,
        sampling=Sampling(
            rollouts=rollouts, max_new_tokens=max_new_tokens, temperature=temperature, seed=seed
        ),
        labels=labels,
        calls=calls,
        run_code=run_code,
    )
    if out is not None:
        with bars() as progress:
            report = collect_into_file(out, prepared(request), progress)
    else:
        assert memory is not None
        settings = load_settings()
        with connected_whole(memory, settings) as (stores, shards), bars() as progress:
            report = collect_into_memory(
                stores, settings, memory, run, prepared(request), progress, shards
            )
    for line in report.lines():
        console.print(line)
