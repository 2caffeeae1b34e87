"""What `memreward grpo` and `memreward compare` are both given."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainer.rewards import Arm
from trainer.runs import GrpoOptions

if TYPE_CHECKING:
    from memreward.runs import GrpoRequest


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Tasks, policy and training, whatever the rewards come from."""

    tasks: Annotated[
        str, typer.Option(help="small, gym:FAMILY,... or a file of queries; docs/collecting.md.")
    ]
    policy: Annotated[str, typer.Option(help="smollm2, qwen-coder, or a saved model's folder.")] = (
        "smollm2"
    )
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 100
    group: Annotated[int, typer.Option(min=2, help="Completions a query.")] = 8
    queries: Annotated[int, typer.Option(min=1, help="Queries a step.")] = 1
    tokens: Annotated[int, typer.Option(min=1, help="Most tokens of a completion.")] = 24
    learning_rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-5
    lora: Annotated[int | None, typer.Option(help="Rank of adapters; default: all weights.")] = None
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 10
    refresh_every: Annotated[
        int, typer.Option(min=1, help="Steps after which the memory learns again.")
    ] = 10
    evaluate_every: Annotated[int, typer.Option(min=1, help="Steps between measurements.")] = 20
    held_out: Annotated[float, typer.Option(help="Share of each family's queries held out.")] = 0.3
    held_families: Annotated[
        str, typer.Option(help="Families held out altogether, by commas, as `small_gcd`.")
    ] = ""
    run_code: Annotated[bool, typer.Option(help="Run the code of answers to verify them.")] = False
    curriculum: Annotated[
        bool, typer.Option(help="Ask those queries more whose rollouts differ in reward.")
    ] = False
    report_to: Annotated[
        str, typer.Option(help="none, tensorboard, trackio or wandb; must be installed.")
    ] = "none"

    def request(self, arm: Arm, *, seed: int = 0, **own: Any) -> "GrpoRequest":
        """What a run with rewards by `arm` is asked for; `own` fields are of one command only."""
        from memreward.runs import GrpoRequest

        return GrpoRequest(
            policy=self.policy,
            tasks=self.tasks,
            arm=arm,
            held_out=self.held_out,
            held_families=tuple(name for name in self.held_families.split(",") if name),
            evaluate_every=self.evaluate_every,
            refresh_every=self.refresh_every,
            run_code=self.run_code,
            curriculum=self.curriculum,
            options=GrpoOptions(
                steps=self.steps,
                seed=seed,
                group=self.group,
                queries=self.queries,
                completion_tokens=self.tokens,
                learning_rate=self.learning_rate,
                lora=self.lora,
                save_every=self.save_every,
                report_to=self.report_to,
            ),
            **own,
        )
