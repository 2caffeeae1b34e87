"""How good the rewards are at several budgets of verifier calls, by how the calls are chosen."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Self

import numpy as np

from gnn.base import Metrics, ProgressReport, mean_and_spread, measure, measure_groups, no_progress
from gnn.calls import RIGHT, STRATEGIES, beliefs, counted, settled_by
from gnn.evaluation.protocol import mean_metrics
from gnn.evaluation.verdict_memory import VerdictMemory
from gnn.models.memreward import MemrewardModel
from schema.errors import InputError
from schema.memory_graph import Bools, Floats, MemoryGraph

#: A strategy is asked this often between two budgets, with the verdicts so far in sight.
PORTIONS: Final = 10
#: The strategy of this project.
OWN: Final = "memreward"
#: Added to a strategy's name where unverified rollouts are predicted by counting alone.
COUNTED: Final = ", counted"


@dataclass(frozen=True, kw_only=True)
class Bought:
    """What one strategy bought with one budget in one seed, and what is then believed."""

    strategy: str
    share: float
    seed: int
    #: NaN where no verdict was bought.
    verdict_R: Floats
    #: The verdict that each rollout has, or shares with one of its conclusion; NaN: none.
    shared_R: Floats
    probability_R: Floats


@dataclass(frozen=True, kw_only=True)
class CallCurve:
    """Everything a table or a picture needs."""

    graph: MemoryGraph
    truth_R: Floats
    bought: Sequence[Bought]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """What `memreward evaluate --calls --json` writes: means and spreads over seeds.

        By share of calls and strategy: the measures over all rollouts, `calls` made, `saved` (the
        rollouts that share a verdict without a call), and the same measures over `never_verified`
        rollouts and `by_domain`. `agreement` is the share of the saved calls whose verdict is the
        one that was taken over; None where none was saved.
        """
        groups: dict[str, dict[str, list[Bought]]] = {}
        for one in self.bought:
            groups.setdefault(f"{one.share:g}", {}).setdefault(one.strategy, []).append(one)
        return {
            "calls": {
                share: {name: self._row(several) for name, several in rows.items()}
                for share, rows in groups.items()
            },
            "rollouts": int(self._scored_R.sum()),
            "seeds": len({one.seed for one in self.bought}),
            "seconds": round(self.seconds, 1),
        }

    @property
    def _scored_R(self) -> Bools:
        return ~np.isnan(self.truth_R) & (self.graph.query_of_rollout_R >= 0)

    def _row(self, several: Sequence[Bought]) -> dict[str, Any]:
        domain_R = np.array([*self.graph.domain_Q, ""])[self.graph.query_of_rollout_R]
        scored_R = self._scored_R
        by_domain = [
            measure_groups(
                one.probability_R, self.truth_R, self.graph.query_of_rollout_R, domain_R, scored_R
            )
            for one in several
        ]
        calls = [int((~np.isnan(one.verdict_R)).sum()) for one in several]
        settled = [int((~np.isnan(one.shared_R)).sum()) for one in several]
        return {
            **mean_metrics([self._measured(one, scored_R) for one in several]),
            "calls": mean_and_spread(calls)[0],
            "saved": mean_and_spread(s - c for s, c in zip(settled, calls, strict=True))[0],
            "agreement": self._agreement(several, scored_R),
            "never_verified": mean_metrics(
                [self._measured(one, scored_R & np.isnan(one.verdict_R)) for one in several]
            ),
            "by_domain": {
                name: mean_metrics([measured[name] for measured in by_domain])
                | {"agreement": self._agreement(several, scored_R & (domain_R == name))}
                for name in sorted(set().union(*by_domain))
            },
        }

    def _agreement(self, several: Sequence[Bought], in_R: Bools) -> float | None:
        """How often a verdict that was taken over is the rollout's own, of those in `in_R`."""
        right_R = self.truth_R >= RIGHT
        shares: list[float] = []
        for one in several:
            taken_R = in_R & ~np.isnan(one.shared_R) & np.isnan(one.verdict_R)
            if taken_R.any():
                shares.append(float(((one.shared_R >= RIGHT) == right_R)[taken_R].mean()))
        return mean_and_spread(shares)[0]

    def _measured(self, one: Bought, in_R: Bools) -> Metrics:
        query_R = self.graph.query_of_rollout_R
        return measure(one.probability_R[in_R], self.truth_R[in_R], query_R[in_R])


