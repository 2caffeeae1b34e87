"""What an imported row must be before either store sees it: the same as one that was ingested."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Final

from memstore.archive.tables import ArchiveManifest, Record
from schema import ids, tables
from schema.batch import BatchKind
from schema.errors import InputError
from schema.reward import SAME_CONCLUSION
from schema.tables import Table
from schema.validation import (
    MAX_NAME_BYTES,
    check_integer,
    check_reward,
    check_text,
    check_vector,
)


def check_manifest(manifest: ArchiveManifest) -> None:
    """Check name, stamp, numbers, and names of checkpoints' files.

    Raises:
        InputError: if no memory can be like that.
    """
    check_text(manifest.memory, "memory", MAX_NAME_BYTES)
    ids.checked_memory(manifest.memory)
    check_text(manifest.created_at, "created_at", MAX_NAME_BYTES)
    try:
        datetime.fromisoformat(manifest.created_at)
    except ValueError as error:
        raise InputError(f"`created_at` is {manifest.created_at!r}: give a time") from error
    if manifest.encoder_path is not None:
        check_text(manifest.encoder_path, "encoder_path")
    if not isinstance(manifest.checkpoints, dict):
        raise InputError("`checkpoints` is no object: export the memory again")
    check_text(manifest.encoder, "encoder", MAX_NAME_BYTES)
    if not isinstance(manifest.feature_names, list):
        raise InputError("`feature_names` is no list: export the memory again")
    for name in manifest.feature_names:
        check_text(name, "feature_names", MAX_NAME_BYTES)
    for name in ("dimension", "neighbours", "seq", "generation", "linked_seq", "keys_version"):
        check_integer(getattr(manifest, name), name)


def check_row(manifest: ArchiveManifest, table: Table, record: Record) -> None:
    """Check a row of a table that does not lean on others.

    Raises:
        InputError: naming what is wrong.
    """
    check = _CHECKS.get(table.name)
    if check is not None:
        check(manifest, record)


def check_content(rollout: Record, query: str | None) -> None:
    """Check that the texts of a rollout are those that its hash was made of.

    Of a forgotten one they cannot be compared.

    Raises:
        InputError: otherwise.
    """
    texts = (rollout["thinking"], rollout["answer"])
    if query is not None and rollout["forgotten_seq"] is not None:
        return
    if query is None or ids.content_hash(query, *texts) != rollout["content_hash"]:
        raise InputError(
            f"rollout {rollout['id']}: its texts are not those of its hash; export it again"
        )


def _batch(manifest: ArchiveManifest, batch: Record) -> None:
    if batch["kind"] not in list(BatchKind):
        raise InputError(f"batch {batch['seq']} is of the unknown kind {batch['kind']!r}")


def _run(manifest: ArchiveManifest, run: Record) -> None:
    ids.checked_name(run["name"], "run")


def _policy(manifest: ArchiveManifest, policy: Record) -> None:
    check_text(policy["name"], "policy", MAX_NAME_BYTES)


def _source(manifest: ArchiveManifest, source: Record) -> None:
    check_text(source["name"], "source", MAX_NAME_BYTES)


def _query(manifest: ArchiveManifest, query: Record) -> None:
    check_text(query["text"], "query")
    check_text(query["dataset"], "dataset", MAX_NAME_BYTES)
    check_text(query["domain"], "domain", MAX_NAME_BYTES)
    check_vector(query["embedding"], "query_embedding", manifest.dimension)
    if ids.query_id(manifest.memory, query["text"]) != query["id"]:
        raise InputError(f"query {query['id']}: not the id of its text; export the memory again")


def _rollout(manifest: ArchiveManifest, rollout: Record) -> None:
    source, step, place = (rollout[name] for name in ("source_query_id", "step", "place"))
    check_text(source, "query_id", MAX_NAME_BYTES)
    check_integer(step, "step")
    check_integer(place, "rollout")
    if rollout["forgotten_seq"] is None:
        for name in ("thinking_embedding", "answer_embedding"):
            check_vector(rollout[name], name, manifest.dimension)
    else:
        _forgotten(manifest, rollout)
    check_text(rollout["thinking"], "thinking")
    check_text(rollout["answer"], "answer")
    if ids.rollout_id(manifest.memory, rollout["run"], source, step, place) != rollout["id"]:
        raise InputError(
            f"rollout {rollout['id']}: not the id of its place; export the memory again"
        )


def _forgotten(manifest: ArchiveManifest, rollout: Record) -> None:
    """What is kept of a forgotten rollout."""
    check_integer(rollout["forgotten_seq"], "forgotten_seq")
    check_integer(rollout["thinking_characters"], "thinking_characters")
    kept = rollout["kept_features"]
    if kept is None or len(kept) != len(manifest.feature_names):
        raise InputError(
            f"rollout {rollout['id']} is forgotten, and what is kept of it is not what the "
            "manifest names; export the memory again"
        )


def _policy_embedding(manifest: ArchiveManifest, row: Record) -> None:
    check_vector(row["embedding"], "policy_embedding")


def _verified(manifest: ArchiveManifest, row: Record) -> None:
    check_text(row["source"], "source", MAX_NAME_BYTES)
    check_reward(row["value"])
    if (row["source"] == SAME_CONCLUSION) != (row.get("same_as") is not None):
        raise InputError(
            f"rollout {row['rollout_id']}: verdicts of {SAME_CONCLUSION!r} say `same_as`, and no "
            "others do; export the memory again"
        )


def _preference(manifest: ArchiveManifest, row: Record) -> None:
    check_text(row["annotator"], "annotator", MAX_NAME_BYTES)


def _conclusion(manifest: ArchiveManifest, row: Record) -> None:
    check_text(row["key"], "conclusion")


def _model(manifest: ArchiveManifest, row: Record) -> None:
    check_text(row["version"], "version", MAX_NAME_BYTES)
    try:
        values = json.loads(row["manifest"])
    except ValueError as error:
        raise InputError(f"model {row['version']}: its manifest is not JSON") from error
    if not isinstance(values, dict):
        raise InputError(f"model {row['version']}: its manifest is no JSON object")


#: Checks of a row by table.
_CHECKS: Final[dict[str, Callable[[ArchiveManifest, Record], None]]] = {
    tables.BATCH.name: _batch,
    tables.RUN.name: _run,
    tables.POLICY.name: _policy,
    tables.SOURCE.name: _source,
    tables.QUERY.name: _query,
    tables.CONCLUSION.name: _conclusion,
    tables.ROLLOUT.name: _rollout,
    tables.POLICY_EMBEDDING.name: _policy_embedding,
    tables.VERIFIED_REWARD.name: _verified,
    tables.PREFERENCE.name: _preference,
    tables.MODEL.name: _model,
}
