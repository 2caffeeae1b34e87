"""`memreward compact`: a memory keeps what it learned from rollouts, and less of the rollouts."""

from typing import Annotated, Final

import typer

from memreward.base import as_started, bars, connected_to, console
from memreward.cli.ingest import MemoryOption
from memstore import load_settings
from memstore.forgetting import CompactionPlan, plan_compaction

_MIB: Final = 1 << 20


def compact(
    memory: MemoryOption,
    keep: Annotated[
        int, typer.Option(help="Rollouts of a query, conclusion and policy that stay whole.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Forget; else only count.")] = False,
    shrink: Annotated[
        bool, typer.Option("--shrink", help="Give the space back to the disk; rollouts wait.")
    ] = False,
) -> None:
    """Forget thinkings and embeddings that no reward is made of; the rollouts stay.

    What was verified, or is in a preference, stays whole. There is no way back (docs/operating.md).
    """
    settings = load_settings()
    with connected_to(memory, settings) as stores, bars() as progress:
        for line in plan_lines(memory, plan_compaction(stores, memory, keep)):
            _say(line)
        if not yes:
            command = as_started(f"compact --memory {memory} --keep {keep} --yes")
            _say(f"nothing was forgotten; there is no way back from\n  {command}")
            return
        from memreward.jobs import compact_memory  # It takes seconds.

        done = compact_memory(stores, settings, memory, keep, progress, give_back=shrink)
        table_bytes = plan_compaction(stores, memory, keep).table_bytes
    _say(f"{done:,} rollouts of memory {memory} are forgotten")
    _say(
        f"the table of rollouts of all memories has {table_bytes / _MIB:,.1f} MiB on disk"
        + ("" if shrink else ": new rollouts fill what is free, `--shrink` gives it back")
    )


def plan_lines(memory: str, plan: CompactionPlan) -> list[str]:
    """What a compaction would forget, a line each."""
    whole = plan.rollouts - plan.forgotten - plan.chosen
    return [
        f"memory {memory} has {plan.rollouts:,} rollouts, {plan.forgotten:,} of them forgotten",
        f"{plan.chosen:>14,} to forget now; {whole:,} stay whole",
        f"{plan.embedding_bytes / _MIB:>14,.1f} MiB of their embeddings in Postgres",
        f"{plan.thinking_bytes / _MIB:>14,.1f} MiB of their thinkings in Postgres; Neo4j's go, too",
        f"{plan.table_bytes / _MIB:>14,.1f} MiB is the table of rollouts of all memories on disk",
    ]


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
