"""The reward models by name: what a checkpoint may hold and what `evaluate` may compare."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gnn.base import RewardModel
from gnn.models.baselines import (
    ConstantModel,
    LogisticModel,
    MajorityModel,
    NearestModel,
    ReliabilityModel,
    RuleModel,
    VotesModel,
)
from gnn.models.memreward import MemrewardModel
from gnn.models.prior_model import PriorModel
from gnn.models.published import PublishedModel
from schema.errors import InputError

REWARD_MODELS: Final[Mapping[str, type[RewardModel]]] = MappingProxyType(
    {
        model.name: model
        for model in (
            MemrewardModel,
            ConstantModel,
            MajorityModel,
            NearestModel,
            LogisticModel,
            VotesModel,
            ReliabilityModel,
            RuleModel,
            PriorModel,
            PublishedModel,
        )
    }
)


def reward_model(name: str) -> type[RewardModel]:
    """The model class called `name`.

    Raises:
        InputError: if there is none.
    """
    if name not in REWARD_MODELS:
        raise InputError(f"there is no model {name!r}: choose from {', '.join(REWARD_MODELS)}")
    return REWARD_MODELS[name]
