"""How pictures look: one colour a method, wherever it is drawn."""

import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from matplotlib.axes import Axes

#: Of the default model, and of the memory's rewards in training.
OWN: Final = "#0072b2"
#: Colours that people tell apart who do not see all colours (Okabe and Ito).
COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "memreward": OWN,
        "memory": OWN,
        "logistic": "#e69f00",
        "majority": "#009e73",
        "published": "#cc79a7",
        "knn": "#56b4e9",
        "reliability": "#d55e00",
        "votes": "#8c6d31",
        "rule": "#5f4690",
        "constant": "#999999",
        "oracle": "#222222",
        "partial": "#e69f00",
        "largest": "#d55e00",
        "uncertainty": "#e69f00",
        "random": "#999999",
        "queries": "#56b4e9",
        "care": "#cc79a7",
    }
)
#: For names that are not among these.
_OTHERS: Final = ("#94346e", "#38a6a5", "#73af48", "#1d6996", "#edad08", "#e17c05", "#666666")


def colour_of(name: str) -> str:
    """The colour of a method; what follows a comma, such as its budget, does not change it."""
    method = name.partition(",")[0]
    return COLOURS.get(method) or _OTHERS[zlib.crc32(method.encode()) % len(_OTHERS)]


def band(
    axes: Axes, x_N: np.ndarray, values_SN: np.ndarray, label: str, *, style: str = "-"
) -> None:
    """The mean over seeds as a line, and around it one standard deviation.

    Args:
        axes: where to.
        x_N: places, shared by all seeds.
        values_SN: a row a seed; NaN where it says nothing.
        label: the method.
        style: of the line.
    """
    known_N = ~np.isnan(values_SN).all(axis=0)
    shown_SN, x_N = values_SN[:, known_N], x_N[known_N]
    mean_N = np.nanmean(shown_SN, axis=0)
    axes.plot(x_N, mean_N, style, color=colour_of(label), label=label)
    if len(shown_SN) > 1:
        count_N = (~np.isnan(shown_SN)).sum(axis=0)
        spread_N = np.nanstd(shown_SN, axis=0) * np.sqrt(count_N / np.maximum(count_N - 1, 1))
        low_N, high_N = mean_N - spread_N, mean_N + spread_N
        axes.fill_between(x_N, low_N, high_N, color=colour_of(label), alpha=0.15, linewidth=0)
