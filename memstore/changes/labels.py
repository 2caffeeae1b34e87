"""Verified rewards and preferences that arrive after the rollouts, from verifiers or people.

Nothing is overwritten: what a source says is added where it differs from what it said last, so
that the same again adds nothing. `memstore.outbox.said_rewards` has the rule by which the rewards
of several sources become one; propagated rewards are never touched.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from memstore.db import SqlSession, Stores, get_memory
from memstore.outbox import (
    OutboxBatch,
    begin_change,
    commit_change,
    current_verified,
    insert_sources,
    insert_taken_over,
    to_follow,
    to_take_over,
)
from schema import tables
from schema.batch import BatchKind
from schema.errors import InputError
from schema.reward import SAME_CONCLUSION, LabelReport, Preference, VerifiedReward
from schema.validation import MAX_NAME_BYTES, check_reward, check_text


def add_labels(
    stores: Stores,
    memory: str,
    rewards: Sequence[VerifiedReward],
    preferences: Sequence[Preference] = (),
) -> LabelReport:
    """Accept and publish what sources say of rollouts, as one batch; times are Postgres' own.

    From a reward for a conclusion the other rollouts take the verdict over, by a source of its own.

    Raises:
        UnknownMemoryError: if there is no such memory.
        InputError: if a rollout is not in the memory, a reward is not in [0, 1], a preference is
            between rollouts of two queries, or one source says two things; nothing is added then.
    """
    check_labels(rewards, preferences)

    def write(batch: OutboxBatch) -> LabelReport:
        refuse_unknown(batch.session, memory, rewards, preferences)
        return _write(batch, rewards, preferences)

    return commit_change(stores, begin_change(stores, memory), BatchKind.LABEL, write)


def check_labels(rewards: Iterable[VerifiedReward], preferences: Iterable[Preference]) -> None:
    """Check values, names, and that no source says two things of one rollout or pair.

    Raises:
        InputError: otherwise.
    """
    said: dict[object, object] = {}
    for reward in rewards:
        check_reward(reward.value)
        _check_source(reward.source)
        if said.setdefault((reward.rollout_id, reward.source), reward.value) != reward.value:
            raise InputError(f"{reward.source!r} gives {reward.rollout_id} two rewards: give one")
    for preference in preferences:
        _check_source(preference.annotator)
        pair = frozenset((preference.better, preference.worse))
        if len(pair) < 2:
            raise InputError(f"{preference.better} is preferred to itself: name two rollouts")
        if said.setdefault((pair, preference.annotator), preference.better) != preference.better:
            raise InputError(
                f"{preference.annotator!r} prefers each of {preference.better} and "
                f"{preference.worse} to the other: keep one"
            )


def refuse_unknown(
    session: SqlSession,
    memory: str,
    rewards: Iterable[VerifiedReward],
    preferences: Sequence[Preference],
) -> None:
    """Check that the memory holds the rollouts, and that preferred ones answer one query.

    Raises:
        InputError: otherwise.
    """
    ids = {reward.rollout_id for reward in rewards}
    ids |= {id_ for item in preferences for id_ in (item.better, item.worse)}
    query_of = query_of_rollouts(session, memory, sorted(ids))
    if missing := ids - query_of.keys():
        raise InputError(f"no rollout {min(missing)} is in memory {memory!r}: check its id")
    for item in preferences:
        if query_of[item.better] != query_of[item.worse]:
            raise InputError(
                f"{item.better} and {item.worse} answer different queries: only answers to the "
                "same can be preferred to each other"
            )


def query_of_rollouts(session: SqlSession, memory: str, ids: Sequence[str]) -> dict[str, str]:
    """Id of the query of those rollouts that the memory holds."""
    found = session.of("changes.sql").rows("query_of_rollouts", memory=memory, ids=list(ids))
    return dict(found)


def said_of(stores: Stores, memory: str, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """What each source said last of these rollouts, up to what is published."""
    seq = get_memory(stores, memory).published_seq
    found: dict[str, dict[str, float]] = {}
    with stores.vectors.transaction("changes.sql") as session:
        rows = session.rows("said", memory=memory, ids=list(ids), seq=seq)
        for rollout, source, value in rows:
            found.setdefault(rollout, {})[source] = value
    return found


def _check_source(name: str) -> None:
    check_text(name, "annotator", MAX_NAME_BYTES)
    if not name.strip():
        raise InputError("`annotator` is empty: name who says it")
    if name == SAME_CONCLUSION:
        raise InputError(f"`annotator` {name!r} is used for verdicts taken over: take another name")


def _write(
    batch: OutboxBatch, rewards: Sequence[VerifiedReward], preferences: Sequence[Preference]
) -> LabelReport:
    session, memory = batch.session.of("changes.sql"), batch.memory
    new_rewards = _new_rewards(session, memory, rewards)
    new_preferences = _new_preferences(session, memory, preferences)
    if new_rewards:
        _insert_rewards(session, memory, batch.seq, new_rewards)
    said = {reward.rollout_id for reward in new_rewards}
    taken = to_follow(session, memory, sorted(said))
    on_conclusions = [reward.rollout_id for reward in rewards if reward.for_conclusion]
    taken += to_take_over(session, memory, None, on_conclusions, {})
    if not new_rewards and not new_preferences and not taken:
        return LabelReport()
    seq = batch.seq
    said.update(insert_taken_over(session, memory, seq, taken))
    session.copy(
        tables.PREFERENCE,
        ({"better": p.better, "worse": p.worse, "annotator": p.annotator} for p in new_preferences),
        memory=memory,
        seq=seq,
    )
    batch.tell(
        {
            "verified": current_verified(session, memory, sorted(said)),
            "preferred": current_preferences(session, memory, new_preferences),
        }
    )
    return LabelReport(
        rewards=len(new_rewards), preferences=len(new_preferences), taken_over=len(taken)
    )


def _insert_rewards(
    session: SqlSession, memory: str, seq: int, new: Sequence[VerifiedReward]
) -> None:
    insert_sources(session, memory, seq, (reward.source for reward in new))
    session.copy(
        tables.VERIFIED_REWARD,
        (
            {"rollout_id": r.rollout_id, "source": r.source, "value": float(r.value), "run": r.run}
            for r in new
        ),
        memory=memory,
        seq=seq,
    )


def _new_rewards(
    session: SqlSession, memory: str, rewards: Sequence[VerifiedReward]
) -> list[VerifiedReward]:
    """One of each reward whose source did not say the same last."""
    ids = sorted({reward.rollout_id for reward in rewards})
    rows = session.rows("said", memory=memory, ids=ids, seq=None)
    said = {(id_, source): value for id_, source, value in rows}
    given = {(reward.rollout_id, reward.source): reward for reward in rewards}
    return [given[key] for key in sorted(given) if said.get(key) != given[key].value]


def _new_preferences(
    session: SqlSession, memory: str, preferences: Sequence[Preference]
) -> list[Preference]:
    ids = sorted({id_ for item in preferences for id_ in (item.better, item.worse)})
    rows = session.rows("preferred", memory=memory, ids=ids)
    said = {(better, worse, annotator) for better, worse, annotator, _ in rows}
    given = {(item.better, item.worse, item.annotator): item for item in preferences}
    return [given[key] for key in sorted(given) if key not in said]


def current_preferences(
    session: SqlSession, memory: str, preferences: Iterable[Preference]
) -> list[dict[str, Any]]:
    """These preferences with their times, as Neo4j is told them."""
    wanted = {(item.better, item.worse, item.annotator) for item in preferences}
    ids = sorted({id_ for better, worse, _ in wanted for id_ in (better, worse)})
    return [
        {"better": better, "worse": worse, "annotator": annotator, "at": at.isoformat()}
        for better, worse, annotator, at in session.rows("preferred", memory=memory, ids=ids)
        if (better, worse, annotator) in wanted
    ]
