"""Training of one member of the default model on one division of the labelled queries.

It can be interrupted after any epoch and goes on to the same weights, to the bit
(`gnn.models.memreward.training_state`); and it can start from the weights and the optimiser's state
of an earlier training.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnn.base import EarlyStopping, best_device
from gnn.models.members import (
    VARIANTS,
    Example,
    LinearBase,
    Member,
    MemrewardNet,
    NetConfig,
    ShownTables,
    TrainConfig,
    given_in_training,
    held_loss,
    make_example,
    parts_of,
    rollouts_of,
    training_loss,
)
from gnn.models.memreward.training_state import KeptStates, MemberState
from schema.memory_graph import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class HeldLogits:
    """Logits of labelled rollouts that a member never learned from."""

    #: Rows of the graph, and their logits.
    rows: Ints
    values: Floats


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a member goes on from: weights, and the optimiser's state that belongs to them."""

    net: Mapping[str, Tensor]
    optimiser: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class TrainedMember:
    """What came of training a member."""

    #: With its best weights.
    member: Member
    #: Of the labelled rollouts of the validation queries, by each of the held-out tables.
    held: tuple[HeldLogits, ...]
    stopping: EarlyStopping
    #: State at the best epoch, by parameter and name; empty if that was the start from nothing.
    optimiser: dict[str, Tensor]


def train_member(
    shown: ShownTables,
    train_Q: Ints,
    validation_Q: Ints,
    *,
    view: str,
    net_config: NetConfig,
    config: TrainConfig,
    seed: int,
    start: Start | None = None,
    course: tuple[KeptStates, int] | None = None,
) -> TrainedMember:
    """Train on `train_Q`, stop by `validation_Q`.

    Args:
        shown: inputs of the graph, with different rewards in sight.
        train_Q: queries to learn from.
        validation_Q: queries to stop by.
        view: inputs that the member looks at.
        net_config: sizes of the network, if it looked at everything.
        config: of the training.
        seed: of weights, batches and dropout.
        start: an earlier training of this member.
        course: where its state is saved, and its number there; None: nowhere.
    """
    held = [make_example(tables, validation_Q).to(best_device()) for tables in shown.held]
    state = None if course is None else course[0].state(course[1])
    if state is None:
        base = LinearBase.fit([make_example(tables, train_Q) for tables in shown.train], view=view)
    else:
        base = LinearBase(weights=below(state.tensors, "base."))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = MemrewardNet(net_config.seeing(VARIANTS[view]))
        member = Member(base=base, net=net, view=view).to(best_device())
        training = _Training(member, config, start, course)
        if state is not None and state.done:
            training.go_on(state)
        else:
            rng = np.random.default_rng(seed)
            training.run(_divided(shown, train_Q, config, rng), held, state)
    return training.outcome(held)


def _divided(
    shown: ShownTables, queries: Ints, config: TrainConfig, rng: np.random.Generator
) -> list[list[Example]]:
    """What one epoch after the other learns from, in batches."""
    return [
        [
            make_example(tables, part).to(best_device())
            for part in parts_of(rng.permutation(queries), config)
        ]
        for tables in shown.train
    ]


class _Training:
    """A member's epochs: until the held-out loss no longer falls."""

    def __init__(
        self,
        member: Member,
        config: TrainConfig,
        start: Start | None,
        course: tuple[KeptStates, int] | None,
    ) -> None:
        self.member, self.config, self._course = member, config, course
        self.optimiser = torch.optim.AdamW(
            member.net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        patience = config.patience if start is None else config.resumed_patience
        self.stopping = EarlyStopping(patience=patience)
        if start is not None:
            member.net.load_state_dict(dict(start.net))
            _load_optimiser(self.optimiser, start.optimiser)
        #: The optimiser's state at the best epoch.
        self.best_optimiser: dict[str, Tensor] = {}

    def run(
        self, divisions: list[list[Example]], held: list[Example], state: MemberState | None
    ) -> None:
        """Train from the start, or from `state`."""
        net, stopping = self.member.net, self.stopping
        if state is None:
            self._note(held)
        else:
            self.go_on(state)
        while stopping.epoch <= self.config.max_epochs and not stopping.should_stop:
            net.train()
            for example in divisions[stopping.epoch % len(divisions)]:
                self.optimiser.zero_grad()
                given = given_in_training(self.member, example.data)
                training_loss(self.member, example, self.config, given).backward()
                self.optimiser.step()
            self._note(held)
        self._keep(done=True)

    def outcome(self, held: list[Example]) -> TrainedMember:
        """The member with its best weights, and what it says of what it was stopped by."""
        member = self.member
        self.stopping.restore(member.net)
        member.net.eval()
        with torch.no_grad():
            logits = [member.logits(one.data)[one.labelled].cpu().numpy() for one in held]
        return TrainedMember(
            member=member,
            held=tuple(
                HeldLogits(rows=rollouts_of(one.data)[one.labelled.cpu().numpy()], values=values)
                for one, values in zip(held, logits, strict=True)
            ),
            stopping=self.stopping,
            optimiser=self.best_optimiser,
        )

    def _note(self, held: list[Example]) -> None:
        """After an epoch, or before the first."""
        losses = [held_loss(self.member, one, self.config) for one in held]
        self.stopping.update(sum(losses) / len(losses), self.member.net)
        if self.stopping.improved:
            self.best_optimiser = _optimiser_tensors(self.optimiser)
        self._keep(done=False)

    def _keep(self, *, done: bool) -> None:
        if self._course is None:
            return
        parts = {
            "base": self.member.base.weights,
            "net": self.member.net.state_dict(),
            "optimiser": _optimiser_tensors(self.optimiser),
            "best": self.stopping.best_state,
            "best_optimiser": self.best_optimiser,
            "random": _random_state(),
        }
        course, number = self._course
        state = MemberState(
            epoch=self.stopping.epoch,
            best_epoch=self.stopping.best_epoch,
            best_loss=self.stopping.best_loss,
            done=done,
            tensors={
                f"{part}.{key}": tensor.detach().cpu().clone()
                for part, tensors in parts.items()
                for key, tensor in tensors.items()
            },
        )
        course.keep(number, state)

    def go_on(self, state: MemberState) -> None:
        """Take the state of an interrupted training."""
        tensors = state.tensors
        self.member.net.load_state_dict(below(tensors, "net."))
        _load_optimiser(self.optimiser, below(tensors, "optimiser."))
        self.best_optimiser = below(tensors, "best_optimiser.")
        best = below(tensors, "best.")
        self.stopping.go_on(state.epoch, state.best_epoch, state.best_loss, best)
        torch.set_rng_state(tensors["random.state"])
        if "random.cuda" in tensors and torch.cuda.is_available():
            torch.cuda.set_rng_state(tensors["random.cuda"])


def _random_state() -> dict[str, Tensor]:
    """Of the generators that dropout draws from."""
    state = {"state": torch.get_rng_state()}
    return state | {"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else state


def _optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Its state by parameter and name, copied."""
    state = optimiser.state_dict()["state"]
    return {
        f"{place}.{name}": tensor.detach().cpu().clone()
        for place, tensors in state.items()
        for name, tensor in tensors.items()
    }


def _load_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        place, _, name = key.partition(".")
        state.setdefault(int(place), {})[name] = tensor.clone()
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name starts with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
