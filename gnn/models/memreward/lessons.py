"""What each member learns from and is stopped by: its queries, and the rewards in their sight."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from gnn.models.members import Drawn, Draws, EvidenceDraws, ModelInputs, ShownTables, Tables
from gnn.models.memreward.folds import Division
from schema.memory_graph import Ints


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """Each view's division of the queries; member i of a view leaves out part i."""

    divisions: Mapping[str, Division]
    #: Of what is drawn.
    seed: int
    #: Tables that a member learns from, each with other rewards in sight.
    count: int
    #: What is done with evidence before it is used: a variant of the model may withhold some.
    weighed: Callable[[Drawn], Drawn]

    @property
    def n_members(self) -> int:
        """Members of all views."""
        return sum(division.n_parts for division in self.divisions.values())

    def left_out(self, number: int) -> tuple[str, int]:
        """View and left out part of the member with this number."""
        for view, division in self.divisions.items():
            if number < division.n_parts:
                return view, number
            number -= division.n_parts
        raise IndexError("there are not so many members")

    def divided(self, draws: Draws, number: int) -> tuple[Ints, Ints]:
        """Rows of the queries that a member learns from, and of those that it is stopped by."""
        view, part = self.left_out(number)
        held_Q = self.divisions[view].part_of(draws.texts) == part
        return draws.queries[~held_Q], draws.queries[held_Q]

    def drawn(self, draws: Draws, number: int) -> EvidenceDraws:
        """Evidence that a member learns from and is stopped by."""
        view, part = self.left_out(number)
        drawn = draws.of_member(
            self.divisions[view].part_of(draws.texts),
            part,
            count=self.count,
            rng=np.random.default_rng((self.seed, number)),
        )
        return EvidenceDraws(
            train=tuple(self.weighed(one) for one in drawn.train),
            held=tuple(self.weighed(one) for one in drawn.held),
        )

    def shown(self, inputs: ModelInputs, tables: Tables, draws: Draws, number: int) -> ShownTables:
        """The same as inputs: `tables` with the rewards in sight that were drawn."""
        drawn = self.drawn(draws, number)
        return ShownTables(
            train=tuple(inputs.with_evidence(tables, one) for one in drawn.train),
            held=tuple(inputs.with_evidence(tables, one) for one in drawn.held),
        )
