"""Why a rollout is scored as it is: what each of its inputs moved, adding up to the whole.

The inputs are players of a game: a coalition is worth the score with everybody else absent (see
gnn.explain.masking). Each receives its Shapley value, so that the contributions add up to the score
less the baseline, the score when all are absent. A labelled neighbour's contribution is divided
among its labelled rollouts, that of a group's messages among the rollouts that send them. All of it
holds for the logit and, computed separately, for the calibrated probability.

Explained are the inputs of this score. Labels also act through the weights: see
gnn.explain.influence.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gnn.explain.masking import Present, Removals
from gnn.explain.shapley import Worths, shapley_values, shares_within
from gnn.models.memreward import MemrewardModel
from schema.errors import InputError
from schema.ids import whole_name
from schema.memory_graph import Bools, Ints, MemoryGraph

#: Kinds of inputs, and what they are.
TITLES: Final = {
    "text": "its own text",
    "standing": "its standing in its group: agreement, comparison",
    "signals": "the policy's own signals",
    "labels": "verified rewards of the same question",
    "policies": "what the policies of its group have proved",
    "conclusion": "messages from answers that say the same",
    "mates": "messages from the group through the query",
    "neighbour": "a labelled neighbour query",
}


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A rollout by which an input came."""

    rollout_id: str
    #: Verified reward, of a labelled neighbour's rollout or of one of the same question.
    reward: float | None
    answer: str
    policy: str
    logit: float
    probability: float

    @property
    def signed_answer(self) -> str:
        """Its answer after the name of the policy that gave it, if it has one."""
        return f"{self.policy}: {self.answer}" if self.policy else self.answer


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one input moved."""

    #: A key of TITLES.
    kind: str
    logit: float
    probability: float
    #: How the score changes if this input alone is taken away.
    logit_without: float
    probability_without: float
    senders: tuple[Sender, ...] = ()
    #: Of a neighbour query: its id, text, and cosine.
    query_id: str | None = None
    query: str | None = None
    cosine: float | None = None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A score, taken apart."""

    rollout_id: str
    query: str
    answer: str
    #: The score, before and after calibration, and the same with all inputs absent.
    logit: float
    probability: float
    baseline_logit: float
    baseline_probability: float
    #: The largest first.
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True, kw_only=True)
class _Player:
    """An input that can be absent."""

    kind: str
    #: Takes it out of the cases S where it is absent.
    remove: Callable[[Present, Bools], Present]
    #: Takes out some of its senders, [S, senders] telling which are there.
    remove_senders: Callable[[Present, Bools], Present] | None = None
    senders: Ints | None = None
    neighbour: int | None = None


def explain(model: MemrewardModel, graph: MemoryGraph, rollout_id: str) -> Explanation:
    """Take the score of a rollout apart.

    Raises:
        InputError: if the graph has no such rollout, or it has no query.
        TrainingError: if the model was not fitted.
    """
    rollout, query = _row_of(graph, rollout_id)
    tables = model.tables(graph)
    # Its rewards are worth what is believed of their sources.
    score, graph = Removals(model, tables, rollout), tables.graph
    players = _players(score, graph)

    def worth(coalition_SN: Bools) -> Worths:
        present = score.present(len(coalition_SN))
        for place, player in enumerate(players):
            present = player.remove(present, ~coalition_SN[:, place])
        return score(present)

    value_NK = shapley_values(worth, len(players))
    n = len(players)
    # All, none, and all but one each.
    cases = np.vstack([np.ones((1, n)), np.zeros((1, n)), 1 - np.eye(n)]) > 0
    whole_K, none_K, *without = worth(cases)
    contributions = [
        _contribution(score, graph, query, player, value_K, left_K - whole_K)
        for player, value_K, left_K in zip(players, value_NK, without, strict=True)
    ]
    return Explanation(
        rollout_id=rollout_id,
        query=graph.query_text_Q[query],
        answer=graph.answer_text_R[rollout],
        logit=float(whole_K[0]),
        probability=float(whole_K[1]),
        baseline_logit=float(none_K[0]),
        baseline_probability=float(none_K[1]),
        contributions=tuple(sorted(contributions, key=lambda item: -abs(item.logit))),
    )


def _row_of(graph: MemoryGraph, rollout_id: str) -> tuple[int, int]:
    """Row of a rollout, and of its query."""
    if rollout_id not in graph.rollout_id_R:
        raise InputError(
            f"memory {whole_name(graph.memory)!r} has no rollout {rollout_id!r}: give the id of an "
            "Answer (`memreward query` finds them)"
        )
    rollout = graph.rollout_id_R.index(rollout_id)
    query = int(graph.query_of_rollout_R[rollout])
    if query < 0:
        raise InputError(
            f"rollout {rollout_id} has no query: its edges were removed by hand; ingest it again"
        )
    return rollout, query


