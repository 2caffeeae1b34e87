"""One small GRPO run, by itself in a process that a test may kill.

python grpo_driver.py FOLDER STEPS KILL_AT [CURRICULUM]: the policy and the run are in FOLDER; the
process kills itself when the rollouts of call KILL_AT are stored and their scores not noted yet.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.fake_scorer import FakeScorer

from schema.rollout import Rollout
from schema.score import Score
from trainer.policy.policy import load_policy
from trainer.rewards.from_memory import memory_reward, open_journal
from trainer.runs.curriculum import Curriculum
from trainer.runs.grpo import GrpoOptions, train


class KeptScorer(FakeScorer):
    """Keeps what it stores in a file, and learns: other steps' rollouts change its opinion."""

    def __init__(self, path: Path, kill_at: int | None) -> None:
        super().__init__(self._opinion)
        self.path, self.kill_at, self.number = path, kill_at, 0
        if path.exists():
            for line in path.read_text().splitlines():
                fields = json.loads(line)
                self._score(Rollout(**fields), store=True)

    def _opinion(self, rollout: Rollout) -> float:
        others = sum(kept.step != rollout.step for kept in self.stored.values())
        return (len(rollout.answer) + others) % 7 / 7

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        before = len(self.stored)
        scores = super().score(rollouts, store=store)
        names = ("query", "answer", "thinking", "source_query_id", "step", "place")
        with self.path.open("a") as file:
            for rollout in list(self.stored.values())[before:]:
                file.write(json.dumps({name: getattr(rollout, name) for name in names}) + "\n")
        self.number += 1
        if self.number == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return scores


def verify(prompts: Any, completions: Any, completion_ids: Any, **columns: Any) -> list[Any]:
    return [float(len(text) % 2) for text in completions]


def run(
    folder: Path, steps: int, kill_at: int | None = None, *, curriculum: bool = False
) -> list[dict[str, Any]]:
    """Train, or go on."""
    policy = load_policy(str(folder / "policy"), device="cpu")
    queries = [f"{number} + {number}?" for number in range(8)]
    journal = open_journal(folder / "run" / "journal.jsonl")
    reward = memory_reward(
        KeptScorer(folder / "memory.jsonl", kill_at),
        verify=verify,
        labelled=set(queries[:2]),
        journal=journal,
        min_spread=0.0,
    )
    return train(
        policy.model,
        policy.tokenizer,
        [{"prompt": query, "query": query, "query_id": query} for query in queries],
        reward,
        folder / "run",
        GrpoOptions(steps=steps, group=4, completion_tokens=6, learning_rate=1e-3, save_every=2),
        draws=Curriculum(queries, journal, folder / "run" / "drawn.jsonl", batch=1, seed=0).draws()
        if curriculum
        else None,
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), curriculum=len(sys.argv) > 4)
