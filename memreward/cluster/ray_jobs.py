"""What a `RayMemory` does with all of a memory: long work, divided over the nodes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from memreward.cluster.bulk import ingest_on_ray
from memreward.cluster.renewal import renewed_on_ray
from memreward.cluster.training import learn_on_ray
from memreward.jobs import IngestOutcome, IngestRequest, Told
from memstore import Settings
from memstore.encoders import DEFAULT_ENCODER


def untold(what: str, done: int, total: int | None) -> None:
    """Progress that nobody asks for."""


class RayJobs:
    """The part of `RayMemory` that is not called in every step of a trainer.

    Work is done by actors and tasks that Ray starts again if they die; if the caller dies, the call
    is made again and goes on with what was stored. `progress` is called with what is done, how much
    of it and of how much, about once a second.
    """

    name: str
    run: str
    _settings: Settings | None
    _writers: list[Any]

    @property
    def shards(self) -> int | None:
        """How many the memory has; None: it is not divided."""
        raise NotImplementedError

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Have this node's scorer pick up the latest checkpoint, and another encoder."""
        raise NotImplementedError

    def ingest(
        self,
        files: Sequence[Path | str],
        *,
        embedders: int | None = None,
        progress: Told = untold,
        **request: Any,
    ) -> IngestOutcome:
        """Store the rollouts of files and folders, as `memreward ingest` does, by actors.

        What is stored already is skipped, so a call that was cut off is made again.

        Args:
            files: with paths that hold on any node.
            embedders: actors that embed, a processor each; None: one for each of the cluster's.
            progress: called with what is done, how much of it and of how much, about once a second.
            request: other fields of `memreward.jobs.IngestRequest`: `policy`, `labels`, ...

        Raises:
            InputError: if a file or a row cannot be used; nothing is stored then.
            MemrewardError: see `memreward.jobs.ingest_files`.
        """
        paths = [Path(file).absolute() for file in files]
        wanted = IngestRequest(files=paths, memory=self.name, run=self.run, **request)
        return ingest_on_ray(wanted, self._writers, self._settings, embedders, progress)

    def learn(self, *, seed: int = 0, progress: Told = untold) -> str:
        """Learn from what is verified by now, by tasks on all nodes; this node then scores by it.

        The default model resumes its last checkpoint where there is one. A call that was cut off
        is made again and goes on.

        Args:
            seed: of a training from nothing.
            progress: called with what is done, how much of it and of how much, about once a second.

        Returns:
            Version of the checkpoint, which lies in this node's home.

        Raises:
            MemrewardError: see `gnn.jobs.train_memory`.
        """
        self.flush()
        version = learn_on_ray(self.name, self._settings, seed, progress)
        self.refresh()
        return version

    def reembed(
        self,
        encoder: str = DEFAULT_ENCODER,
        *,
        workers: int | None = None,
        progress: Told = untold,
    ) -> int:
        """Embed all texts with another encoder, then link again, as `memreward reembed` does.

        Args:
            encoder: the default one, or a folder that holds the same model on every node.
            workers: actors that embed, a processor each; None: one for each of the cluster's.
            progress: see the class.

        Returns:
            The number of texts that were embedded now.

        Raises:
            InputError: if it is no encoder.
            MemrewardError: see `memstore.changes.reembed`.
        """
        given = encoder
        if encoder != DEFAULT_ENCODER:
            given = str(Path(encoder).expanduser().resolve())
        made = renewed_on_ray(self.name, self._settings, workers, progress, "reembed", given)
        self.refresh()
        return made

    def link(
        self,
        neighbours: int | None = None,
        *,
        workers: int | None = None,
        progress: Told = untold,
    ) -> int:
        """Give every query its nearest anew, as `memreward link` does.

        Args:
            neighbours: edges a query; None: as before.
            workers: actors that search, a processor each; None: one for each of the cluster's.
            progress: see the class.

        Returns:
            The number of edges.

        Raises:
            InputError: if `neighbours` is below 1.
            MemrewardError: see `memstore.changes.link`.
        """
        return renewed_on_ray(self.name, self._settings, workers, progress, "link", neighbours)
