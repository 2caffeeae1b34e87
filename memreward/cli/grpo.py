"""`memreward grpo` and `memreward compare`: training a policy, and arms against one another."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memreward.base import bars, connected, console
from memreward.cli.options import label_shares
from memstore import Settings, load_settings
from memstore.servers import comparison_folder, run_folder
from schema.errors import InputError
from schema.ids import checked_name
from trainer.rewards import Arm
from trainer.runs import GrpoOptions

if TYPE_CHECKING:
    from memreward.jobs import GrpoOutcome, Source

ALL_ARMS = ",".join(Arm)
PolicyOption = Annotated[str, typer.Option(help="smollm2, or a folder of transformers.")]
TasksOption = Annotated[
    str, typer.Option(help="small, gym:FAMILY,... or a file of queries; docs/collecting.md.")
]
StepsOption = Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")]
GroupOption = Annotated[int, typer.Option(min=2, help="Completions a query.")]
QueriesOption = Annotated[int, typer.Option(min=1, help="Queries a step.")]
TokensOption = Annotated[int, typer.Option(min=1, help="Most tokens of a completion.")]
RateOption = Annotated[float, typer.Option(help="Learning rate.")]
LoraOption = Annotated[int | None, typer.Option(help="Rank of adapters; default: all weights.")]
SaveOption = Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")]
RefreshOption = Annotated[
    int, typer.Option(min=1, help="Steps after which the memory learns again.")
]
EvaluateOption = Annotated[int, typer.Option(min=1, help="Steps between measurements.")]
HeldOption = Annotated[float, typer.Option(help="Share of each family's queries held out.")]
FamiliesOption = Annotated[
    str, typer.Option(help="Families held out altogether, by commas, as `small_gcd`.")
]
CodeOption = Annotated[bool, typer.Option(help="Run the code of answers to verify them.")]


def grpo(
    tasks: TasksOption,
    run: Annotated[str, typer.Option(help="Name of the run; an existing one is resumed.")],
    arm: Annotated[Arm, typer.Option(help="Where the rewards come from.")] = Arm.MEMREWARD,
    memory: Annotated[
        str | None, typer.Option("--memory", "-m", help="Name of the memory, for memreward.")
    ] = None,
    policy: PolicyOption = "smollm2",
    labels: Annotated[
        float,
        typer.Option(help="Share of queries that may be verified; 0: none, not even paid ones."),
    ] = 0.2,
    suggestions: Annotated[
        Path | None, typer.Option(help="File of rows with a `query`, to be verified first.")
    ] = None,
    steps: StepsOption = 100,
    seed: Annotated[int, typer.Option(help="Of order, labels and sampling.")] = 0,
    group: GroupOption = 8,
    queries: QueriesOption = 1,
    tokens: TokensOption = 24,
    learning_rate: RateOption = 1e-5,
    lora: LoraOption = None,
    save_every: SaveOption = 10,
    refresh_every: RefreshOption = 10,
    evaluate_every: EvaluateOption = 20,
    held_out: HeldOption = 0.3,
    held_families: FamiliesOption = "",
    report_to: Annotated[
        str, typer.Option(help="none, tensorboard, trackio or wandb; must be installed.")
    ] = "none",
    run_code: CodeOption = False,
    signals: Annotated[
        bool, typer.Option(help="One more forward pass: the policy's signals, for the memory.")
    ] = False,
) -> None:
    """Train a policy by GRPO with verified and propagated rewards; a killed run resumes."""
    from memreward.jobs import GrpoRequest, draw_run, run_grpo

    checked_name(run, "run")
    if (memory is None) == (arm is Arm.MEMREWARD):
        raise InputError(
            "--arm memreward needs --memory NAME"
            if memory is None
            else f"--arm {arm} uses no memory: leave --memory out"
        )
    if signals and memory is None:
        raise InputError(f"--arm {arm} uses no memory: leave --signals out")
    if arm is Arm.PARTIAL and labels == 0:
        raise InputError("--arm partial has no rewards at all without labels: give some --labels")
    request = GrpoRequest(
        policy=policy,
        tasks=tasks,
        arm=arm,
        labels=labels,
        suggestions=suggestions,
        held_out=held_out,
        held_families=_names(held_families),
        evaluate_every=evaluate_every,
        refresh_every=refresh_every,
        run_code=run_code,
        signals=signals,
        options=GrpoOptions(
            steps=steps,
            seed=seed,
            group=group,
            queries=queries,
            completion_tokens=tokens,
            learning_rate=learning_rate,
            lora=lora,
            save_every=save_every,
            report_to=report_to,
        ),
    )
    settings = load_settings()
    folder = run_folder(settings, memory, run)
    with bars() as progress:
        if memory is None:
            outcome = run_grpo(request, folder, None, progress)
        else:
            with _opened(settings, checked_name(memory, "memory"), run, folder) as source:
                outcome = run_grpo(request, folder, source, progress)
    draw_run(folder)
    for line in _lines(outcome):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def compare(
    tasks: TasksOption,
    name: Annotated[str, typer.Option(help="Name of the comparison; an existing one is resumed.")],
    arms: Annotated[str, typer.Option(help="Which, by commas.")] = ALL_ARMS,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each arm.")] = 3,
    labels: Annotated[str, typer.Option(help="Shares of labels, by commas.")] = "0.2,0.7",
    policy: PolicyOption = "smollm2",
    steps: StepsOption = 100,
    group: GroupOption = 8,
    queries: QueriesOption = 1,
    tokens: TokensOption = 24,
    learning_rate: RateOption = 1e-5,
    lora: LoraOption = None,
    save_every: SaveOption = 10,
    refresh_every: RefreshOption = 10,
    evaluate_every: EvaluateOption = 20,
    held_out: HeldOption = 0.3,
    held_families: FamiliesOption = "",
    run_code: CodeOption = False,
) -> None:
    """Train with each arm from the same start on the same prompts: a table and curves."""
    from memreward.jobs import CompareRequest, GrpoRequest, compare, table

    chosen = _arms(arms)
    request = CompareRequest(
        name=checked_name(name, "comparison"),
        arms=chosen,
        seeds=seeds,
        labels=label_shares(labels),
        run=GrpoRequest(
            policy=policy,
            tasks=tasks,
            arm=chosen[0],
            held_out=held_out,
            held_families=_names(held_families),
            evaluate_every=evaluate_every,
            refresh_every=refresh_every,
            run_code=run_code,
            options=GrpoOptions(
                steps=steps,
                group=group,
                queries=queries,
                completion_tokens=tokens,
                learning_rate=learning_rate,
                lora=lora,
                save_every=save_every,
            ),
        ),
    )
    settings = load_settings()
    folder = comparison_folder(settings, name)

    def open_memory(run: str) -> Any:
        return _opened(settings, checked_name(f"{name}-{run}", "memory"), run, folder / run)

    with bars() as progress:
        results = compare(request, folder, open_memory, progress)
    text = table(results)
    (folder / "comparison.md").write_text(text + "\n", encoding="utf-8")
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(f"folder: {folder}", markup=False, highlight=False, soft_wrap=True)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _arms(text: str) -> list[Arm]:
    known = {arm.value: arm for arm in Arm}
    if unknown := [name for name in _names(text) if name not in known]:
        raise InputError(f"--arms: there is no arm {', '.join(unknown)}; there are {ALL_ARMS}")
    if not _names(text):
        raise InputError(f"--arms: give some of {ALL_ARMS}")
    return [known[name] for name in _names(text)]


@contextmanager
def _opened(settings: Settings, memory: str, run: str, folder: Path) -> "Iterator[Source]":
    from memreward.jobs import memory_source

    with (
        connected(settings) as stores,
        memory_source(
            stores, settings, memory, run, begun=(folder / "run.json").exists()
        ) as source,
    ):
        yield source


def _lines(outcome: "GrpoOutcome") -> list[str]:
    before, after = outcome.before, outcome.after
    share = outcome.reward_seconds / outcome.seconds if outcome.seconds else 0.0
    return [
        f"accuracy on held-out tasks: {before.mean:.3f} before, {after.mean:.3f} after "
        f"{after.step} steps ({after.completions} completions)",
        *(
            f"  {name}: {before.families.get(name, float('nan')):.3f}, {mean:.3f}"
            for name, mean in after.families.items()
        ),
        f"labels paid: {outcome.labels} of {outcome.queries} queries",
        f"rewards: {outcome.reward_seconds:.1f} of {outcome.seconds:.1f} s ({share:.1%})",
        f"policy, log and curves: {outcome.folder}",
    ]
