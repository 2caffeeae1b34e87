"""How often a source says right of right and of wrong rollouts, given what the others know.

The truth of what it verified is not known, only how likely the rest of the memory finds it: the
shares are fitted by expectation and maximisation, as Dawid and Skene did for physicians, with the
rest of the memory in the place of their prior.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, logsumexp, xlogy

from schema.memory_graph import Bools, Floats, Ints

#: Bins of the answers by length, each with a third of all that is verified.
BINS: Final = 3
#: How often an honest source says right of a right and of a wrong rollout.
HONEST: Final = (0.95, 0.05)
#: Statements that the honest shares count for in a source's own, and the latter in a bin's.
PRIOR_STATEMENTS: Final = 4.0
PRIOR_OF_BIN: Final = 10.0
ROUNDS: Final = 20
#: How the log-odds of what an honest source says may lie to what the others expect.
SHIFTS: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)
FACTORS: Final = (0.1, 0.4, 0.7, 1.0, 1.5)
#: How often any other may say right.
SHARES: Final = (0.05, 0.5, 0.95)
#: Log-likelihood that a query's statements vary by, at least.
LEAST_SPREAD: Final = 2.0
#: Probabilities are kept this far from 0 and 1.
EDGE: Final = 1e-3


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Statements of one source (_W), and what the rest of the memory thinks of their rollouts."""

    probability_W: Floats
    reward_W: Floats
    #: By length, from 0 to BINS - 1.
    bin_W: Ints
    query_W: Ints
    #: What is said of one conclusion of a query counts once.
    weight_W: Floats

    def where(self, chosen_W: Bools) -> "Judged":
        """Some of them."""
        return Judged(**{name: value[chosen_W] for name, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often a source says right, by length (_B), and how often it is right."""

    #: Of right rollouts.
    right_B: NDArray[Any]
    #: Of wrong ones.
    wrong_B: NDArray[Any]
    #: Share of right rollouts among those that it verified.
    base_B: NDArray[Any]
    #: Share of its statements that are true.
    reliability: float

    def worth(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Probability of being right where it says right, and where it says wrong, [B] each."""
        said_B = self.base_B * self.right_B + (1 - self.base_B) * self.wrong_B
        return self.base_B * self.right_B / said_B, self.base_B * (1 - self.right_B) / (1 - said_B)


def fit_confusion(judged: Judged) -> Confusion:
    """The most likely shares, shrunk to an honest source's, and in each bin to the source's."""
    p_W, reward_W, bin_W, weight_W = (
        judged.probability_W,
        judged.reward_W,
        judged.bin_W,
        judged.weight_W,
    )

    def tally(value_W: NDArray[Any]) -> NDArray[Any]:
        return np.bincount(bin_W, weights=weight_W * value_W, minlength=BINS)

    def shrunk(part_B: NDArray[Any], whole_B: NDArray[Any], honest: float) -> NDArray[Any]:
        own = (part_B.sum() + PRIOR_STATEMENTS * honest) / (whole_B.sum() + PRIOR_STATEMENTS)
        return (part_B + PRIOR_OF_BIN * own) / (whole_B + PRIOR_OF_BIN)

    right_B, wrong_B = (np.full(BINS, share) for share in HONEST)
    yes_W = no_W = p_W
    for _ in range(ROUNDS):
        right_W, wrong_W = right_B[bin_W], wrong_B[bin_W]
        yes_W = p_W * right_W / (p_W * right_W + (1 - p_W) * wrong_W)
        no_W = p_W * (1 - right_W) / (p_W * (1 - right_W) + (1 - p_W) * (1 - wrong_W))
        truth_W = reward_W * yes_W + (1 - reward_W) * no_W
        right_B = shrunk(tally(reward_W * yes_W), tally(truth_W), HONEST[0])
        wrong_B = shrunk(tally(reward_W * (1 - yes_W)), tally(1 - truth_W), HONEST[1])
    truth_W = reward_W * yes_W + (1 - reward_W) * no_W
    true_W = reward_W * yes_W + (1 - reward_W) * (1 - no_W)
    return Confusion(
        right_B=right_B,
        wrong_B=wrong_B,
        base_B=shrunk(tally(truth_W), tally(np.ones_like(p_W)), 0.5),
        reliability=float(np.average(true_W, weights=weight_W)),
    )


def against_honesty(judged: Judged) -> tuple[float, float]:
    """How much better dishonesty explains what a source says than honesty does.

    An honest source says right as often as the rest of the memory expects, but for how difficult
    its questions are and how sure the rest is of itself: a shift and a factor of the log-odds. Any
    other says right of right and of wrong, of short and of long answers with shares of SHARES, the
    middle ones lying between. Both are averaged over their possibilities (a Bayes factor), so that
    having more of them is no advantage, and few statements suffice where they are clear.

    Returns:
        The logarithm of the Bayes factor, and how far the likeliest dishonesty is ahead of the
        likeliest honesty, in standard errors over queries, whose statements are not independent.
    """
    queries, query_W = np.unique(judged.query_W, return_inverse=True)
    honest_HW, other_HW = (
        judged.weight_W * _log_likelihood(said_HW, judged.reward_W)
        for said_HW in (_as_honest(judged), _as_dishonest(judged))
    )
    honest_H, other_H = honest_HW.sum(1), other_HW.sum(1)
    factor = _log_mean(other_H) - _log_mean(honest_H)
    gain_W = other_HW[other_H.argmax()] - honest_HW[honest_H.argmax()]
    gain_Q = np.bincount(query_W, weights=gain_W)
    # As if there had been one more query, with the gain LEAST_SPREAD or nothing.
    variance = (np.square(gain_Q - gain_Q.mean()).sum() + LEAST_SPREAD**2) / len(queries)
    return float(factor), float(gain_Q.sum() / np.sqrt(variance * len(queries)))


def _as_honest(judged: Judged) -> NDArray[Any]:
    """Probability that a source says right, [H, W], for each way to be honest."""
    log_odds_W = logit(judged.probability_W)
    ways = product(SHIFTS, FACTORS)
    return expit([shift + factor * log_odds_W for shift, factor in ways])


def _as_dishonest(judged: Judged) -> NDArray[Any]:
    """The same for each way not to be."""
    place_W = judged.bin_W / (BINS - 1)
    p_W = judged.probability_W
    found: list[NDArray[Any]] = []
    for right_short, right_long, wrong_short, wrong_long in product(SHARES, repeat=4):
        if (right_short, right_long, wrong_short, wrong_long) == (*HONEST[:1] * 2, *HONEST[1:] * 2):
            continue
        right_W = right_short + place_W * (right_long - right_short)
        wrong_W = wrong_short + place_W * (wrong_long - wrong_short)
        found.append(p_W * right_W + (1 - p_W) * wrong_W)
    return np.array(found)


def _log_mean(log_H: NDArray[Any]) -> float:
    return float(logsumexp(log_H) - np.log(len(log_H)))


def _log_likelihood(said_W: NDArray[Any], reward_W: Floats) -> NDArray[Any]:
    clipped_W = np.clip(said_W, EDGE, 1 - EDGE)
    return xlogy(reward_W, clipped_W) + xlogy(1 - reward_W, 1 - clipped_W)
