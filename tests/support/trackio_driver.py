"""One small GRPO run that reports to trackio: python trackio_driver.py FOLDER.

The process may reach no address. It prints, as JSON, what trackio kept of the run: metrics by name,
and the rows of the table of completions at its last step.
"""

import json
import socket
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from support.fake_scorer import FakeScorer
from support.tiny_policy import write_tiny_policy


def _refuse(self: socket.socket, address: Any) -> None:
    raise OSError(f"{address}: a run that reports to trackio asked for the network")


def run(folder: Path) -> dict[str, Any]:
    """Train two steps of two queries, of which one is verified, and read trackio."""
    from trackio.sqlite_storage import SQLiteStorage  # pyright: ignore[reportMissingImports]

    from trainer.policy.policy import load_policy
    from trainer.rewards.from_memory import memory_reward
    from trainer.runs.grpo import GrpoOptions, train

    policy = load_policy(str(write_tiny_policy(folder / "policy")), device="cpu")
    rows = [{"prompt": f"{number} + {number}?", "gold": "4"} for number in range(2)]
    reward = memory_reward(
        FakeScorer(lambda rollout: len(rollout.answer) % 3 / 3 or None),
        verify=lambda prompts, completions, completion_ids, **columns: [1.0] * len(prompts),
        labelled={"0 + 0?"},
        min_spread=0.0,
    )
    options = GrpoOptions(steps=2, queries=2, group=4, completion_tokens=4, report_to="trackio")
    with redirect_stdout(sys.stderr):
        train(policy.model, policy.tokenizer, rows, reward, folder / "sums" / "g1", options)
    logs = SQLiteStorage.get_logs("memreward", "sums/g1")
    tables = [entry["completions"]["_value"] for entry in logs if "completions" in entry]
    return {"names": sorted({name for entry in logs for name in entry}), "rows": tables[-1]}


if __name__ == "__main__":
    socket.socket.connect = _refuse
    print(json.dumps(run(Path(sys.argv[1]))))
