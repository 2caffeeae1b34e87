"""The default model with one part left out: what that part brings is the difference.

`memreward evaluate --baselines without-network,...` compares them. None of them can be a memory's
model: they are known to `evaluate` only.
"""

from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from gnn.features import RolloutFeatures
from gnn.models.memreward.batch import Tables
from gnn.models.memreward.member import TrainConfig
from gnn.models.memreward.model import MemrewardConfig, MemrewardModel
from schema.memory_graph import MemoryGraph

#: Variants of the configuration.
_CONFIGS: Final[Mapping[str, MemrewardConfig]] = {
    "without-network": MemrewardConfig(train=TrainConfig(max_epochs=0)),
    "without-conclusions": MemrewardConfig(net={"conclusions": False}),
    "without-queries": MemrewardConfig(net={"queries": False}),
    "without-neighbours": MemrewardConfig(net={"neighbours": False}),
    "without-second-view": MemrewardConfig(views=("all",)),
    "with-pairwise-loss": MemrewardConfig(train=TrainConfig(pair_weight=0.5)),
}

#: Features that are left out, by patterns of their names.
_FEATURES: Final[Mapping[str, str]] = {
    "without-agreement": "share share_of_others smoothed_share log_count leads leads_alone lone "
    "behind_top top_share entropy distinct unread_in_group log_group",
    "without-likeness": "cos_* like_other_*",
    "without-arithmetic": "*_statements share_right last_right last_wrong log_given "
    "share_given_used log_numbers against_largest value_*",
    "without-options": "option_*",
    "without-code": "code_*",
}


class _Variant(MemrewardModel):
    """The default model with another configuration."""

    variant: ClassVar[MemrewardConfig] = MemrewardConfig()

    def __init__(self) -> None:
        super().__init__(self.variant)


class _WithoutFeatures(MemrewardModel):
    """The default model that is shown 0 in place of some features."""

    blanked: ClassVar[str] = ""

    def _tables(self, graph: MemoryGraph, found: RolloutFeatures) -> Tables:
        # A feature's name is the same against the group, but for what stands behind the bar.
        names = [name.partition("|")[0] for name in found.text_names]
        patterns = self.blanked.split()
        blank_F = np.array([any(fnmatchcase(name, p) for p in patterns) for name in names])
        return super()._tables(
            graph, replace(found, text_RF=np.where(blank_F, np.float32(0), found.text_RF))
        )


class _OneCurve(MemrewardModel):
    """The default model with one calibration curve for all kinds of questions."""

    name: ClassVar[str] = "one-curve"

    def _tables(self, graph: MemoryGraph, found: RolloutFeatures) -> Tables:
        tables = super()._tables(graph, found)
        return replace(tables, kind_R=np.zeros_like(tables.kind_R))


ABLATIONS: Final[Mapping[str, type[MemrewardModel]]] = MappingProxyType(
    {
        **{
            name: type(name, (_Variant,), {"name": name, "variant": config})
            for name, config in _CONFIGS.items()
        },
        **{
            name: type(name, (_WithoutFeatures,), {"name": name, "blanked": features})
            for name, features in _FEATURES.items()
        },
        _OneCurve.name: _OneCurve,
    }
)
