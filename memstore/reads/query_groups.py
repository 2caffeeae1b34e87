"""Every query of a memory with its rollouts, rewards and preferences, one after another."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final

from memstore.db import Stores, get_memory, retried
from memstore.outbox import catch_up
from schema.reward import Preference

#: Rows that are held at a time, besides those of one query.
_ROWS_A_PAGE: Final = 1_024


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRollout:
    """One rollout and its current rewards."""

    id: str
    run: str
    policy: str | None
    step: int
    thinking: str
    answer: str
    #: Rollouts with the same id say the same; None: no conclusion was found in the answer.
    conclusion_id: str | None
    #: Current verified reward; None: nothing is verified.
    verified: float | None
    #: Current propagated reward; None where nothing is stored, and where the model has no opinion.
    propagated: float | None
    #: Model that was asked last; None: nothing is stored.
    model: str | None
    #: Whether its texts are no longer whole.
    forgotten: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryGroup:
    """One query with all its rollouts, whichever run brought them."""

    query_id: str
    text: str
    dataset: str
    domain: str
    rollouts: tuple[StoredRollout, ...]
    #: Current preferences between them, one for each annotator and pair.
    preferences: tuple[Preference, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRewards:
    """What a memory holds of rewards at one sequence number."""

    seq: int
    queries: int
    rollouts: int
    verified: int
    #: Rollouts without a verified reward of which a model was asked.
    propagated: int
    #: Preferences between rollouts, one for each annotator and pair.
    preferences: int


def stored_rewards(stores: Stores, memory: str) -> StoredRewards:
    """Count the rewards of a memory as it is published, after publishing what is accepted.

    Raises:
        UnknownMemoryError: if there is no such memory.
    """
    catch_up(stores, memory)

    def look() -> StoredRewards:
        seq = get_memory(stores, memory).published_seq
        with stores.vectors.transaction("reads.sql") as session:
            row = session.row("stored_rewards", memory=memory, seq=seq)
        assert row is not None
        queries, rollouts, verified, propagated, preferences = row
        return StoredRewards(
            seq=seq,
            queries=queries,
            rollouts=rollouts,
            verified=verified,
            propagated=propagated,
            preferences=preferences,
        )

    return retried(look)


def rollouts_by_query(stores: Stores, memory: str, seq: int) -> Iterator[QueryGroup]:
    """The queries of a memory at a sequence number, ordered by id, each with its rollouts.

    One statement reads them, so that a change that is made during it is not seen; what is held is
    a page of rows and the rollouts of one query.
    """
    with stores.vectors.session("reads.sql") as session:
        pages = session.stream("rollouts_by_query", _ROWS_A_PAGE, memory=memory, seq=seq)
        for _, rows in groupby(chain.from_iterable(pages), key=itemgetter(0)):
            yield _group(list(rows))


def _group(rows: list[tuple[Any, ...]]) -> QueryGroup:
    query_id, text, dataset, domain = rows[0][:4]
    return QueryGroup(
        query_id=query_id,
        text=text,
        dataset=dataset,
        domain=domain,
        rollouts=tuple(_rollout(*row[4:-2]) for row in rows),
        preferences=tuple(chain.from_iterable(_preferences(row[4], *row[-2:]) for row in rows)),
    )


def _preferences(
    better: str, worse: list[str] | None, annotators: list[str] | None
) -> Iterator[Preference]:
    for id_, annotator in zip(worse or (), annotators or (), strict=True):
        yield Preference(better=better, worse=id_, annotator=annotator)


def _rollout(
    id_: str,
    run: str,
    policy: str | None,
    step: int,
    thinking: str,
    answer: str,
    conclusion_id: str | None,
    verified: float | None,
    propagated: float | None,
    model: str | None,
    forgotten: bool,
) -> StoredRollout:
    return StoredRollout(
        id=id_,
        run=run,
        policy=policy,
        step=step,
        thinking=thinking,
        answer=answer,
        conclusion_id=conclusion_id,
        verified=verified,
        propagated=propagated,
        model=model,
        forgotten=forgotten,
    )
