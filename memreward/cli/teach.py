"""`memreward teach`: a policy that knows the form of a task set's answers."""

from pathlib import Path
from typing import Annotated

import typer

from memreward.base import bars, console


def teach(
    tasks: Annotated[str, typer.Option(help="small or gym:FAMILY,...; docs/collecting.md.")],
    out: Annotated[Path, typer.Option(help="Folder for the policy, new or of the same command.")],
    policy: Annotated[
        str | None,
        typer.Option(help="smollm2, qwen-coder, or a saved folder; default: a new small one."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 1000,
    batch: Annotated[int, typer.Option(min=1, help="Worked examples a step.")] = 32,
    learning_rate: Annotated[
        float | None, typer.Option(help="Highest learning rate; 2e-3, or 5e-5 with --policy.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="Worked examples a family.")] = 4000,
    guessed: Annotated[
        float, typer.Option(min=0, max=1, help="Share of examples that guess, without steps.")
    ] = 0.0,
    careless: Annotated[
        float, typer.Option(min=0, max=1, help="Share of examples that omit the last step.")
    ] = 0.0,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 50,
    seed: Annotated[int, typer.Option(help="Random seed of first weights and order.")] = 0,
) -> None:
    """Teach a new policy of 300,000 weights, or a given one, the families of TASKS.

    None of the queries of TASKS is asked. The same command resumes teaching that was killed.
    """
    from trainer.runs import Hook, TeachOptions
    from trainer.runs import teach as teach_policy
    from trainer.tasks import lessons, load_tasks

    given = lessons(tasks, load_tasks(tasks), examples, guessed=guessed, careless=careless)
    with bars() as progress:
        shown = Hook(every=1, do=lambda step: progress("teach", step, steps))
        options = TeachOptions(
            steps=steps,
            seed=seed,
            batch=batch,
            learning_rate=learning_rate or (2e-3 if policy is None else 5e-5),
            policy=policy,
            save_every=save_every,
        )
        teach_policy(given, out, options, [shown])
    console.print(f"policy: {out} ({len(given)} worked examples)", markup=False, soft_wrap=True)
