"""Samples that were drawn once as rows for a trainer, by the rules of `memreward dataset`.

The completions are those that the policy wrote, to the letter.
"""

from collections.abc import Iterator, Sequence

from memstore.reads import QueryGroup, StoredRollout
from schema.answers import conclusion_key
from schema.score import ScoreSource
from trainer.datasets.choices import best_answers, pairs
from trainer.datasets.selection import Selection, judgement
from trainer.rewards import Assigned
from trainer.runs import Sample

#: What a propagated reward names as its model: nothing reads it here.
_SCORER = "scorer"


def sample_rows(
    groups: Sequence[Sequence[Sample]],
    rewards: Sequence[Sequence[Assigned]],
    prompts: Sequence[str],
    selection: Selection,
) -> list[dict[str, str]]:
    """Texts `prompt` and `completion`, or `prompt`, `chosen` and `rejected`.

    Args:
        groups: the samples of each query.
        rewards: what each of them was assigned.
        prompts: the text that the policy continues, a query.
        selection: of the kind `sft` or `dpo`.
    """
    return [
        {"prompt": prompt, **row}
        for group, given, prompt in zip(groups, rewards, prompts, strict=True)
        for row in _rows(group, given, selection)
    ]


def _rows(
    group: Sequence[Sample], given: Sequence[Assigned], selection: Selection
) -> Iterator[dict[str, str]]:
    if not group:
        return
    task = group[0].task
    stored = [_stored(one, value) for one, value in zip(group, given, strict=True)]
    text_of = {rollout.id: one.text for rollout, one in zip(stored, group, strict=True)}
    judged = judgement(
        QueryGroup(
            query_id=task.source_query_id,
            text=task.query,
            dataset=task.dataset,
            domain=task.domain,
            rollouts=tuple(stored),
        ),
        verified_only=selection.verified_only,
    ).judged
    if selection.kind.takes_pairs:
        for pair in pairs(judged, selection):
            chosen, rejected = pair.chosen.rollout.id, pair.rejected.rollout.id
            yield {"chosen": text_of[chosen], "rejected": text_of[rejected]}
    else:
        for one in best_answers(judged, selection):
            yield {"completion": text_of[one.rollout.id]}


def _stored(sample: Sample, given: Assigned) -> StoredRollout:
    rollout = sample.rollout
    propagated = given.source is ScoreSource.PROPAGATED
    verified = given.source in (ScoreSource.VERIFIED, ScoreSource.SAME_CONCLUSION)
    return StoredRollout(
        id=f"{rollout.source_query_id}-{rollout.place}",
        run="",
        policy=rollout.policy,
        step=rollout.step,
        thinking=rollout.thinking,
        answer=rollout.answer,
        conclusion_id=conclusion_key(
            rollout.query, rollout.thinking, rollout.answer, rollout.domain
        ),
        verified=given.value if verified else None,
        propagated=given.value if propagated else None,
        model=_SCORER if propagated else None,
    )
