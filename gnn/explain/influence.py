"""Which labelled rollouts, through the weights of the linear base, speak for or against a score.

The influence of a training example on the logit of another (Koh and Liang, Understanding Black-box
Predictions via Influence Functions, arXiv 1703.04730): for a penalised logistic regression its
first-order effect x' H^-1 x (r - p) is in closed form; dividing by 1 - its leverage makes it nearly
what leaving the example out and fitting again would do. The network on top is not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from gnn.models.members import (
    CONSTANT,
    Example,
    Member,
    Tables,
    inputs_of,
    inverse_penalties,
    make_batch,
    rollouts_of,
    thinking_of_answer,
    variant_rows,
)
from gnn.models.memreward import MemrewardModel
from schema.memory_graph import Floats, Ints, MemoryGraph


@dataclass(frozen=True, kw_only=True)
class Influence:
    """How a labelled rollout acts on a score through the weights."""

    rollout_id: str
    query: str
    answer: str
    reward: float
    #: About how much lower the logit would be if this label had never been learned from.
    logit: float


def influences(
    model: MemrewardModel, graph: MemoryGraph, rollout_id: str, limit: int
) -> list[Influence]:
    """The `limit` labelled rollouts of other queries that act most on a rollout's linear logit.

    Args:
        model: fitted on the labels and preferences of `graph`.
        graph: with the verified rewards that the model learned from.
        rollout_id: a rollout of the graph that has a query.
        limit: how many.
    """
    tables = model.tables(graph)
    graph = tables.graph
    rollout = graph.rollout_id_R.index(rollout_id)
    logit_R = base_influence(model, tables, rollout)
    rows = np.flatnonzero(graph.labelled_R & (logit_R != 0))
    order = rows[np.argsort(-np.abs(logit_R[rows]), kind="stable")][:limit]
    return [
        Influence(
            rollout_id=graph.rollout_id_R[row],
            query=graph.query_text_Q[tables.query_R[row]],
            answer=graph.answer_text_R[row],
            reward=float(graph.verified_R[row]),
            logit=float(logit_R[row]),
        )
        for row in order
    ]


def base_influence(model: MemrewardModel, tables: Tables, rollout: int) -> Floats:
    """Influence of every labelled rollout on the linear part of a rollout's logit, [R].

    The mean over the members; a member that left a rollout's query out counts as 0.
    """
    graph = tables.graph
    total_R = np.zeros(len(graph.rollout_id_R), dtype=np.float64)
    for number, member in enumerate(model.members):
        rows, values = _of_member(member, tables, model.learned_from(tables, number), rollout)
        total_R[rows] += values / len(model.members)
    return total_R.astype(np.float32)


def _of_member(
    member: Member, tables: Tables, examples: Sequence[Example], rollout: int
) -> tuple[Ints, NDArray[np.float64]]:
    """Rows of the graph that a member learned from, and their influence on its base."""
    data = make_batch(tables, tables.query_R[rollout : rollout + 1])
    place = int(np.searchsorted(rollouts_of(data), rollout))
    thinking = thinking_of_answer(data)[place]
    variant = _variant(member, *(bool(flag[thinking]) for flag in member.given(data)))
    asked_F = np.append(inputs_of(data, variant=variant)[place].numpy(), CONSTANT)
    rows = variant_rows(examples, variant=variant)
    weight_F = member.base.weights[variant].cpu().numpy() / np.append(
        np.ones(len(asked_F) - 1), CONSTANT
    )
    input_NF = np.column_stack([rows.input_NF, CONSTANT * rows.constant_N]).astype(np.float64)
    p_N = expit(input_NF @ weight_F)
    curvature_N = rows.weight_N * p_N * (1 - p_N)
    # The intercept's penalty, where it has one, is so small that it does not show here.
    penalty_F = np.append(1 / inverse_penalties(data, variant=variant), 1e-6)
    hessian_FF = (input_NF * curvature_N[:, None]).T @ input_NF + np.diag(penalty_F)
    asked_towards_F = np.linalg.solve(hessian_FF, asked_F)
    reward_N = rows.rollout_N >= 0
    input_NF, place_N = input_NF[reward_N], rows.rollout_N[reward_N]
    pull_N = (rows.weight_N * (rows.right_N - p_N))[reward_N] * (input_NF @ asked_towards_F)
    lever_N = curvature_N[reward_N] * np.einsum(
        "nf,nf->n", input_NF, np.linalg.solve(hessian_FF, input_NF.T).T
    )
    # A graded reward is two rows of one rollout: their pulls and leverages belong together.
    rollout_R = rollouts_of(examples[0].data)
    n_rollouts = len(rollout_R)
    pull_R = np.bincount(place_N, weights=pull_N, minlength=n_rollouts)
    lever_R = np.bincount(place_N, weights=lever_N, minlength=n_rollouts)
    return rollout_R, pull_R / (1 - lever_R)


def _variant(member: Member, has_signals: bool, has_hidden: bool) -> str:
    """The variant of the base by which a rollout is scored."""
    allowed = {"text": True, "signals": has_signals, "all": has_signals and has_hidden}
    return [name for name in member.base.weights if allowed[name]][-1]
