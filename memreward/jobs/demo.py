"""The demo: real rollouts, two real databases, a fifth of the labels, rewards for all."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from gnn.confidence import Novelty, group_table
from gnn.evaluation import Evaluation, Scored, Trial
from gnn.jobs import Trained, propagate_memory, train_memory
from gnn.models import reward_model
from memreward.base import Bars
from memreward.jobs.hidden_rewards import BASELINES, UNLABELLED, true_rewards
from memreward.jobs.ingest import IngestOutcome, IngestRequest, ingest_files
from memstore import Settings
from memstore.changes import RolloutWriter, list_models, read_propagated
from memstore.db import QueryResult, Stores, named_queries
from memstore.reads import memory_stats, read_graph
from memstore.servers import SAMPLE
from schema.memory_graph import Floats, MemoryGraph

MEMORY, RUN = "demo", "sample"
LABELS = 0.2


def ingest_sample(stores: Stores, progress: Bars) -> IngestOutcome:
    """The sample rollouts, with the rewards of a fifth of each task's queries."""
    request = IngestRequest(files=[SAMPLE], memory=MEMORY, run=RUN, labels=LABELS)
    return ingest_files(RolloutWriter(stores, MEMORY, RUN), request, progress)


def is_propagated(stores: Stores) -> bool:
    """Whether an earlier demo has gone all the way."""
    counts = memory_stats(stores, MEMORY)["counts"]
    answered = len(read_propagated(stores, MEMORY))
    done = counts["verified"] + answered == counts["rollouts"]
    return bool(list_models(stores, MEMORY)) and done


def learn_and_propagate(stores: Stores, settings: Settings, progress: Bars) -> Trained:
    """Train on the fifth, give the others their rewards."""
    trained = train_memory(stores, settings, MEMORY, progress)
    propagate_memory(stores, settings, MEMORY, progress, version=trained.manifest.version)
    return trained


def hold_against_truth(stores: Stores, progress: Bars) -> Evaluation:
    """The stored rewards and the baselines' against the rewards that the memory never saw.

    Rollouts on which the memory has no opinion are left out, for the baselines as well.
    """
    started = time.monotonic()
    graph = read_graph(stores, MEMORY)
    truth = true_rewards(MEMORY, RUN, SAMPLE)
    stored_R = _stored_rewards(stores, graph)
    labelled_Q = np.unique(graph.query_of_rollout_R[graph.labelled_R])
    group_QF = group_table(graph)
    ood_Q = np.append(Novelty.fit(graph, group_QF).out_of_distribution(graph, group_QF), False)
    ood_R = ood_Q[graph.query_of_rollout_R]
    trial = Trial(
        seed=0,
        labelled_query_ids={graph.query_id_Q[query] for query in labelled_Q},
        sets={UNLABELLED: ~graph.labelled_R & ~np.isnan(stored_R)},
    )
    scored = {"memreward": stored_R}
    for place, name in enumerate(BASELINES):
        progress("compare with baselines", place, len(BASELINES))
        model = reward_model(name)()
        model.fit(graph, seed=0)
        scored[name] = model.predict(graph)
    progress("compare with baselines", len(BASELINES), len(BASELINES))
    return Evaluation(
        graph=graph,
        truth_R=np.array([truth[id_] for id_ in graph.rollout_id_R], dtype=np.float32),
        scored={
            name: [Scored(trial=trial, probability_R=probability_R, out_of_distribution_R=ood_R)]
            for name, probability_R in scored.items()
        },
        labels=LABELS,
        seconds=time.monotonic() - started,
    )


def ask_three_questions(stores: Stores) -> Sequence[tuple[str, QueryResult]]:
    """Cypher queries over the demo memory, with their answers."""
    parameters: dict[str, Any] = {"memory": MEMORY}
    return [
        (text, stores.graph.query(text, parameters, 30.0))
        for text in named_queries("demo.cypher").values()
    ]


def _stored_rewards(stores: Stores, graph: MemoryGraph) -> Floats:
    stored = read_propagated(stores, MEMORY)
    value = {id_: np.nan if value is None else value for id_, value in stored.items()}
    return np.array([value.get(id_, np.nan) for id_ in graph.rollout_id_R], dtype=np.float32)
