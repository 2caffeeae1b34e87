"""The outcome of a run that nobody made."""

from pathlib import Path

from memreward.runs.grpo_outcome import GrpoOutcome
from trainer.runs.accuracy import Accuracy


def made_up(folder: Path, before: float, after: float, unseen: float) -> GrpoOutcome:
    """Accuracies are means over the tasks of family `seen`, `unseen` that of another family."""

    def at(step: int, mean: float) -> Accuracy:
        families = {"seen": mean, "unseen": unseen}
        return Accuracy(step=step, completions=8, mean=mean, families=families)

    return GrpoOutcome(
        folder=folder,
        before=at(0, before),
        after=at(9, after),
        labels=4,
        queries=20,
        calls=8,
        calls_saved=2,
        completions=40,
        reward_seconds=1.0,
        seconds=10.0,
    )
