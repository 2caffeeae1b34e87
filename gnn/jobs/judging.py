"""Judging conclusions: which are worth a verdict, and what a judge says of them."""

from collections.abc import Sequence

from gnn.calls import suggest_calls
from gnn.checkpoints import LoadedModel, latest_checkpoint
from gnn.confidence import predict
from gnn.jobs.resumable_training import whole_graph
from gnn.models import PriorModel
from memstore import Settings
from memstore.changes import add_labels
from memstore.db import Stores
from memstore.reads import rollout_places
from schema.calls import ConclusionToJudge, Judge
from schema.errors import InputError
from schema.reward import LabelReport, VerifiedReward


def suggest_conclusions(
    stores: Stores, settings: Settings, memory: str, budget: int
) -> list[ConclusionToJudge]:
    """The conclusions of a memory whose verdicts are expected to help most, best first.

    The latest checkpoint says how likely each rollout is right; before the first, the prior that
    comes with the package does.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if `budget` is below 1.
        CheckpointError: if the checkpoint is damaged.
    """
    if budget < 1:
        raise InputError(f"a budget of {budget} conclusions cannot be used: give at least 1")
    graph = whole_graph(stores, settings, memory)
    folder = latest_checkpoint(stores, settings, memory)
    if folder is None:
        loaded = LoadedModel(version=PriorModel.name, model=PriorModel(), policy=None)
    else:
        loaded = LoadedModel.load(folder, graph.encoder)
    calls = suggest_calls(graph, predict(loaded.model, None, graph).value_R, budget)
    places = rollout_places(stores, memory, [graph.rollout_id_R[call.rollout] for call in calls])
    query_R, conclusion_R = graph.query_of_rollout_R, graph.conclusion_of_rollout_R
    found: list[ConclusionToJudge] = []
    for call in calls:
        query, conclusion = int(query_R[call.rollout]), int(conclusion_R[call.rollout])
        found.append(
            ConclusionToJudge(
                query_id=places[graph.rollout_id_R[call.rollout]].query_id,
                dataset=graph.dataset_Q[query],
                query=graph.query_text_Q[query],
                conclusion=None if conclusion < 0 else graph.conclusion_key_C[conclusion],
                rollout_id=graph.rollout_id_R[call.rollout],
                answer=graph.answer_text_R[call.rollout],
                rollouts=call.settles,
                gain=call.gain,
            )
        )
    return found


def judge_conclusions(
    stores: Stores, memory: str, items: Sequence[ConclusionToJudge], judge: Judge, annotator: str
) -> LabelReport:
    """Ask a judge once about all items, and keep what it says as that annotator's verdicts.

    Raises:
        InputError: if it does not give one reward in [0, 1], or None, an item.
        UnknownMemoryError: if there is no such memory.
    """
    said = judge(items)
    if len(said) != len(items):
        raise InputError(
            f"the judge gave {len(said)} rewards for {len(items)} conclusions: it must give one "
            "each, None where it cannot tell"
        )
    rewards = [
        VerifiedReward(
            rollout_id=item.rollout_id, value=value, source=annotator, for_conclusion=True
        )
        for item, value in zip(items, said, strict=True)
        if value is not None
    ]
    return add_labels(stores, memory, rewards)
