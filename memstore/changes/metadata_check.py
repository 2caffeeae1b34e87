"""What input says of a query or rollout that is known, other than its texts: the same, or refused.

A query has one data set and one domain, whoever asks it. What is not given claims nothing.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from memstore.db import SqlSession
from schema.errors import InputError
from schema.keyed_rollout import PreparedRollout
from schema.rollout import Rollout

_DEFAULTS: Final = {field.name: field.default for field in fields(Rollout)}


def refuse_other_metadata(
    session: SqlSession, memory: str, prepared: Sequence[PreparedRollout]
) -> None:
    """Check that known rollouts have the policy, and known queries the data set, that is given.

    Args:
        session: of any query file.
        memory: that is asked.
        prepared: rollouts of an input.

    Raises:
        InputError: naming the first that differs, and what to do.
    """
    of = session.of("changes.sql")
    ids = [item.id for item in prepared]
    policies = dict(of.rows("policies_of", memory=memory, ids=ids))
    queries = list({item.query_id for item in prepared})
    said = {
        id_: {"dataset": dataset, "domain": domain}
        for id_, dataset, domain in of.rows("datasets_of", memory=memory, ids=queries)
    }
    for item in prepared:
        if item.id in policies:
            _check_policy(item.rollout, policies[item.id])
        _check_query(item.rollout, said.setdefault(item.query_id, {}))


def _check_policy(rollout: Rollout, stored: str | None) -> None:
    if rollout.policy is not None and stored != rollout.policy:
        raise InputError(
            f"{_place(rollout)}, rollout {rollout.place} is in the memory with policy {stored!r}, "
            f"here with {rollout.policy!r}: remove the run with `memreward delete --run`, and "
            "ingest it again"
        )


def _check_query(rollout: Rollout, earlier: dict[str, str]) -> None:
    for name in ("dataset", "domain"):
        given = getattr(rollout, name)
        if given == _DEFAULTS[name]:
            continue
        if earlier.setdefault(name, given) != given:
            raise InputError(
                f"{_place(rollout)}: its query has the {name} {earlier[name]!r} in the memory or "
                f"in an earlier row, here {given!r}: give it the same, or leave it out "
                f"(--map {name}=)"
            )


def _place(rollout: Rollout) -> str:
    return f"query_id {rollout.source_query_id!r}, step {rollout.step}"
