"""What kind of question a group answers, read from its texts: options, code, or anything else."""

from enum import IntEnum

import numpy as np

from gnn.features.assembly import TEXT_NAMES, RolloutFeatures, group_means
from schema.memory_graph import Ints


class Kind(IntEnum):
    """How the answers of a query can be checked, by its texts; no data set's name counts."""

    OTHER = 0
    #: The query offers options.
    OPTIONS = 1
    #: At least half of the group's answers hold code.
    CODE = 2


def rollout_kinds(found: RolloutFeatures, query_R: Ints, n_queries: int) -> Ints:
    """Kind of each rollout's query, [R]; OTHER for a rollout without a query (-1)."""
    columns = [TEXT_NAMES.index(name) for name in ("option_options", "code_code")]
    options_Q, code_Q = group_means(found.text_RF[:, columns], query_R, n_queries).T
    kind_Q = np.where(options_Q > 0, Kind.OPTIONS, np.where(code_Q >= 0.5, Kind.CODE, Kind.OTHER))
    return np.append(kind_Q, Kind.OTHER)[query_R].astype(np.int64)
