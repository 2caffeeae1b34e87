"""What is known of one source of verified rewards."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Verdict(StrEnum):
    """What is thought of a source."""

    BELIEVED = "believed"
    UNTESTED = "believed: too little to judge it by"
    OPPOSITE = "says the opposite"
    LENGTH = "judges by length"
    UNRELIABLE = "unreliable"


@dataclass(frozen=True, kw_only=True)
class TrustedSource:
    """What is known of one source."""

    verdict: Verdict
    labels: int
    #: Share of its labels that the rest of the memory finds more likely wrong than right.
    contradicted: float | None = None
    #: Share of its labels that are true, as far as the rest of the memory can tell.
    reliability: float | None = None
    #: Evidence that it is not honest: see `gnn.sources.confusion.against_honesty`.
    evidence: float = 0.0
    deviations: float = 0.0
    #: Probability of being right where it says right and where it says wrong, by length; None:
    #: its words count as they are.
    says_right: tuple[float, ...] | None = None
    says_wrong: tuple[float, ...] | None = None

    @property
    def believed(self) -> bool:
        """Whether its rewards count as they are."""
        return self.says_right is None

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """What `dataclasses.asdict` made, after JSON."""
        shares = {
            name: None if told[name] is None else tuple(told[name])
            for name in ("says_right", "says_wrong")
        }
        return cls(**{**told, **shares, "verdict": Verdict(told["verdict"])})
