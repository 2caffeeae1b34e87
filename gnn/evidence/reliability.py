"""How reliable each policy has proved, overall and by kind of question, from verified rewards."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from gnn.evidence.opinions import Opinions
from schema.memory_graph import Bools, Floats, Ints, MemoryGraph

#: Verified queries that the mean of all policies counts for in one policy's accuracy.
PRIOR_QUERIES: Final = 4.0
#: The same for the expected accuracy of one policy on one kind of question.
PRIOR_OF_KIND: Final = 8.0
#: The same for the difficulty of one kind.
PRIOR_DIFFICULTY: Final = 20.0
#: What is taken for known of an answer that was not marked as such, in log-odds against the mean,
#: until verified ones tell. On 5,000 such answers of 39 policies .1 % were right, the mean .6.
UNMARKED: Final = -3.0
#: Accuracies are kept this far from 0 and 1, so that their log-odds are finite.
EDGE: Final = 0.01


@dataclass(frozen=True, kw_only=True)
class VoterReliability:
    """What is known of each voter (_V) before it speaks: log-odds that it is right."""

    policy_V: Floats
    #: By the kind of the query as well.
    kind_V: Floats
    #: Of the kind alone, whoever answers.
    difficulty_V: Floats
    #: What is added for an answer that was not marked as one.
    unmarked_V: Floats

    def where(self, chosen_V: Bools, other: "VoterReliability") -> "VoterReliability":
        """These where `chosen_V`, and those of `other` elsewhere."""
        return VoterReliability(
            **{
                name: np.where(chosen_V, value, getattr(other, name))
                for name, value in vars(self).items()
            }
        )


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Accuracy of each policy (_P), by kind of question (_K), shrunk where little is verified.

    A query counts once for a policy, by the mean of its verified rewards. The accuracy of a policy
    is shrunk to the mean of all; on one kind, to what its own accuracy and the kind's difficulty
    let expect. An unknown policy, and a rollout that names none, has the mean.
    """

    policies: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    mean: float = 0.5
    #: Accuracy of answers that were not marked as such.
    unmarked: float = 0.5
    accuracy_P: Floats
    difficulty_K: Floats
    accuracy_PK: Floats

    @classmethod
    def fit(cls, graph: MemoryGraph, opinions: Opinions, reward_R: Floats) -> Self:
        """From the rewards that are not NaN; none at all gives every policy one half."""
        policies, policy_V = opinions.policies, opinions.policy_V
        kinds, kind_V = kinds_of_voters(graph, opinions)
        known_R = ~np.isnan(reward_R)
        count_V = np.bincount(opinions.voter_R, weights=known_R, minlength=len(policy_V))
        total_V = np.bincount(
            opinions.voter_R, weights=np.where(known_R, reward_R, 0), minlength=len(policy_V)
        )
        verified_V = count_V > 0
        right_V = total_V / np.maximum(count_V, 1)
        named_V = verified_V & (np.array([*policies, ""])[policy_V] != "")

        def tally(group_V: Ints, size: int, used_V: Bools) -> tuple[NDArray[Any], NDArray[Any]]:
            return (
                np.bincount(group_V[used_V], weights=right_V[used_V], minlength=size),
                np.bincount(group_V[used_V], minlength=size),
            )

        mean = float((right_V[verified_V].sum() + 1) / (verified_V.sum() + 2))
        right_P, verified_P = tally(policy_V, len(policies), named_V)
        accuracy_P = (right_P + PRIOR_QUERIES * mean) / (verified_P + PRIOR_QUERIES)
        right_K, verified_K = tally(kind_V, len(kinds), verified_V)
        difficulty_K = (right_K + PRIOR_DIFFICULTY * mean) / (verified_K + PRIOR_DIFFICULTY)
        expected_PK = expit(
            _log_odds(accuracy_P)[:, None] + _log_odds(difficulty_K) - _log_odds(np.array(mean))
        )
        right_PK, verified_PK = (
            count.reshape(expected_PK.shape)
            for count in tally(policy_V * len(kinds) + kind_V, expected_PK.size, named_V)
        )
        accuracy_PK = (right_PK + PRIOR_OF_KIND * expected_PK) / (verified_PK + PRIOR_OF_KIND)
        unmarked_R = known_R & ~opinions.given_R
        n_unmarked, right_unmarked = unmarked_R.sum(), reward_R[unmarked_R].sum()
        expected = float(expit(_log_odds(np.array(mean)) + UNMARKED))
        # Of what was never verified nothing is kept: it has the mean.
        seen_P, seen_K = np.flatnonzero(verified_P), np.flatnonzero(verified_K)
        return cls(
            policies=tuple(policies[row] for row in seen_P),
            kinds=tuple(kinds[row] for row in seen_K),
            mean=mean,
            unmarked=float(
                (right_unmarked + PRIOR_OF_KIND * expected) / (n_unmarked + PRIOR_OF_KIND)
            ),
            accuracy_P=accuracy_P[seen_P].astype(np.float32),
            difficulty_K=difficulty_K[seen_K].astype(np.float32),
            accuracy_PK=accuracy_PK[np.ix_(seen_P, seen_K)].astype(np.float32),
        )

    def of_nobody(self) -> Self:
        """The same without any policy: each has the mean, or what a kind lets expect."""
        none = np.zeros(0, dtype=np.float32)
        return replace(
            self, policies=(), accuracy_P=none, accuracy_PK=none.reshape(0, len(self.kinds))
        )

    def of_voters(self, graph: MemoryGraph, opinions: Opinions) -> VoterReliability:
        """Reliability of the voters of a graph, which may know other policies and kinds."""
        names, kind_V = kinds_of_voters(graph, opinions)
        row_P = _rows(opinions.policies, self.policies)[opinions.policy_V]
        row_K = _rows(names, self.kinds)[kind_V]
        overall_V = _log_odds(np.append(self.accuracy_P, self.mean)[row_P])
        difficulty_V = _log_odds(np.append(self.difficulty_K, self.mean)[row_K])
        expected_V = overall_V + difficulty_V - _log_odds(np.array(self.mean))
        padded_PK = np.pad(self.accuracy_PK, ((0, 1), (0, 1)), constant_values=np.nan)
        known_V = padded_PK[row_P, row_K]
        seen_V = ~np.isnan(known_V)
        return VoterReliability(
            policy_V=overall_V,
            kind_V=np.where(seen_V, _log_odds(np.where(seen_V, known_V, 0.5)), expected_V),
            difficulty_V=difficulty_V,
            unmarked_V=np.full(
                len(row_P), _log_odds(np.array(self.unmarked)) - _log_odds(np.array(self.mean))
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        found = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }
        return found | {"policies": list(self.policies), "kinds": list(self.kinds)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        shape = (len(found["policies"]), len(found["kinds"]))
        arrays = {
            name: np.array(found[name], dtype=np.float32) for name in ("accuracy_P", "difficulty_K")
        }
        return cls(
            policies=tuple(found["policies"]),
            kinds=tuple(found["kinds"]),
            mean=found["mean"],
            unmarked=found["unmarked"],
            accuracy_PK=np.array(found["accuracy_PK"], dtype=np.float32).reshape(shape),
            **arrays,
        )


def out_of_fold(
    graph: MemoryGraph, opinions: Opinions, reward_R: Floats, fold_Q: Ints
) -> VoterReliability:
    """Reliability of each voter from the rewards of the other folds, never of its own.

    Leaving out one query at a time would not do: the mean of the rest tells what was left out.

    Args:
        graph: of the memory.
        opinions: of that graph.
        reward_R: rewards to learn from, NaN where unknown.
        fold_Q: fold of each query, [Q]; -1: of none, and all rewards count for it.
    """
    fold_Q = np.append(fold_Q, -1)
    fold_R, fold_V = fold_Q[opinions.query_R], fold_Q[opinions.query_V]
    found = Reliability.fit(graph, opinions, reward_R).of_voters(graph, opinions)
    for fold in np.unique(fold_Q[fold_Q >= 0]).tolist():
        others_R = np.where(fold_R == fold, np.nan, reward_R).astype(np.float32)
        rest = Reliability.fit(graph, opinions, others_R).of_voters(graph, opinions)
        found = rest.where(fold_V == fold, found)
    return found


def kinds_of_voters(graph: MemoryGraph, opinions: Opinions) -> tuple[tuple[str, ...], Ints]:
    """Names of the kinds of question, and each voter's, [V]: the domain that the rollouts name."""
    names, kind_Q = np.unique(np.array([*graph.domain_Q, ""]), return_inverse=True)
    return tuple(names.tolist()), kind_Q[opinions.query_V].astype(np.int64)


def _rows(wanted: tuple[str, ...], known: tuple[str, ...]) -> Ints:
    """Row of each wanted name among the known ones; one more than the last where it is unknown."""
    row_of = {name: row for row, name in enumerate(known)}
    return np.array([row_of.get(name, len(known)) for name in wanted], dtype=np.int64)


def _log_odds(accuracy: NDArray[Any]) -> Floats:
    return logit(np.clip(accuracy, EDGE, 1 - EDGE)).astype(np.float32)
