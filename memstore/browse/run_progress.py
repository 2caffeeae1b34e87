"""What runs brought: a line each for a list, and one of them step by step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from memstore.browse.brief_read import View
from memstore.browse.last_kept import LastKept
from memstore.browse.verified_totals import Totals
from schema.reward import VerifiedSums

#: Policies of runs in a list.
MOST_RUNS: Final = 200
#: Runs whose steps are kept.
MOST_KEPT_RUNS: Final = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCalls:
    """Verdicts of a run: asked for, taken over, and what the audit found."""

    made: int = 0
    saved: int = 0
    audited: int = 0
    agreed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLine:
    """One policy in one run."""

    run: str
    policy: str | None
    n_rollouts: int
    first_step: int
    last_step: int
    #: Mean length of a completion; None: it was never given.
    tokens: float | None
    #: None: it is still being read.
    verified: VerifiedSums | None
    #: Of the whole run.
    calls: RunCalls


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanAt:
    """A mean at one step, and of how many rollouts."""

    step: int
    n: int
    mean: float


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSteps:
    """One run over its steps; what is not known at a step is left out there."""

    tokens: tuple[MeanAt, ...]
    #: Share of the most frequent conclusion of a group.
    share: tuple[MeanAt, ...]
    verified: tuple[MeanAt, ...]
    propagated: tuple[MeanAt, ...]


def run_lines(view: View, totals: Totals | None, run: str | None = None) -> list[RunLine]:
    """The policies of all runs, the latest runs first, or those of one run.

    Args:
        view: of the memory.
        totals: its sums of verified rewards; None: they are still being read.
        run: the only run; None: all.
    """
    view.session.row("expect_many")
    calls = _calls(view)
    return [
        RunLine(
            run=name,
            policy=policy,
            n_rollouts=count,
            first_step=first,
            last_step=last,
            tokens=tokens,
            verified=None if totals is None else totals.get((name, policy), VerifiedSums()),
            calls=calls.get(name, RunCalls()),
        )
        for name, policy, count, first, last, tokens in view.session.rows(
            "run_policies", **view.bounds, run=run, limit=MOST_RUNS
        )
    ]


def run_steps(view: View, run: str) -> RunSteps:
    """One run over its steps."""
    view.session.row("expect_many")
    bounds = {**view.bounds, "run": run}
    lengths = view.session.rows("run_lengths", **bounds)
    counts: Mapping[int, int] = {step: count for step, count, _ in lengths}
    shares = view.session.rows("run_shares", **bounds)
    said = view.session.rows("run_verified", **bounds)
    thought = view.session.rows("run_propagated", **bounds)
    return RunSteps(
        tokens=tuple(
            MeanAt(step=step, n=n, mean=tokens) for step, n, tokens in lengths if tokens is not None
        ),
        share=tuple(MeanAt(step=step, n=counts[step], mean=share) for step, share in shares),
        verified=tuple(MeanAt(step=step, n=n, mean=mean) for step, n, mean in said),
        propagated=tuple(MeanAt(step=step, n=n, mean=mean) for step, n, mean in thought),
    )


class KeptSteps:
    """The steps of the runs that were looked at last, as long as nothing is published since."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: LastKept[tuple[str, int, int, str], RunSteps] = LastKept(MOST_KEPT_RUNS)

    def of(self, view: View, run: str) -> RunSteps:
        """As `run_steps`."""
        state = view.state
        key = (state.incarnation, state.published_seq, view.seq, run)
        kept = self._kept.get(key)
        if kept is None:
            kept = run_steps(view, run)
            self._kept.put(key, kept)
        return kept


def _calls(view: View) -> dict[str, RunCalls]:
    audits = {
        run: (audited, agreed)
        for run, audited, agreed in view.session.rows("run_audits", **view.bounds)
    }
    calls: dict[str, RunCalls] = {}
    for run, made, saved in view.session.rows("run_calls", **view.bounds):
        audited, agreed = audits.get(run, (0, 0))
        calls[run] = RunCalls(made=made, saved=saved, audited=audited, agreed=agreed)
    return calls
