"""The audit: do the rewards that the memory predicts still agree with the verifier?

A policy that learns from propagated rewards may learn to please the model behind them: by length,
or by giving one answer again and again. Then the memory promises more than verification finds. So
the rollouts of some labelled queries, chosen at random, are scored as if they had no labels,
when they are first seen and before the memory learns their rewards.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from trainer.rewards.alarm import OnAlarm, report
from trainer.rewards.journal import Journal

#: Audited queries that one judgement takes, and by how much, on the mean over these queries, the
#: memory may promise more than is verified (docs/trainer.md: false alarms and what is caught).
WINDOW: Final = 16
MAX_OPTIMISM: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedQuery:
    """One audited query: means over its rollouts."""

    query: str
    promised: float
    verified: float
    #: 1 - mean distance of promised and verified reward, in [0, 1].
    agreement: float


class Audit:
    """The audit of one run; what it found is kept in the run's journal."""

    def __init__(
        self, queries: Collection[str], journal: Journal, on_alarm: OnAlarm = OnAlarm.STOP
    ) -> None:
        """Audit `queries`, some of the labelled ones, going on from what the journal holds."""
        self._queries = frozenset(queries)
        self._journal, self._on_alarm = journal, on_alarm
        self._warned = False
        self.findings = [
            AuditedQuery(**finding) for note in journal.notes for finding in note.get("audit", ())
        ]

    def due(self, queries: Collection[str]) -> frozenset[str]:
        """Those of `queries` that are to be audited now: chosen, and never met before."""
        return self._queries.intersection(queries) - {item.query for item in self.findings}

    def find(self, step: int, found: dict[str, list[tuple[float, float]]]) -> None:
        """Keep (promised, verified) of the rollouts of some queries, then judge.

        Raises:
            RewardError: if the memory has promised too much over the last WINDOW queries, and
                alarms stop the run.
        """
        new: list[AuditedQuery] = []
        for query, pairs in found.items():
            pair_R2 = np.array(pairs)
            promised, verified = pair_R2.mean(axis=0)
            agreement = 1 - np.abs(pair_R2[:, 0] - pair_R2[:, 1]).mean()
            new.append(
                AuditedQuery(
                    query=query,
                    promised=float(promised),
                    verified=float(verified),
                    agreement=float(agreement),
                )
            )
        if new:
            self.findings += new
            self._journal.note({"step": step, "audit": [_as_json(item) for item in new]})
            self._judge()

    def _judge(self) -> None:
        last = self.findings[-WINDOW:]
        promised = float(np.mean([item.promised for item in last]))
        verified = float(np.mean([item.verified for item in last]))
        if len(last) == WINDOW and promised - verified > MAX_OPTIMISM and not self._warned:
            self._warned = True
            report(
                self._on_alarm,
                f"over the last {WINDOW} audited queries the memory promised {promised:.2f} and "
                f"verification found {verified:.2f}: the policy has learnt to please the memory",
            )


def _as_json(item: AuditedQuery) -> dict[str, Any]:
    return {
        "query": item.query,
        "promised": item.promised,
        "verified": item.verified,
        "agreement": item.agreement,
    }
