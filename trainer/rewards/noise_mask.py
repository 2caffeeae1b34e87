"""Noise must not become advantage: groups whose propagated rewards hardly differ get none.

GRPO by default divides by the group's own standard deviation, which makes full-size advantages of
.49, .50 and .51. Propagated rewards are probabilities, so their differences already say how much
is known: they are handed on as they are, to be used with `scale_rewards="none"`, and a group below
a least spread is masked. docs/trainer.md has the measurement that chose this.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

from schema.score import ScoreSource
from trainer.rewards.journal import Assigned

#: Least standard deviation of a group's propagated rewards.
MIN_SPREAD: Final = 0.05


def without_noise(
    assigned: Sequence[Assigned], groups: Sequence[Hashable], min_spread: float = MIN_SPREAD
) -> list[float | None]:
    """The rewards of a batch, None for propagated ones that hardly differ within their group.

    Args:
        assigned: what each completion was assigned.
        groups: the query of each; their order in the batch does not matter.
        min_spread: least sample standard deviation; a single propagated reward has none.
    """
    propagated: defaultdict[Hashable, list[float]] = defaultdict(list)
    for one, group in zip(assigned, groups, strict=True):
        if one.source is ScoreSource.PROPAGATED and one.value is not None:
            propagated[group].append(one.value)
    flat = {
        group
        for group, values in propagated.items()
        if len(values) < 2 or np.std(values, ddof=1) < min_spread
    }
    return [
        None if one.source is ScoreSource.PROPAGATED and group in flat else one.value
        for one, group in zip(assigned, groups, strict=True)
    ]