def evaluate_calls(
    graph: MemoryGraph,
    truth_R: Floats,
    *,
    shares: Sequence[float],
    seeds: int,
    strategies: Sequence[str],
    make: Callable[[], MemrewardModel] = MemrewardModel,
    progress: ProgressReport = no_progress,
) -> CallCurve:
    """Buy verdicts one budget after another, and measure what is believed at each.

    A verdict counts for its conclusion, whatever the strategy. A hidden reward is handed to
    nobody: `truth_R` is read at the rows that a strategy names, and by the measures.

    Args:
        graph: its rewards are not read.
        truth_R: true reward of each rollout, NaN where unknown.
        shares: calls, as shares of the rollouts with a known reward.
        seeds: repetitions.
        strategies: names of those to compare with.
        make: makes an unfitted default model.
        progress: told after each strategy.

    Raises:
        InputError: if a strategy is not known, or no rollout has a reward.
    """
    started, names = time.monotonic(), list(dict.fromkeys([OWN, *strategies]))
    check_strategies(names)
    if np.isnan(truth_R).all():
        raise InputError("no rollout has a reward: give a file with verified rewards")
    bought: list[Bought] = []
    for seed, name in product(range(seeds), names):
        run = _Run.of(graph, truth_R, name, seed, make)
        for share in sorted(set(shares)):
            run.buy(share, progress)
            bought += run.outcomes(share)
        progress(f"calls by {name}", seed + 1, seeds)
    seconds = time.monotonic() - started
    return CallCurve(graph=graph, truth_R=truth_R, bought=bought, seconds=seconds)


def check_strategies(names: Sequence[str]) -> None:
    """Refuse a name that no strategy has.

    Raises:
        InputError: naming it, and those that there are.
    """
    if unknown := [name for name in names if name not in STRATEGIES]:
        raise InputError(f"no strategy is called {unknown[0]}: choose from {', '.join(STRATEGIES)}")


@dataclass(kw_only=True)
class _Run:
    """One strategy in one seed; at each budget it buys on from the one before."""

    name: str
    seed: int
    truth_R: Floats
    memory: VerdictMemory
    rng: np.random.Generator
    n_rollouts: int
    verdict_R: Floats

    @classmethod
    def of(
        cls,
        graph: MemoryGraph,
        truth_R: Floats,
        name: str,
        seed: int,
        make: Callable[[], MemrewardModel],
    ) -> Self:
        """Before the first call."""
        can_R = ~np.isnan(truth_R) & (graph.query_of_rollout_R >= 0)
        return cls(
            name=name,
            seed=seed,
            truth_R=truth_R,
            memory=VerdictMemory(graph, can_R, seed=seed, make=make),
            rng=np.random.default_rng(seed),
            n_rollouts=int(can_R.sum()),
            verdict_R=np.full(len(truth_R), np.nan, dtype=np.float32),
        )

    def buy(self, share: float, progress: ProgressReport) -> None:
        """Buy up to this share of the rollouts, and learn from it."""
        before = int((~np.isnan(self.verdict_R)).sum())
        for portion in range(1, PORTIONS + 1):
            aim = before + round((round(share * self.n_rollouts) - before) * portion / PORTIONS)
            left = aim - int((~np.isnan(self.verdict_R)).sum())
            standing = self.memory.standing(self.verdict_R)
            rows = np.array(STRATEGIES[self.name](standing, left, self.rng), dtype=np.int64)
            self.verdict_R = self.verdict_R.copy()
            self.verdict_R[rows] = self.truth_R[rows]
        self.memory.learn(self.verdict_R, progress)

    def outcomes(self, share: float) -> Iterator[Bought]:
        """What is believed now: by the memory, and by counting alone."""
        standing = self.memory.standing(self.verdict_R)
        believed = {self.name: beliefs(standing), self.name + COUNTED: counted(standing)}
        if self.name == OWN:
            del believed[OWN + COUNTED]
        for name, probability_R in believed.items():
            yield Bought(
                strategy=name,
                share=share,
                seed=self.seed,
                verdict_R=self.verdict_R,
                shared_R=settled_by(standing).astype(np.float32),
                probability_R=probability_R,
            )
