"""What a check finds, and what it has at hand while it looks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from memstore.db import SqlSession, Stores

#: Faults of one kind that are listed; all are counted.
EXAMPLES: Final = 10

#: Called with what is looked at and how many of it are done.
CheckProgress = Callable[[str, int], None]


@dataclass(kw_only=True)
class CheckReport:
    """What is off in a memory."""

    memory: str
    #: Up to which batch it was looked.
    seq: int = 0
    #: Number of faults by kind, and descriptions of the first of each.
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    #: What is worth knowing and no fault.
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is off."""
        return not self.counts

    def add(self, kind: str, description: str, count: int = 1) -> None:
        """Note a fault."""
        self.counts[kind] = self.counts.get(kind, 0) + count
        examples = self.examples.setdefault(kind, [])
        if len(examples) < EXAMPLES:
            examples.append(description)

    def add_all(self, kind: str, descriptions: Iterable[str]) -> None:
        """Note several."""
        for description in descriptions:
            self.add(kind, description)

    def lines(self) -> list[str]:
        """The report for a person."""
        if self.ok:
            return [f"memory {self.memory}: both stores agree up to batch {self.seq}", *self.notes]
        lines = [f"memory {self.memory}, up to batch {self.seq}:"]
        for kind, count in self.counts.items():
            lines.append(f"  {kind}: {count}")
            lines += [f"    {example}" for example in self.examples[kind]]
            if count > len(self.examples[kind]):
                lines.append(f"    and {count - len(self.examples[kind])} more")
        return lines + self.notes


@dataclass(frozen=True, kw_only=True)
class CheckContext:
    """One check under way."""

    stores: Stores
    session: SqlSession
    report: CheckReport
    memory: str
    #: Neo4j's sequence number and generation.
    seq: int
    generation: int
    #: Whether a generation is accepted and not published: its edges may be there already.
    generation_waits: bool
    progress: CheckProgress

    def sql(self, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of Postgres."""
        return self.session.rows(name, memory=self.memory, **parameters)

    def cypher(self, name: str, **parameters: object) -> list[list[Any]]:
        """Rows of Neo4j."""
        return self.stores.graph.read(
            "consistency.cypher", lambda tx: tx.rows(name, memory=self.memory, **parameters)
        )
