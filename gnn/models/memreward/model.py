"""The default reward model: a small ensemble of GNNs on the typed graph, over a linear base."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from gnn.base import (
    FitReport,
    ProgressReport,
    labelled_rollouts,
    no_progress,
    not_fitted,
    one_thread,
)
from gnn.evidence import (
    Opinions,
    Reliability,
)
from gnn.models.members import (
    VARIANTS,
    Draws,
    Example,
    ModelInputs,
    NetConfig,
    Tables,
    known_rollouts,
    make_example,
)
from gnn.models.memreward.config import MemrewardConfig
from gnn.models.memreward.folds import Division
from gnn.models.memreward.lessons import Lessons
from gnn.models.memreward.out_of_fold import OutOfFold, OutOfFoldLogits, calibration_of
from gnn.models.memreward.predictor import MemrewardPredictor
from gnn.models.memreward.prepared import PreparedTraining
from gnn.models.memreward.report import fit_report
from gnn.models.memreward.training import Start, TrainedMember, below
from gnn.models.memreward.training_state import Course
from gnn.prior import prior_for
from gnn.sources import SourceTrust
from schema.errors import TrainingError
from schema.memory_graph import Bools, MemoryGraph


class MemrewardModel(MemrewardPredictor):
    """GATv2 over the typed graph, added to a logistic regression, averaged and calibrated.

    Members look at the rollouts in two views: texts alone, and with the policy's log-probabilities
    and hidden states where they are given. For each view the labelled queries are
    divided into parts; each member trains on the others and stops by its own part. Logits of the
    parts that members never learned from fit the calibration, so all labels serve both ends.
    """

    def __init__(self, config: MemrewardConfig | None = None) -> None:
        """See the class."""
        super().__init__()
        self.config = config or MemrewardConfig()
        self._optimisers: list[dict[str, Tensor]] = []

    @property
    def fewest_queries(self) -> int:
        """Labelled queries that it needs to learn: two of each part."""
        return 2 * self.config.parts

    @property
    def _lessons(self) -> Lessons:
        return Lessons(
            divisions=self._divisions,
            seed=self._seed,
            count=self.config.train.divisions,
            weighed=self._weighed,
        )

    def fit(
        self,
        graph: MemoryGraph,
        *,
        seed: int,
        progress: ProgressReport = no_progress,
        course: Course | None = None,
    ) -> FitReport:
        """Train on the labelled rollouts and the preferences of `graph`; see RewardModel.

        A query with preferences and no verified reward is learned from and held out like a
        labelled one; it calibrates nothing, and tells its neighbours nothing. What is learned
        depends on such queries and their rollouts only. With `course`, an interrupted training
        is resumed.
        """
        return self._learn(graph, seed, progress, course, None)

    def resume(
        self,
        graph: MemoryGraph,
        *,
        optimisers: Mapping[str, Tensor],
        seed: int,
        progress: ProgressReport = no_progress,
        course: Course | None = None,
    ) -> FitReport:
        """Continue learning, by the labels that `graph` has now.

        Scalers stay, and so do the divisions: what a member left out, it leaves out again, and a
        new query has a part too. The linear bases, which have one best fit, are fitted again; the
        networks continue. Inputs that the model was not fitted with stay unused.

        Args:
            graph: of the memory, or the part of it that was learned from or can be.
            optimisers: `training_state` of the fit that made this model.
            seed: of batches and dropout.
            progress: told of each member.
            course: see `fit`.

        Raises:
            TrainingError: if the model was not fitted, or the labels do not suffice.
        """
        if not self._members:
            raise not_fitted(self.name)
        return self._learn(graph, seed, progress, course, optimisers)

    def training_state(self) -> dict[str, Tensor]:
        """States of the members' optimisers after a fit, for `resume`."""
        return {
            f"{number}.{key}": tensor
            for number, tensors in enumerate(self._optimisers)
            for key, tensor in tensors.items()
        }

    def prepared(
        self, graph: MemoryGraph, *, seed: int, optimisers: Mapping[str, Tensor] | None = None
    ) -> PreparedTraining:
        """Read what the members learn from, for one process of several that train them.

        `fit` or `resume` with the course of these processes then makes the model, the same to the
        bit as without them.

        Args:
            graph: see `fit`.
            seed: see `fit`.
            optimisers: see `resume`; None: the members begin from nothing.

        Raises:
            TrainingError: if the labels do not suffice.
        """
        self._trust = SourceTrust.fit(graph)
        graph = self._trust.believed(graph)
        known_R = known_rollouts(graph)
        queries = np.unique(graph.query_of_rollout_R[known_R])
        self._refuse_too_few(graph)
        if optimisers is None:
            self._prior = prior_for([graph.query_text_Q[query] for query in queries])
        draws = Draws(graph, queries, self._prior)
        tables = self._fit_inputs(graph, known_R, draws, seed, fresh=optimisers is None)
        lessons = self._lessons
        nets = [NetConfig.of(tables, self.config.net or {})] * lessons.n_members
        if optimisers is not None:
            nets = [member.net.config for member in self._members]
        return PreparedTraining(
            lessons=lessons,
            inputs=self._inputs,
            tables=tables,
            draws=draws,
            config=self.config.train,
            seed=seed,
            net_configs=tuple(nets),
            starts=() if optimisers is None else self._starts(optimisers),
        )

    def _starts(self, optimisers: Mapping[str, Tensor]) -> tuple[Start, ...]:
        return tuple(
            Start(net=member.net.state_dict(), optimiser=below(optimisers, f"{number}."))
            for number, member in enumerate(self._members)
        )

    def _refuse_too_few(self, graph: MemoryGraph) -> None:
        labelled_R = labelled_rollouts(graph)
        n_labelled = len(np.unique(graph.query_of_rollout_R[labelled_R]))
        if n_labelled < self.fewest_queries:
            raise TrainingError(
                f"memory {graph.memory!r} has {n_labelled} labelled queries and the model "
                f"{self.name!r} needs at least {self.fewest_queries} (preferences alone rank, "
                "but give no probabilities): label more"
            )

    def _learn(
        self,
        graph: MemoryGraph,
        seed: int,
        progress: ProgressReport,
        course: Course | None,
        optimisers: Mapping[str, Tensor] | None,
    ) -> FitReport:
        started = time.monotonic()
        prepared = self.prepared(graph, seed=seed, optimisers=optimisers)
        with one_thread():
            trained, said = self._fit_members(prepared, progress, course)
        self._members = [found.member for found in trained]
        self._optimisers = [found.optimiser for found in trained]
        graph = prepared.tables.graph
        self._calibration = calibration_of(said, graph)
        labelled_R = labelled_rollouts(graph)
        held_p = self._calibration(said[0].logit_R[labelled_R], said[0].kind_R[labelled_R])
        return fit_report(graph, labelled_R, held_p, trained, seconds=time.monotonic() - started)

    def _fit_inputs(
        self, graph: MemoryGraph, known_R: Bools, draws: Draws, seed: int, *, fresh: bool
    ) -> Tables:
        """Divide the known queries and fit the inputs to the known rollouts, if `fresh`.

        Returns:
            The inputs of all of the graph.
        """
        found = self._found(graph)
        if fresh:
            some = (found.has_signals_R[known_R] + found.has_hidden_R[known_R]).any()
            views = self.config.views if some else self.config.views[:1]
            self._divisions = {
                view: Division.of(draws.texts, self.config.parts, f"{seed}-{place}")
                for place, view in enumerate(views)
            }
        self._seed = seed
        first = self._lessons.drawn(draws, 0)
        if fresh:
            wanted = {part for view in self.config.views for part in VARIANTS[view]}
            self._inputs = ModelInputs.fit(found, first.train, known_R, wanted)
        seen = {graph.policy_R[row] for row in np.flatnonzero(known_R)}
        self._inputs = self._inputs.with_policies(seen)
        self._common_words = draws.common_words
        self._reliability = Reliability.fit(graph, Opinions.of(graph), graph.verified_R)
        return self._inputs.tables(graph, found, first.held[0])

    def learned_from(self, tables: Tables, number: int) -> list[Example]:
        """What a member learned from, if `tables` has the rewards and preferences of that time."""
        queries = np.unique(tables.query_R[known_rollouts(tables.graph)])
        draws = Draws(tables.graph, queries, self._prior)
        learned, _ = self._lessons.divided(draws, number)
        shown = self._lessons.shown(self._inputs, tables, draws, number)
        return [make_example(one, learned) for one in shown.train]

    def _fit_members(
        self, prepared: PreparedTraining, progress: ProgressReport, course: Course | None
    ) -> tuple[list[TrainedMember], Sequence[OutOfFold]]:
        """Train all members.

        Returns:
            What came of each, and what they say of labelled rollouts of queries that they did not
            learn from, the mean over the views.
        """
        trained: list[TrainedMember] = []
        said = OutOfFoldLogits(len(prepared.tables.query_R), n_views=len(self._divisions))
        for number in range(prepared.n_members):
            shown = prepared.shown(number)
            found = prepared.train(number, shown, course)
            said.add(found.held, [self._kinds(one) for one in shown.held])
            trained.append(found)
            progress(f"train {self.name}", number + 1, prepared.n_members)
        return trained, said.tables
