"""A trainer over HTTP with a budget of calls, on a real memory: plan, verify, score, label."""

from typing import Any

from support.rollout_factory import make_rollouts
from support.serving import Service, serving
from support.store_fixtures import MemoryUnderTest

from memreward.memory import Memory
from memstore.settings import Settings
from schema.calls import Reuse


def asked(service: Service, path: str, **body: Any) -> dict[str, Any]:
    answer = service.post(path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_verdicts_reach_what_says_the_same_and_later_ones_count(
    memory: MemoryUnderTest, server_settings: Settings
) -> None:
    memory.add(make_rollouts(4, 2), labelled=None)
    said = [42, 42, 41, 42, 40]
    step = [
        {"query": "What is 6 * 7?", "query_id": "six-seven", "step": 1, "rollout": place}
        | {"completion": f"#### {number}"}
        for place, number in enumerate(said)
    ]
    reuse = Reuse(audited=0.0)
    opened = Memory(memory.stores, server_settings, memory.name, "run-1", reuse=reuse)
    try:
        with serving(opened) as service:
            (place,) = asked(service, "/v1/plan", rollouts=step, budget=1)["rows"]
            assert said[place] == 42
            step[place]["reward"] = 1.0
            scores = asked(service, "/v1/score", rollouts=step)["scores"]
            of_same = [row for row, number in enumerate(said) if number == 42]
            assert {scores[row]["value"] for row in of_same} == {1.0}
            sources = sorted(scores[row]["source"] for row in of_same)
            assert sources == ["same_conclusion", "same_conclusion", "verified"]
            assert scores[2]["source"] == "propagated"
            labels = [
                {"rollout_id": scores[2]["rollout_id"], "reward": 0},
                {"query_id": "six-seven", "step": 1, "rollout": 4, "reward": 0.25},
            ]
            report = asked(service, "/v1/label", labels=labels, annotator="ann")
            assert report == {"rewards": 2, "preferences": 0, "taken_over": 0}
            assert asked(service, "/v1/label", labels=labels, annotator="ann")["rewards"] == 0
            answer = service.post("/v1/label", {"labels": labels})
            assert answer.status_code == 422 and "annotator" in answer.json()["detail"]
            again = asked(service, "/v1/score", rollouts=step)["scores"]
            assert [one["rollout_id"] for one in again] == [one["rollout_id"] for one in scores]
            assert again[2]["source"] == "propagated"  # Its own verdict is left out.
            kept = opened.query(
                "MATCH (a:Answer {memory: $memory}) WHERE a.id IN $ids "
                "RETURN a.verified_reward AS reward ORDER BY reward",
                ids=[scores[2]["rollout_id"], scores[4]["rollout_id"]],
            )
            assert [row["reward"] for row in kept] == [0.0, 0.25]
            unknown = [{"rollout_id": "0" * 32, "reward": 1}, {"rollout_id": 5, "reward": {}}]
            answer = service.post("/v1/label", {"labels": unknown, "annotator": "ann"})
            assert answer.status_code == 422
    finally:
        opened.close()