def _players(score: Removals, graph: MemoryGraph) -> list[_Player]:
    """The inputs that this rollout has."""

    def drop(name: str) -> Callable[[Present, Bools], Present]:
        return lambda present, absent_S: replace(
            present, **{name: _without(getattr(present, name), absent_S)}
        )

    players = [
        _Player(kind="text", remove=drop("text_S")),
        _Player(kind="standing", remove=drop("standing_S")),
        _Player(kind="policies", remove=drop("policies_S")),
    ]
    if len(score.labelled):
        places = np.arange(len(score.labelled))
        players.append(_messages("labels", "shown_SL", score.labelled, places))
    if score.has_signals:
        players.append(_Player(kind="signals", remove=drop("signals_S")))
    for kind, name, among_M in (
        ("conclusion", "conclusion_SM", score.agrees_M),
        ("mates", "mates_SM", np.ones(len(score.mates), dtype=np.bool_)),
    ):
        if among_M.any():
            players.append(_messages(kind, name, score.mates, np.flatnonzero(among_M)))
    for place, neighbour in enumerate(score.neighbours):
        rollouts = np.flatnonzero(graph.labelled_R & (graph.query_of_rollout_R == neighbour))
        players.append(_labelled(graph, place, int(neighbour), rollouts))
    return players


def _messages(kind: str, name: str, mates: Ints, places: Ints) -> _Player:
    """Messages, or known rewards, of some rollouts of the group."""

    def remove_senders(present: Present, there_SP: Bools) -> Present:
        value_SM = getattr(present, name).copy()
        value_SM[:, places] &= there_SP
        return replace(present, **{name: value_SM})

    def remove(present: Present, absent_S: Bools) -> Present:
        return remove_senders(present, np.tile(~absent_S[:, None], len(places)))

    return _Player(kind=kind, remove=remove, remove_senders=remove_senders, senders=mates[places])


def _labelled(graph: MemoryGraph, place: int, neighbour: int, rollouts: Ints) -> _Player:
    """A neighbour with its labelled rollouts; without any of these it sends nothing."""
    reward_P = graph.verified_R[rollouts]

    def remove_senders(present: Present, there_SP: Bools) -> Present:
        label_SK = present.label_SK.copy()
        count_S = there_SP.sum(axis=1)
        mean_S = (there_SP @ reward_P) / np.maximum(count_S, 1)
        label_SK[:, place] = np.where(count_S > 0, mean_S, np.nan)
        return replace(present, label_SK=label_SK)

    def remove(present: Present, absent_S: Bools) -> Present:
        label_SK = present.label_SK.copy()
        label_SK[absent_S, place] = np.nan
        return replace(present, label_SK=label_SK)

    return _Player(
        kind="neighbour",
        remove=remove,
        remove_senders=remove_senders,
        senders=rollouts,
        neighbour=neighbour,
    )


def _without(value_S: Bools, absent_S: Bools) -> Bools:
    return value_S & ~absent_S


def _contribution(
    score: Removals,
    graph: MemoryGraph,
    query: int,
    player: _Player,
    value_K: Worths,
    change_K: Worths,
) -> Contribution:
    found = Contribution(
        kind=player.kind,
        logit=float(value_K[0]),
        probability=float(value_K[1]),
        logit_without=float(change_K[0]),
        probability_without=float(change_K[1]),
        senders=_senders(score, graph, player, value_K),
    )
    if player.neighbour is None:
        return found
    chose, neighbour = graph.similar_2E
    (edge,) = np.flatnonzero((chose == query) & (neighbour == player.neighbour))[:1]
    return replace(
        found,
        query_id=graph.query_id_Q[player.neighbour],
        query=graph.query_text_Q[player.neighbour],
        cosine=float(graph.similar_score_E[edge]),
    )


def _senders(
    score: Removals, graph: MemoryGraph, player: _Player, value_K: Worths
) -> tuple[Sender, ...]:
    """The rollouts by which an input came, with their parts of its contribution."""
    remove_senders = player.remove_senders
    if player.senders is None or remove_senders is None:
        return ()

    def worth(there_SP: Bools) -> Worths:
        return score(remove_senders(score.present(len(there_SP)), there_SP))

    share_PK = shares_within(worth, len(player.senders), value_K)
    labelled = player.kind in ("neighbour", "labels")
    return tuple(
        Sender(
            rollout_id=graph.rollout_id_R[row],
            reward=float(graph.verified_R[row]) if labelled else None,
            answer=graph.answer_text_R[row],
            policy=graph.policy_R[row],
            logit=float(share_K[0]),
            probability=float(share_K[1]),
        )
        for row, share_K in zip(player.senders, share_PK, strict=True)
    )
