"""The published program's three numbers about the answer to a mathematical question."""

import re
from fractions import Fraction
from typing import Final

import numpy as np

from gnn.models.baselines import answer_is_majority
from schema.memory_graph import Floats, MemoryGraph

#: Names of the columns of `number_features`.
NUMBER_FEATURES: Final = ("answer_number", "answer_is_number", "answer_number_is_majority")

#: The domain whose answers are numbers; others get zeros.
DOMAIN: Final = "math"

_NUMBER: Final = re.compile(r"value:(-?\d{1,300}(?:/\d{1,300}|\.\d+)?(?:e[-+]?\d{1,3})?)(?: |$)")


def number_features(graph: MemoryGraph) -> Floats:
    """Size of the number answered, whether there is one, whether the group's most reach it.

    The number is the last one in the key of the conclusion; its size is sign * log(1 + |number|)
    / 20, cut to [-1, 1]. Zeros outside mathematics, and where no number was answered.

    Source: the program published with MemReward (arXiv 2603.19310), which feeds these to the
    response head, next to the thinking and the answer.

    Returns:
        Array [R, 3], float32.
    """
    number_C = np.array([_last_number(key) for key in graph.conclusion_key_C], dtype=np.float64)
    is_math_Q = np.array([domain == DOMAIN for domain in graph.domain_Q], dtype=np.bool_)
    query_R, conclusion_R = graph.query_of_rollout_R, graph.conclusion_of_rollout_R
    number_R = np.append(number_C, np.nan)[conclusion_R]
    used_R = np.append(is_math_Q, False)[query_R] & ~np.isnan(number_R)
    size_R = np.clip(np.sign(number_R) * np.log1p(np.abs(number_R)) / 20, -1, 1)
    columns = (size_R, np.ones(len(query_R)), answer_is_majority(graph))
    return np.where(used_R[:, None], np.column_stack(columns), 0.0).astype(np.float32)


def _last_number(key: str) -> float:
    """The number that a conclusion is, without its unit; NaN if it is none."""
    found = _NUMBER.match(key)
    return float("nan") if found is None else float(Fraction(found[1]))
