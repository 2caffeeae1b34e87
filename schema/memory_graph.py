"""A memory's graph as arrays: what the databases hand to the GNN, at one sequence number."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schema.graph import STORED_EDGES

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def _no_pairs() -> Ints:
    return np.zeros((2, 0), dtype=np.int64)


def _no_rewards() -> Floats:
    return np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class MemoryGraph:
    """Queries (_Q), rollouts (_R: one thinking, one answer each), conclusions (_C), edges (_E).

    Policies are on the axis _U, sources of verified rewards on the axis _S.

    Rows are ordered by id, so that equal contents give equal arrays. D is the text encoder's
    dimension, P the policy embedding's (0 without). NaN means "not given". Where a model does not
    read the embeddings of thinkings and answers, these have a width of 0.
    """

    memory: str
    seq: int
    #: Of a memory that is divided, the sequence number of each shard; `seq` is their sum.
    shard_seqs: tuple[int, ...] = ()
    encoder: str
    query_id_Q: list[str]
    query_text_Q: list[str]
    dataset_Q: list[str]
    domain_Q: list[str]
    query_embedding_QD: Floats
    rollout_id_R: list[str]
    thinking_text_R: list[str]
    answer_text_R: list[str]
    policy_R: list[str]
    #: RL step that made it; 0 where none was given.
    step_R: Ints
    thinking_embedding_RD: Floats
    answer_embedding_RD: Floats
    completion_tokens_R: Floats
    #: 1 where an answer was given or marked, 0 where not, NaN for rollouts from before it was kept.
    answer_given_R: Floats
    truncated_R: Floats
    #: Columns in the order of schema.rollout.POLICY_SIGNALS.
    policy_signals_R6: Floats
    policy_embedding_RP: Floats
    #: Verified reward in [0, 1]; NaN where nothing is verified.
    verified_R: Floats
    #: Who verified: of each verified reward the source that spoke last, -1 where nothing is
    #: verified. Like the reward it is never an input.
    source_name_S: list[str]
    source_of_rollout_R: Ints
    #: (:Query)-[:GENERATED]->(:Thinking)-[:LEADS_TO]->(:Answer)
    generated_2E: Ints
    leads_to_2E: Ints
    #: (:Answer)-[:CONCLUDES]->(:Conclusion); an answer without a conclusion has no edge.
    conclusion_id_C: list[str]
    conclusion_key_C: list[str]
    concludes_2E: Ints
    #: (:Policy)-[:GAVE]->(:Answer); an answer without a policy has no edge.
    policy_name_U: list[str]
    gave_2E: Ints
    #: (:Query)-[:SIMILAR_TO]->(:Query): row 0 the query that chose, row 1 its neighbour.
    similar_2E: Ints
    similar_score_E: Floats
    #: (:Answer)-[:PREFERRED_TO]->(:Answer): row 0 the better, row 1 the worse; each annotator's
    #: current word on a pair is a column of its own. Like a verified reward it is never an input.
    preferred_2P: Ints = field(default_factory=_no_pairs)
    #: What each source said last of the rollouts of which more than one spoke: row 0 the source,
    #: row 1 the rollout. The verified reward of such a rollout is the mean.
    said_2W: Ints = field(default_factory=_no_pairs)
    said_reward_W: Floats = field(default_factory=_no_rewards)
    #: What `gnn.features.assembly` computes from each rollout's own texts, where it is known
    #: already; a row of NaN: it is not. None: nothing is known.
    own_features_RF: Floats | None = None
    #: Of forgotten rollouts: the characters of the thinking that went; NaN: it is whole. None: all
    #: are. Their embeddings are zeros.
    thinking_characters_R: Floats | None = None
    #: What `gnn.features.assembly` had computed from the texts of forgotten rollouts before, by the
    #: names of the columns; NaN: it is whole, or that was not computed.
    kept_features_RK: Floats | None = None
    kept_names: tuple[str, ...] = ()

    @property
    def stored_edges(self) -> Mapping[str, Ints]:
        """Edges as Neo4j has them, [2, E] from row 0 to row 1, by EdgeSpec.stored_name."""
        return {name: getattr(self, spec.array) for name, spec in STORED_EDGES.items()}

    @property
    def query_of_rollout_R(self) -> Ints:
        """Index of each rollout's query, along GENERATED and LEADS_TO; -1 where an edge is gone."""
        query_of_thinking_R = np.full(len(self.rollout_id_R), -1, dtype=np.int64)
        query_of_thinking_R[self.generated_2E[1]] = self.generated_2E[0]
        query_of_rollout_R = np.full(len(self.rollout_id_R), -1, dtype=np.int64)
        query_of_rollout_R[self.leads_to_2E[1]] = query_of_thinking_R[self.leads_to_2E[0]]
        return query_of_rollout_R

    @property
    def conclusion_of_rollout_R(self) -> Ints:
        """Index of each rollout's conclusion; -1 where there is none, or no query.

        A rollout that was cut off from its query says nothing to that query's rollouts.
        """
        conclusion_R = np.full(len(self.rollout_id_R), -1, dtype=np.int64)
        conclusion_R[self.concludes_2E[0]] = self.concludes_2E[1]
        return np.where(self.query_of_rollout_R >= 0, conclusion_R, -1)

    @property
    def policy_of_rollout_R(self) -> Ints:
        """Index of the policy that gave each rollout; -1 where none is known."""
        policy_R = np.full(len(self.rollout_id_R), -1, dtype=np.int64)
        policy_R[self.gave_2E[1]] = self.gave_2E[0]
        return policy_R

    @property
    def forgotten_R(self) -> Bools:
        """True where texts and embeddings are gone, and what they showed was kept."""
        if self.thinking_characters_R is None:
            return np.zeros(len(self.rollout_id_R), dtype=np.bool_)
        return ~np.isnan(self.thinking_characters_R)

    @property
    def labelled_R(self) -> Bools:
        """True where a verified reward is known."""
        return ~np.isnan(self.verified_R)
