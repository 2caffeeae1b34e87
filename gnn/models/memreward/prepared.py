"""A training that has read its graph: its members are left, in any order and in any process."""

from dataclasses import dataclass

from gnn.models.members import Draws, ModelInputs, NetConfig, ShownTables, Tables, TrainConfig
from gnn.models.memreward.lessons import Lessons
from gnn.models.memreward.training import Start, TrainedMember, train_member
from gnn.models.memreward.training_state import KeptStates


@dataclass(frozen=True, kw_only=True)
class PreparedTraining:
    """What all members of a model learn from. One member's training depends on no other's."""

    lessons: Lessons
    inputs: ModelInputs
    tables: Tables
    draws: Draws
    config: TrainConfig
    seed: int
    #: Sizes of each member's network.
    net_configs: tuple[NetConfig, ...]
    #: What each member goes on from; empty: they begin from nothing.
    starts: tuple[Start, ...] = ()

    @property
    def n_members(self) -> int:
        """Members of all views."""
        return self.lessons.n_members

    def shown(self, number: int) -> ShownTables:
        """Inputs of a member, with the rewards in sight that were drawn for it."""
        return self.lessons.shown(self.inputs, self.tables, self.draws, number)

    def train(self, number: int, shown: ShownTables, course: KeptStates | None) -> TrainedMember:
        """Train a member, or go on where `course` has it; one that is done there is only read.

        Args:
            number: which one, from 0.
            shown: its inputs.
            course: where its state is saved; None: nowhere.
        """
        return train_member(
            shown,
            *self.lessons.divided(self.draws, number),
            view=self.lessons.left_out(number)[0],
            net_config=self.net_configs[number],
            config=self.config,
            seed=self.seed * 1000 + number,
            start=self.starts[number] if self.starts else None,
            course=None if course is None else (course, number),
        )
