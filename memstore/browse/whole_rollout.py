"""One rollout with its whole texts, its rewards and all that was said of it."""

from dataclasses import dataclass

from memstore.browse.brief_read import View
from memstore.browse.reward_marks import RolloutMark, rewards_of
from memstore.browse.whole_group import KEY_HEAD
from memstore.reads import Statement, statements_of
from schema.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutDetail:
    """A rollout."""

    mark: RolloutMark
    query_id: str
    dataset: str
    domain: str
    #: The beginning of the query's text.
    query: str
    source_query_id: str
    place: int
    checkpoint: str | None
    #: The beginning of what it concludes.
    conclusion: str | None
    completion_tokens: int | None
    finish_reason: str | None
    thinking: str
    answer: str
    #: The batch that brought it.
    seq: int
    history: tuple[Statement, ...]


def rollout_detail(view: View, rollout_id: str) -> RolloutDetail:
    """One rollout.

    Raises:
        InputError: if there is no such rollout, or it came later.
    """
    memory = view.state.name
    row = view.session.row("rollout", memory=memory, rollout=rollout_id, head=KEY_HEAD)
    if row is None or row[-1] > view.seq:
        raise InputError(f"memory {memory!r} has no rollout {rollout_id!r} at {view.seq}")
    query_id, dataset, domain, query, run, source_query_id, step, place, *rest = row
    policy, checkpoint, conclusion_id, key, tokens, finish_reason, *texts = rest
    thinking, answer, forgotten, seq = texts
    rewards = rewards_of(view, [rollout_id])
    return RolloutDetail(
        mark=rewards.mark(rollout_id, run, policy, step, conclusion_id, forgotten=forgotten),
        query_id=query_id,
        dataset=dataset,
        domain=domain,
        query=query,
        source_query_id=source_query_id,
        place=place,
        checkpoint=checkpoint,
        conclusion=key,
        completion_tokens=tokens,
        finish_reason=finish_reason,
        thinking=thinking,
        answer=answer,
        seq=seq,
        history=tuple(statements_of(view.session.of("reads.sql"), memory, rollout_id, view.seq)),
    )
