"""Pictures of a run as SVG, for light and dark pages."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from memstore.browse import MeanAt, RunSteps

#: Ink, grid, first and second line: the colours of the style sheet.
_LIGHT: Final = ("#5b6570", "#d5dae0", "#0a6e8a", "#b4560e")
_DARK: Final = ("#a3adb7", "#353c43", "#4cc3e0", "#f09a52")


def run_chart(steps: RunSteps, *, dark: bool) -> bytes:
    """Rewards, the share of the most frequent conclusion and lengths over the steps of a run."""
    ink, grid, first, second = _DARK if dark else _LIGHT
    figure = Figure(figsize=(11, 3.1), layout="constrained")
    figure.patch.set_alpha(0)
    rewards, share, tokens = figure.subplots(1, 3)
    _line(rewards, steps.verified, first, "verified")
    _line(rewards, steps.propagated, second, "propagated", dashed=True)
    _line(share, steps.share, first, None)
    _line(tokens, steps.tokens, first, None)
    rewards.set(title="mean reward", ylim=(-0.02, 1.02))
    share.set(title="share of the first conclusion", ylim=(-0.02, 1.02))
    tokens.set(title="completion tokens")
    tokens.set_ylim(bottom=0)
    if steps.verified or steps.propagated:
        rewards.legend(labelcolor=ink, framealpha=0)
    for axes in (rewards, share, tokens):
        _in_colours(axes, ink, grid)
    file = BytesIO()
    # Texts stay texts, and two calls give the same bytes.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "memreward"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def _line(
    axes: Axes, means: Sequence[MeanAt], colour: str, label: str | None, *, dashed: bool = False
) -> None:
    if not means:
        return
    axes.plot(
        [item.step for item in means],
        [item.mean for item in means],
        color=colour,
        label=label,
        linestyle="--" if dashed else "-",
        marker="o" if len(means) < 30 else "",
        markersize=3,
    )


def _in_colours(axes: Axes, ink: str, grid: str) -> None:
    axes.set_xlabel("step", color=ink)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.title.set_color(ink)
    axes.patch.set_alpha(0)
    axes.tick_params(colors=ink)
    axes.grid(color=grid)
    for spine in axes.spines.values():
        spine.set_color(grid)
