"""`memreward bench reward`: what the rewards of one RL step cost, by the size of the memory."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from gnn.checkpoints import load_checkpoint
from gnn.jobs import prediction_reach, train_memory
from memreward import Memory
from memreward.base import Bars
from memreward.bench.cpu import CpuClock
from memreward.bench.data import ROLLOUTS_A_QUERY, Mixer
from memreward.bench.published_rival import PublishedWay, published_net
from memreward.bench.report import percentile
from memreward.bench.scratch import grow, scratch_memory
from memstore import Settings
from memstore.changes import RolloutWriter
from memstore.db import Stores
from memstore.encoders import Encoder
from memstore.servers import SAMPLE, checkpoint_folder, snapshot_folder
from memstore.snapshot import SnapshotCache, cut, whole
from schema.errors import InputError
from schema.graph import QUERY
from schema.ids import query_id
from schema.memory_graph import Ints
from schema.rollout import Rollout
from schema.score import Reach

QUERIES_A_STEP: Final = 64
#: Steps before the times count.
WARM_UP: Final = 2
#: Steps of the published way, whose median counts.
PUBLISHED_STEPS: Final = 3
#: Numbers of the queries of steps: apart from those that the memory grows by.
_STEPS_FROM: Final = 1 << 32


@dataclass(frozen=True, kw_only=True)
class RewardRequest:
    """What to measure."""

    sizes: Sequence[int]
    rollouts: Path = SAMPLE
    repeats: int = 9
    queries_a_step: int = QUERIES_A_STEP
    #: Largest memory at which the published way is measured.
    published_upto: int = 8_000

    def __post_init__(self) -> None:
        """Check the sizes."""
        if not self.sizes or list(self.sizes) != sorted(set(self.sizes)) or self.sizes[0] < 100:
            raise InputError("--memory: give rising numbers of queries, at least 100 each")
        if self.repeats < 1 or self.queries_a_step < 1:
            raise InputError("--repeats and --queries: give at least 1")


@dataclass(frozen=True, kw_only=True)
class RewardRow:
    """What was measured at one size; seconds."""

    memory_queries: int
    p50_s: float
    p95_s: float
    #: Processor time of a step, ours and Postgres': it hardly depends on who else is at work.
    p50_cpu_s: float
    embed_s: float
    #: The published way; None where the memory is too large for it.
    published_s: float | None
    published_cpu_s: float | None
    #: Until Neo4j shows the step.
    publish_s: float
    #: The snapshot: opened, brought up to one batch of a step's size, rebuilt.
    open_s: float
    catch_up_s: float
    rebuild_s: float
    #: What scores were computed from.
    subgraph_queries: int
    subgraph_rollouts: int
    subgraph_edges: int
    #: Resident memory of this process after the steps.
    rss_mib: int


class _Bench:
    """One scratch memory, as it grows."""

    def __init__(
        self, stores: Stores, settings: Settings, request: RewardRequest, name: str, bars: Bars
    ) -> None:
        self._stores, self._settings, self._request = stores, settings, request
        self._name, self._bars = name, bars
        self._mixer, self._cpu = Mixer.of(request.rollouts), CpuClock(settings)
        self._steps = self._grown = 0
        self._embed_s = self._embedding()
        self._reach = Reach(hops=1)

    def rows(self) -> Iterator[RewardRow]:
        """One row a size."""
        for size in self._request.sizes:
            want = size - self._steps * self._request.queries_a_step
            grow(self._stores, self._name, self._mixer, self._grown, want, self._bars)
            self._grown = want
            if size == self._request.sizes[0]:
                self._learn()
            yield self._row(size)

    def _learn(self) -> None:
        """A model, trained on the memory at its smallest."""
        trained = train_memory(self._stores, self._settings, self._name, self._bars)
        folder = checkpoint_folder(self._settings, self._name) / trained.manifest.version
        self._reach = prediction_reach(load_checkpoint(folder, encoder=Encoder().name)[0])

    def _row(self, size: int) -> RewardRow:
        seconds: list[float] = []
        cpu: list[float] = []
        publish: list[float] = []
        step: list[Rollout] = []
        with Memory.open(self._name, run="steps", settings=self._settings) as memory:
            for place in range(WARM_UP + self._request.repeats):
                step = self._step()
                began, spent = time.perf_counter(), self._cpu()
                memory.score(step)
                scored, spent = time.perf_counter(), self._cpu() - spent
                memory.flush()
                if place >= WARM_UP:
                    seconds.append(scored - began)
                    cpu.append(spent)
                    publish.append(time.perf_counter() - scored)
                self._bars(f"steps at {size:,}", place + 1, WARM_UP + self._request.repeats)
        rss = psutil.Process().memory_info().rss
        kept, open_s = self._opened()
        catch_up_s = self._catch_up(kept)
        sizes = self._subgraph(kept, step)
        published = self._published_way(kept, size)
        _, rebuild_s = self._opened(anew=True)
        return RewardRow(
            memory_queries=size,
            p50_s=percentile(seconds, 50),
            p95_s=percentile(seconds, 95),
            p50_cpu_s=percentile(cpu, 50),
            embed_s=self._embed_s,
            published_s=published[0],
            published_cpu_s=published[1],
            publish_s=percentile(publish, 50),
            open_s=open_s,
            catch_up_s=catch_up_s,
            rebuild_s=rebuild_s,
            rss_mib=rss >> 20,
            **sizes,
        )

    def _step(self) -> list[Rollout]:
        """Rollouts of queries that the memory has not seen."""
        count = self._request.queries_a_step
        first = _STEPS_FROM + self._steps * count
        self._steps += 1
        return self._mixer.rollouts(first, count, labelled=0.0)

    def _embedding(self) -> float:
        """Seconds that the texts of one step take to embed; they do not depend on the memory."""
        encoder = Encoder()
        step = self._mixer.rollouts(_STEPS_FROM, self._request.queries_a_step)
        texts = [t for r in step for t in (r.query, r.thinking, r.answer)]
        encoder.encode(texts[:1])  # The model is loaded once.
        began = time.perf_counter()
        encoder.encode(texts, lambda done, total: self._bars("embed a step", done, total))
        return time.perf_counter() - began

    def _opened(self, *, anew: bool = False) -> tuple[SnapshotCache, float]:
        home = snapshot_folder(self._settings)
        if anew:
            shutil.rmtree(home / self._name)
        began = time.perf_counter()
        kept = SnapshotCache(self._stores, self._name, home, beside=not anew)
        return kept, time.perf_counter() - began

    def _catch_up(self, kept: SnapshotCache) -> float:
        """Seconds to read one batch of a step's size."""
        RolloutWriter(self._stores, self._name, "steps", Encoder()).add(self._step())
        began = time.perf_counter()
        kept.catch_up()
        return time.perf_counter() - began

    def _subgraph(self, kept: SnapshotCache, step: Sequence[Rollout]) -> dict[str, int]:
        """How much of the memory the scores of a step depend on."""
        ids = sorted({query_id(self._name, rollout.query) for rollout in step})
        rows: Ints = kept.snapshot.known(QUERY, ids)
        graph = cut(kept.snapshot, rows, self._reach).graph
        edges = (graph.generated_2E, graph.leads_to_2E, graph.concludes_2E, graph.similar_2E)
        return {
            "subgraph_queries": len(graph.query_id_Q),
            "subgraph_rollouts": len(graph.rollout_id_R),
            "subgraph_edges": sum(found.shape[1] for found in edges),
        }

    def _published_way(
        self, kept: SnapshotCache, size: int
    ) -> tuple[float, float] | tuple[None, None]:
        if size > self._request.published_upto:
            return None, None
        graph = whole(kept.snapshot).graph
        rival = PublishedWay.of(graph, published_net(graph.query_embedding_QD.shape[1]))
        steps = []
        for place in range(PUBLISHED_STEPS):
            self._bars(f"published way at {size:,}", place, PUBLISHED_STEPS)
            steps.append(rival.step())
        self._bars(f"published way at {size:,}", PUBLISHED_STEPS, PUBLISHED_STEPS)
        seconds, cpu = zip(*steps, strict=True)
        return percentile(seconds, 50), percentile(cpu, 50)


def bench_reward(
    stores: Stores,
    settings: Settings,
    request: RewardRequest,
    progress: Bars,
    measured: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Measure all sizes with one scratch memory; see `RewardRow` for the rows.

    `flatness` is the p50 at the largest memory over the p50 at the one before; None with one size.
    `measured` is called with what there is after each size, since the next takes long.
    """
    rows: list[RewardRow] = []
    with scratch_memory(stores, settings) as name:
        for row in _Bench(stores, settings, request, name, progress).rows():
            rows.append(row)
            measured(_result(request, rows))
    return _result(request, rows)


def _result(request: RewardRequest, rows: Sequence[RewardRow]) -> dict[str, Any]:
    last, before = rows[-1], rows[-2] if len(rows) > 1 else None
    return {
        "rows": [asdict(row) for row in rows],
        "flatness": None if before is None else last.p50_s / before.p50_s,
        "cpu_flatness": None if before is None else last.p50_cpu_s / before.p50_cpu_s,
        "rollouts_a_step": request.queries_a_step * ROLLOUTS_A_QUERY,
        "repeats": request.repeats,
    }
