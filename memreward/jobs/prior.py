"""Fit the prior that comes with the package, from files of verified rollouts; no server is needed.

Evidence reads neither embeddings nor thinking, so that files are enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gnn.base import ProgressReport
from gnn.prior import Priors, fit_priors
from memstore.formats import RejectedRow, RolloutReader, inspect_files
from schema.answers import conclusion_key
from schema.errors import InputError
from schema.memory_graph import MemoryGraph
from schema.rollout import POLICY_SIGNALS, Rollout


@dataclass(frozen=True, kw_only=True)
class PriorRequest:
    """What `memreward prior` was asked for."""

    #: Files of verified rollouts by the name of their set.
    files: Mapping[str, Sequence[Path]]
    out: Path
    seed: int = 0


def fit_prior_files(request: PriorRequest, progress: ProgressReport) -> Priors:
    """Fit priors to the sets of files and write them to `out`.

    Raises:
        InputError: if a file cannot be read, or a set has no verified rollout.
    """
    graphs = [evidence_graph(name, paths) for name, paths in request.files.items()]
    priors = fit_priors(graphs, seed=request.seed, progress=progress)
    priors.save(request.out)
    return priors


def evidence_graph(name: str, paths: Sequence[Path]) -> MemoryGraph:
    """The verified rollouts of some files as a graph with all that evidence reads, and no more.

    Raises:
        InputError: if a file cannot be read, or no rollout is verified.
    """
    found = list(_verified(paths))
    if not found:
        raise InputError(f"the set {name!r} has no verified rollout: give files with rewards")
    queries, query_R = np.unique([one.query for one in found], return_inverse=True)
    first_Q = np.unique(query_R, return_index=True)[1].tolist()
    keys = [conclusion_key(one.query, one.thinking, one.answer, one.domain) for one in found]
    held = [row for row, key in enumerate(keys) if key is not None]
    pairs = [f"{query_R[row]} {keys[row]}" for row in held]
    conclusions, conclusion_E = np.unique(pairs, return_inverse=True)
    named = [row for row, one in enumerate(found) if one.policy]
    policies, policy_E = np.unique([found[row].policy or "" for row in named], return_inverse=True)
    rows, empty = np.arange(len(found)), np.zeros((len(found), 0), np.float32)
    unknown_R = np.full(len(found), np.nan, np.float32)
    return MemoryGraph(
        memory=name,
        seq=0,
        encoder="none",
        query_id_Q=[str(row) for row in range(len(queries))],
        query_text_Q=queries.tolist(),
        dataset_Q=[found[row].dataset for row in first_Q],
        domain_Q=[found[row].domain for row in first_Q],
        query_embedding_QD=np.zeros((len(queries), 0), np.float32),
        rollout_id_R=[str(row) for row in rows],
        thinking_text_R=[one.thinking for one in found],
        answer_text_R=[one.answer for one in found],
        policy_R=[one.policy or "" for one in found],
        step_R=np.array([one.step for one in found], np.int64),
        thinking_embedding_RD=empty,
        answer_embedding_RD=empty,
        completion_tokens_R=unknown_R,
        answer_given_R=np.array([one.answer_given for one in found], np.float32),
        truncated_R=unknown_R,
        policy_signals_R6=np.full((len(found), len(POLICY_SIGNALS)), np.nan, np.float32),
        policy_embedding_RP=empty,
        verified_R=np.array([one.reward for one in found], np.float32),
        source_name_S=[],
        source_of_rollout_R=np.full(len(found), -1),
        generated_2E=np.stack([query_R, rows]),
        leads_to_2E=np.stack([rows, rows]),
        conclusion_id_C=[str(row) for row in range(len(conclusions))],
        conclusion_key_C=[pair.partition(" ")[2] for pair in conclusions.tolist()],
        concludes_2E=np.stack([np.array(held, np.int64), conclusion_E]),
        policy_name_U=policies.tolist(),
        gave_2E=np.stack([policy_E.astype(np.int64), np.array(named, np.int64)]),
        similar_2E=np.zeros((2, 0), np.int64),
        similar_score_E=np.zeros(0, np.float32),
    )


def _verified(paths: Sequence[Path]) -> Iterator[Rollout]:
    for path in paths:
        for row in RolloutReader(inspect_files([path])).rows():
            if isinstance(row.found, RejectedRow):
                raise InputError(f"{row.path}, line {row.line}: {row.found.reason}")
            if row.found is not None and row.found.reward is not None:
                yield row.found
