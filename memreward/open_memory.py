"""What a memory that is open in this process does, be it divided into shards or not."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from gnn.jobs import OnlineScorer
from memreward.scoring import RowReader
from memstore.encoders import TextEncoder


class OpenMemory:
    """A scorer over databases that are open until `close`."""

    def __init__(self, scorer: OnlineScorer, closing: ExitStack) -> None:
        """Take them over.

        Args:
            scorer: of the memory.
            closing: closes the databases, if that is to be done here.
        """
        self.name, self.run = scorer.memory, scorer.run
        self._scorer, self._closing, self._rows = scorer, closing, RowReader()

    @property
    def seq(self) -> int:
        """The batch up to which the last score knew the memory; 0: nothing is stored."""
        return self._scorer.seq

    @property
    def model(self) -> str | None:
        """Version of the checkpoint that scores, or `prior`; None: it has no opinion yet."""
        return self._scorer.model

    @property
    def encoder(self) -> TextEncoder:
        """What embeds the texts of this memory."""
        return self._scorer.encoder

    def refresh(self) -> None:
        """Pick up the latest checkpoint; see `gnn.jobs.online_scorer.OnlineScorer.refresh`."""
        self._scorer.refresh()

    def learn(self) -> str:
        """Learn from what is verified by now, and score by that from here on.

        The default model resumes its last checkpoint where there is one. See `OnlineScorer.learn`
        for what it raises.

        Returns:
            Version of the checkpoint.
        """
        return self._scorer.learn()

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        self._scorer.flush()

    def close(self) -> None:
        """Let go of the databases. What is not published yet is so by whoever comes next."""
        self._scorer.close()
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self.close()
