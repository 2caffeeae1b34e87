"""The part of a graph that evidence reads, for some whole queries."""

from dataclasses import replace

import numpy as np

from schema.memory_graph import Ints, MemoryGraph


def part_of(graph: MemoryGraph, rollouts: Ints) -> MemoryGraph:
    """The graph of `rollouts`: all of some queries', ascending rows of `graph`.

    Only what evidence reads is cut; everything else stays as long as it was.
    """
    queries, query_N = np.unique(graph.query_of_rollout_R[rollouts], return_inverse=True)
    conclusion_R = graph.conclusion_of_rollout_R[rollouts]
    held = np.flatnonzero(conclusion_R >= 0)
    conclusions, conclusion_E = np.unique(conclusion_R[held], return_inverse=True)
    rows = np.arange(len(rollouts))
    return replace(
        graph,
        query_id_Q=[graph.query_id_Q[row] for row in queries],
        query_text_Q=[graph.query_text_Q[row] for row in queries],
        domain_Q=[graph.domain_Q[row] for row in queries],
        rollout_id_R=[graph.rollout_id_R[row] for row in rollouts],
        answer_text_R=[graph.answer_text_R[row] for row in rollouts],
        policy_R=[graph.policy_R[row] for row in rollouts],
        answer_given_R=graph.answer_given_R[rollouts],
        verified_R=graph.verified_R[rollouts],
        generated_2E=np.stack([query_N, rows]),
        leads_to_2E=np.stack([rows, rows]),
        conclusion_id_C=[graph.conclusion_id_C[row] for row in conclusions],
        concludes_2E=np.stack([held, conclusion_E]),
    )
