"""What a fit of the default model came to."""

from collections.abc import Sequence

from gnn.base import FitReport, Held, measure, n_labelled_queries
from gnn.models.members import usable_preferences
from gnn.models.memreward.training import TrainedMember
from schema.memory_graph import Bools, Floats, MemoryGraph


def fit_report(
    graph: MemoryGraph,
    labelled_R: Bools,
    held_L: Floats,
    trained: Sequence[TrainedMember],
    *,
    seconds: float,
) -> FitReport:
    """The report of a fit.

    Args:
        graph: that it was fitted to.
        labelled_R: rollouts with a label and a query.
        held_L: what is said of them by members that did not learn from their queries.
        trained: all members.
        seconds: that it took.
    """
    reward_L, query_L = graph.verified_R[labelled_R], graph.query_of_rollout_R[labelled_R]
    n_queries = n_labelled_queries(graph, labelled_R)
    return FitReport(
        n_rollouts=int(labelled_R.sum()),
        n_queries=n_queries,
        n_preferences=usable_preferences(graph).shape[1],
        n_validation_queries=n_queries,
        epochs=max(found.stopping.epoch for found in trained),
        best_epoch=max(found.stopping.best_epoch for found in trained),
        seconds=seconds,
        metrics=measure(held_L, reward_L, query_L).measures(),
        held=Held(probability_L=held_L, reward_L=reward_L),
    )
