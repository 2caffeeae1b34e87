"""Mean and spread of a measure over seeds."""

from collections.abc import Iterable

import numpy as np


def mean_and_spread(values: Iterable[float | None]) -> tuple[float | None, float | None]:
    """Mean and sample standard deviation of the values that are defined (neither None nor NaN).

    None means a mean of no value, and for the deviation of fewer than two.
    """
    known = [value for value in values if value is not None and value == value]
    mean = float(np.mean(known)) if known else None
    return mean, float(np.std(known, ddof=1)) if len(known) > 1 else None
