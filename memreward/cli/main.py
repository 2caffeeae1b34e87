"""The command line: `memreward COMMAND`; every refusal is one message and exit code 2."""

from typing import Any

import typer
from typer.core import TyperGroup

from memreward.base import err_console
from memreward.bench import cli as bench_cli
from memreward.cli import archive as archive_cli
from memreward.cli import care as care_cli
from memreward.cli import collect as collect_cli
from memreward.cli import demo as demo_cli
from memreward.cli import evaluate as evaluate_cli
from memreward.cli import explain as why_cli
from memreward.cli import grpo as grpo_cli
from memreward.cli import ingest as ingest_cli
from memreward.cli import label_noise as robustness_cli
from memreward.cli import query as look_cli
from memreward.cli import repair as repair_cli
from memreward.cli import serve as serve_cli
from memreward.cli import servers as servers_cli
from memreward.cli import snapshot as snapshot_cli
from memreward.cli import suggest as suggest_cli
from memreward.cli import teach as teach_cli
from memreward.cli import train as rewards_cli
from schema.errors import MemrewardError


class _Group(TyperGroup):
    """Prints our errors as a message; all others stay tracebacks, since they are bugs."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MemrewardError as error:
            err_console.print(
                f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True
            )
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    help="A shared, durable memory of rollouts that spreads few verified rewards to many.",
    pretty_exceptions_enable=False,
)
for part in (
    demo_cli,
    servers_cli,
    ingest_cli,
    collect_cli,
    rewards_cli,
    grpo_cli,
    teach_cli,
    look_cli,
    evaluate_cli,
    robustness_cli,
    care_cli,
    repair_cli,
    archive_cli,
    suggest_cli,
    why_cli,
    snapshot_cli,
    serve_cli,
    bench_cli,
):
    part.register(app)
