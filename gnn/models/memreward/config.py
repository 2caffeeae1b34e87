"""How the default model is divided into members, and how large these are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gnn.models.members import TrainConfig


@dataclass(frozen=True, kw_only=True)
class MemrewardConfig:
    """Sizes and training of the default model."""

    #: Parts of the labelled queries; each is left out by one member of every view.
    parts: int = 5
    #: Inputs of the members, for each view another division into parts (see VARIANTS). Where no
    #: labelled rollout has the policy's signals, the first view is all.
    views: tuple[str, ...] = ("text", "all")
    net: Mapping[str, Any] | None = None
    train: TrainConfig = field(default_factory=TrainConfig)
