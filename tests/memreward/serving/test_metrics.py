"""`/metrics` of the service, on a memory of a few lines."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.serving import TOKEN, ServedFake, Service, serving

from memreward.cluster.watching import WriterMetrics
from schema.errors import UnreachableError

DASHBOARD = Path(__file__).parents[3] / "docs/dashboard.json"
SCORE = 'memreward_request_seconds_count{route="/v1/score",status="200"}'


@pytest.fixture
def memory() -> ServedFake:
    return ServedFake(lambda rollout: None if "odd" in rollout.query else 0.25)


@pytest.fixture
def service(memory: ServedFake) -> Iterator[Service]:
    with serving(memory) as service:
        yield service


def test_requests_batches_and_scores_are_counted(service: Service) -> None:
    rows = [{"query": "What?", "answer": "four"}, {"query": "An odd one?", "answer": "4"}]
    service.score(*rows)
    service.score({**rows[0], "reward": 1.0}).raise_for_status()
    found = service.metrics()
    assert found[SCORE] == 2
    assert (found["memreward_batch_rollouts_count"], found["memreward_batch_rollouts_sum"]) == (
        2,
        3,
    )
    sources = {
        name.split('"')[1]: value
        for name, value in found.items()
        if name.startswith("memreward_scores_total")
    }
    assert sources == {"verified": 1, "propagated": 1, "none": 1, "same_conclusion": 0}


def test_names_and_types_are_those_that_dashboards_use(service: Service) -> None:
    text = service.get("/metrics", {"Authorization": f"Bearer {TOKEN}"}).text
    families = {one.name: one.type for one in text_string_to_metric_families(text)}
    ours = {
        name: kind
        for name, kind in families.items()
        if name.startswith("memreward") and not name.endswith("_created")
    }
    assert ours == {
        "memreward_request_seconds": "histogram",
        "memreward_batch_rollouts": "histogram",
        "memreward_scores": "counter",
        "memreward_queue_rollouts": "gauge",
        "memreward_queue_limit": "gauge",
        "memreward_postgres_up": "gauge",
        "memreward_accepted_batch": "gauge",
        "memreward_unpublished_batches": "gauge",
        "memreward_unscored_batches": "gauge",
    }
    assert "process_resident_memory_bytes" in families


def test_the_dashboard_asks_for_what_there_is(service: Service) -> None:
    service.score({"query": "What?", "answer": "four"}).raise_for_status()
    text = service.get("/metrics", {"Authorization": f"Bearer {TOKEN}"}).text
    families = text_string_to_metric_families(text)
    known = {sample.name for family in families for sample in family.samples}
    asked = set(re.findall(r"(?:memreward|process)_[a-z_]+", DASHBOARD.read_text("utf-8")))
    of_actors = {"memreward_actor_up"}  # Of docs/ray.md; the others are counted by the writer.
    writer = WriterMetrics()
    writer.answered("ok", 0.1)
    of_actors |= {sample.name for one in writer.registry.collect() for sample in one.samples}
    assert len(asked) == 14 and asked <= known | of_actors


def test_how_far_the_memory_is(service: Service, memory: ServedFake) -> None:
    memory.known, memory.seq = (9, 7), 4
    found = service.metrics()
    assert found["memreward_accepted_batch"] == 9
    assert found["memreward_unpublished_batches"] == 2
    assert found["memreward_unscored_batches"] == 5
    assert found["memreward_queue_limit"] == 100


def test_without_postgres_it_still_answers(service: Service, memory: ServedFake) -> None:
    memory.error = UnreachableError("away")
    found = service.metrics()
    assert found["memreward_postgres_up"] == 0
    assert "memreward_accepted_batch" not in found
    assert service.get("/health").status_code == 200
    ready = service.get("/ready")
    assert (ready.status_code, ready.json()["reason"]) == (503, "away")


def test_it_needs_the_token_and_no_text_of_a_caller_is_a_label(service: Service) -> None:
    assert service.get("/metrics").status_code == 401
    assert service.get("/v1/<script>").status_code == 401
    known = {"Authorization": f"Bearer {TOKEN}"}
    assert service.get("/v1/<script>", known).status_code == 404
    found = service.metrics()
    assert found['memreward_request_seconds_count{route="none",status="401"}'] == 2
    assert found['memreward_request_seconds_count{route="none",status="404"}'] == 1
    assert not any("script" in name for name in found)
