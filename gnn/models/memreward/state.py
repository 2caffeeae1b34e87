"""A fitted model as tensors and JSON, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from gnn.base import Scaler, best_device
from gnn.evidence import EVIDENCE_NAMES
from gnn.features import TEXT_NAMES
from gnn.models.members import (
    INPUTS,
    LinearBase,
    Member,
    MemrewardNet,
    ModelInputs,
    NetConfig,
)
from gnn.models.memreward.folds import Division
from gnn.models.memreward.training import below


def tensors_of(members: Sequence[Member], inputs: ModelInputs) -> dict[str, Tensor]:
    """Weights of the members and scalers of the inputs, by name."""
    tensors: dict[str, Tensor] = {}
    for number, member in enumerate(members):
        for key, value in member.net.state_dict().items():
            tensors[f"members.{number}.net.{key}"] = value.detach().cpu().clone()
        for key, value in member.base.weights.items():
            tensors[f"members.{number}.base.{key}"] = value.cpu()
    for name, scaler in inputs.scalers.items():
        tensors[f"scalers.{name}.mean"] = torch.from_numpy(scaler.mean_F)
        tensors[f"scalers.{name}.factor"] = torch.from_numpy(scaler.factor_F)
    return tensors


def config_of(
    members: Sequence[Member], inputs: ModelInputs, divisions: Mapping[str, Division]
) -> dict[str, Any]:
    """What the functions below need besides the tensors."""
    return {
        "features": list(inputs.names),
        "policies": list(inputs.policies),
        "views": [member.view for member in members],
        "divisions": {view: asdict(found) for view, found in divisions.items()},
        "nets": {member.view: asdict(member.net.config) for member in members},
    }


def members_from(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> list[Member]:
    """The members, ready to score."""
    members: list[Member] = []
    for number, view in enumerate(config["views"]):
        net = MemrewardNet(NetConfig(**config["nets"][view]))
        net.load_state_dict(below(tensors, f"members.{number}.net."))
        base = LinearBase(weights=below(tensors, f"members.{number}.base."))
        members.append(Member(base=base, net=net.eval(), view=view).to(best_device()))
    return members


def inputs_from(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> ModelInputs:
    """The inputs with their scalers.

    Raises:
        ValueError: if they are not those that this version has.
    """
    present = [*TEXT_NAMES, *EVIDENCE_NAMES]
    if config["features"][: len(present)] != present:
        raise ValueError("its inputs are not those of now")
    return ModelInputs(
        names=tuple(config["features"]),
        policies=tuple(config["policies"]),
        scalers={
            name: Scaler(
                mean_F=tensors[f"scalers.{name}.mean"].numpy(),
                factor_F=tensors[f"scalers.{name}.factor"].numpy(),
            )
            for name in INPUTS
        },
    )


def divisions_from(config: Mapping[str, Any]) -> dict[str, Division]:
    """How each view's members divided the queries, in the members' order."""
    return {
        view: Division(salt=found["salt"], cuts=tuple(found["cuts"]))
        for view in dict.fromkeys(config["views"])
        for found in [config["divisions"][view]]
    }
