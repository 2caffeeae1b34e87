"""Which calls of a verifier to make for new rollouts, and what the others take over."""

from collections.abc import Mapping, Sequence

from gnn.calls import Candidate, plan_calls
from memstore.db import VectorStore
from memstore.outbox import may_reuse
from memstore.reads import known_verdicts, taken_over
from schema.calls import Reuse
from schema.keyed_rollout import PreparedRollout
from schema.score import Score, ScoreSource


def plan_for(
    places: Sequence[tuple[VectorStore, str]],
    memory: str,
    items: Sequence[PreparedRollout],
    scores: Mapping[str, Score],
    budget: int,
    reuse: Reuse,
) -> list[int]:
    """Rows of `items` to verify, at most `budget`.

    Args:
        places: Postgres of the memory, or of each of its shards, and its name there.
        memory: that the rollouts will be stored in.
        items: new rollouts without rewards.
        scores: what the model says of them, by id; none where there is no model.
        budget: calls that may be made.
        reuse: how verdicts that are taken over are audited.
    """
    conclusions = [item.conclusion(memory) for item in items]
    ids = [None if found is None else found[0] for found in conclusions]
    of_query = {i: item.query_id for i, item in zip(ids, items, strict=True) if i is not None}
    known = known_verdicts(places, of_query)
    candidates: list[Candidate] = []
    for item, conclusion in zip(items, ids, strict=True):
        if not may_reuse(known.audits, item.rollout.domain):
            conclusion = None
        verdict = None if conclusion is None else known.verdicts.get(conclusion)
        score = scores.get(item.id)
        candidates.append(
            Candidate(
                rollout_id=item.id,
                query=item.query_id,
                domain=item.rollout.domain,
                dataset=item.rollout.dataset,
                conclusion=conclusion,
                probability=None if score is None else score.value,
                verdict=None if verdict is None else verdict.value,
            )
        )
    return plan_calls(candidates, budget, reuse)


def scores_taken_over(
    places: Sequence[tuple[VectorStore, str]],
    items: Sequence[PreparedRollout],
    reuse: Reuse | None,
) -> dict[str, Score]:
    """Scores, by id, of those stored rollouts that have the verdict of another, with `reuse`."""
    if not items or reuse is None:
        return {}
    source = ScoreSource.SAME_CONCLUSION
    found = taken_over(places, [item.id for item in items])
    return {
        id_: Score(rollout_id=id_, value=value, confidence=1.0, source=source)
        for id_, value in found.items()
    }
