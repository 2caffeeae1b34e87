"""`memreward teach`: a small policy for a task set, to try a training out on a CPU."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, console


def teach(
    tasks: Annotated[str, typer.Option(help="small or gym:FAMILY,...; docs/collecting.md.")],
    out: Annotated[Path, typer.Option(help="New folder for the policy.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of 32 worked examples.")] = 1000,
    examples: Annotated[int, typer.Option(min=1, help="Worked examples a family.")] = 4000,
    guessed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of examples that guess, without steps.")
    ] = 0.0,
    careless: Annotated[
        float, typer.Option(min=0, max=1, help="Share of examples that omit the last step.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Random seed of first weights and order.")] = 0,
) -> None:
    """Teach a policy of 300,000 weights the families of TASKS, but none of its queries."""
    from trainer.runs import Hook, TeachOptions
    from trainer.runs import teach as teach_policy
    from trainer.tasks import lessons, load_tasks

    given = lessons(tasks, load_tasks(tasks), examples, guessed=guessed, careless=careless)
    with bars() as progress:
        shown = Hook(every=1, do=lambda step: progress("teach", step, steps))
        teach_policy(given, out, TeachOptions(steps=steps, seed=seed), [shown])
    console.print(f"policy: {out} ({len(given)} worked examples)", markup=False, soft_wrap=True)
