"""The default model with one part left out: what that part brings is the difference.

`memreward evaluate --baselines without-network,...` compares them. None of them can be a memory's
model: they are known to `evaluate` only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np

from gnn.evidence import EVIDENCE_NAMES
from gnn.features import GROUP_NAMES, TEXT_NAMES, RolloutFeatures
from gnn.models.members import Drawn, Tables, TrainConfig
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.model import MemrewardModel
from schema.memory_graph import Bools, Ints, MemoryGraph

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
    "without-agreement": " ".join(GROUP_NAMES),
    "without-arithmetic": "*_statements share_right last_right last_wrong log_given "
    "share_given_used log_numbers against_largest value_*",
    "without-options": "option_*",
    "without-code": "code_*",
    "without-policies": "policy policy_on_kind kind mean_policy policy_against_mean by_*",
    "without-own-labels": "same_* another_right others_* policy_here query_* open_share",
    "without-votes": "rollout_share vote_* own_vote log_supporters log_voters one_voter unread "
    "by_*",
}


class _Variant(MemrewardModel):
    """The default model with another configuration."""

    variant: ClassVar[MemrewardConfig] = MemrewardConfig()

    def __init__(self) -> None:
        super().__init__(self.variant)


class _WithoutFeatures(MemrewardModel):
    """The default model that is shown 0 in place of some features."""

    blanked: ClassVar[str] = ""

    def _found(self, graph: MemoryGraph) -> RolloutFeatures:
        found = super()._found(graph)
        # A feature's name is the same against the group, but for what follows the bar.
        names = [name.partition("|")[0] for name in TEXT_NAMES]
        blank_F = self._blank(names)
        return replace(found, text_RF=np.where(blank_F, np.float32(0), found.text_RF))

    def _weighed(self, drawn: Drawn) -> Drawn:
        shown = np.where(self._blank(EVIDENCE_NAMES), np.float32(0), drawn.evidence_RE)
        return replace(drawn, evidence_RE=shown)

    def _blank(self, names: Sequence[str]) -> Bools:
        patterns = self.blanked.split()
        return np.array([any(fnmatchcase(name, p) for p in patterns) for name in names])


class _OneCurve(MemrewardModel):
    """The default model with one calibration curve for all kinds of questions."""

    name: ClassVar[str] = "one-curve"

    def _kinds(self, tables: Tables) -> Ints:
        return np.zeros_like(tables.kind_R)


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
