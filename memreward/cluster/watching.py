"""What the actors of a memory say of themselves to Prometheus: asked together, one text."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client import start_http_server as serve_http
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from memreward.cluster.library import ray_library
from memreward.scoring import SECONDS
from schema.errors import BusyError, InputError

#: Where the actors' names are looked up, whatever the namespace of a job.
NAMESPACE: Final = "memreward"
#: Calls of this group of an actor do not wait for its work.
WATCH: Final = "watch"
#: An actor that has not answered after this is shown as down.
ANSWER_SECONDS: Final = 5.0
#: Names of an actor's labels.
_LABELS: Final = ("actor", "run", "node", "shard")

#: Labels of an actor.
Labels = Mapping[str, str]


@contextmanager
def timed(note: Callable[[str, float], None]) -> Iterator[None]:
    """Note how a call ended (`ok`, `busy`, `refused`, `failed`), and after how many seconds."""
    began, status = time.monotonic(), "failed"
    try:
        yield
        status = "ok"
    except BusyError:
        status = "busy"
        raise
    except InputError:
        status = "refused"
        raise
    finally:
        note(status, time.monotonic() - began)


class WriterMetrics:
    """Counts of one writer."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "memreward_store_seconds",
            "Seconds until rollouts were accepted.",
            ["status"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._new = Counter(
            "memreward_stored_rollouts",
            "Rollouts that were accepted and not known before.",
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)

    def stored(self, new: int) -> None:
        """Count accepted rollouts."""
        self._new.inc(new)

    def answered(self, status: str, seconds: float) -> None:
        """Count one call."""
        self._seconds.labels(status).observe(seconds)


def labels_of(actor: str) -> dict[str, str]:
    """Labels of the actor of a name: a writer has neither run nor node, but may have a shard."""
    _, *rest = actor.split("/")
    if len(rest) == 2:
        return {"actor": "scorer", "run": rest[0], "node": rest[1], "shard": ""}
    kind, _, shard = rest[0].partition("-")
    return {"actor": kind, "run": "", "node": "", "shard": shard}


def together(parts: Sequence[tuple[Labels, Sequence[Metric] | None]]) -> list[Metric]:
    """The families of several actors as one of each name, their samples with the actors' labels.

    Args:
        parts: of each actor its labels, and its families; None: it does not answer.
    """
    up = GaugeMetricFamily("memreward_actor_up", "Whether the actor answers.", labels=_LABELS)
    merged: dict[str, Metric] = {}
    for labels, families in parts:
        up.add_metric([labels[name] for name in _LABELS], float(families is not None))
        for family in families or ():
            one = Metric(family.name, family.documentation, family.type, family.unit)
            kept = merged.setdefault(family.name, one)
            kept.samples += [
                sample._replace(labels={**sample.labels, **labels}) for sample in family.samples
            ]
    return [up, *merged.values()]


class MetricsActor(Collector):
    """Serves `/metrics` of all actors of a memory, and asks them whenever it is asked."""

    def __init__(self, memory: str, host: str, port: int) -> None:
        """Listen.

        Args:
            memory: its name.
            host: address to listen at.
            port: 0: a free one, which is another one after a restart.
        """
        self._memory = memory
        registry = CollectorRegistry()
        registry.register(self)
        server, _ = serve_http(port, host, registry)
        self._url = f"http://{host}:{server.server_port}/metrics"

    def url(self) -> str:
        """Where it is served."""
        return self._url

    def describe(self) -> list[Metric]:
        """Nobody is asked before the first scrape."""
        return []

    def collect(self) -> list[Metric]:
        """What all actors say now; those that do not answer within five seconds are down."""
        ray = ray_library()
        asked: dict[str, Any] = {}
        for name in actor_names(self._memory):
            if not name.endswith("/metrics"):
                actor = ray.get_actor(name, namespace=NAMESPACE)
                asked[name] = actor.metrics.options(concurrency_group=WATCH).remote()
        done, _ = ray.wait([*asked.values()], num_returns=len(asked), timeout=ANSWER_SECONDS)
        return together([(labels_of(n), _families(ref, done)) for n, ref in asked.items()])


def _families(reference: Any, done: Sequence[Any]) -> list[Metric] | None:
    ray = ray_library()
    if reference not in done:
        return None
    try:
        return ray.get(reference)
    except ray.exceptions.RayActorError:
        return None


def actor_names(memory: str) -> list[str]:
    """Names of the actors of a memory, sorted."""
    named = ray_library().util.list_named_actors(all_namespaces=True)
    return sorted(
        actor["name"]
        for actor in named
        if actor["namespace"] == NAMESPACE and actor["name"].startswith(f"{memory}/")
    )
