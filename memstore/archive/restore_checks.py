"""What an imported row must be before either store sees it: the same as one that was ingested."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from memstore.archive.tables import ArchiveManifest
from schema import ids
from schema.batch import BatchKind
from schema.errors import InputError
from schema.validation import (
    MAX_NAME_BYTES,
    check_integer,
    check_reward,
    check_text,
    check_vector,
)

_Row = Sequence[Any]


def check_manifest(manifest: ArchiveManifest) -> None:
    """Check name, stamp and numbers.

    Raises:
        InputError: if no memory can be like that.
    """
    ids.checked_name(manifest.memory, "memory")
    check_text(manifest.encoder, "encoder", MAX_NAME_BYTES)
    for name in ("dimension", "neighbours", "seq", "generation", "linked_seq"):
        check_integer(getattr(manifest, name), name)


def check_row(manifest: ArchiveManifest, table: str, row: _Row) -> None:
    """Check a row of a table that does not lean on others.

    Raises:
        InputError: naming what is wrong.
    """
    check = _CHECKS.get(table)
    if check is not None:
        check(manifest, row)


def check_content(row: _Row, query: str | None) -> None:
    """Check that the texts of a rollout are those that its hash was made of.

    Raises:
        InputError: otherwise.
    """
    thinking, answer = row[16], row[17]
    if query is None or ids.content_hash(query, thinking, answer) != row[6]:
        raise InputError(f"rollout {row[0]}: its texts are not those of its hash; export it again")


def _batch(manifest: ArchiveManifest, row: _Row) -> None:
    if row[1] not in list(BatchKind):
        raise InputError(f"batch {row[0]} is of the unknown kind {row[1]!r}")


def _run(manifest: ArchiveManifest, row: _Row) -> None:
    ids.checked_name(row[0], "run")


def _query(manifest: ArchiveManifest, row: _Row) -> None:
    id_, dataset, domain, embedding, _, text = row
    check_text(text, "query")
    check_text(dataset, "dataset", MAX_NAME_BYTES)
    check_text(domain, "domain", MAX_NAME_BYTES)
    check_vector(embedding, "query_embedding", manifest.dimension)
    if ids.query_id(manifest.memory, text) != id_:
        raise InputError(f"query {id_}: not the id of its text; export the memory again")


def _rollout(manifest: ArchiveManifest, row: _Row) -> None:
    id_, _, run, source, step, place = row[:6]
    check_text(source, "query_id", MAX_NAME_BYTES)
    check_integer(step, "step")
    check_integer(place, "rollout")
    check_vector(row[13], "thinking_embedding", manifest.dimension)
    check_vector(row[14], "answer_embedding", manifest.dimension)
    check_text(row[16], "thinking")
    check_text(row[17], "answer")
    if ids.rollout_id(manifest.memory, run, source, step, place) != id_:
        raise InputError(f"rollout {id_}: not the id of its place; export the memory again")


def _policy_embedding(manifest: ArchiveManifest, row: _Row) -> None:
    check_vector(row[3], "policy_embedding")


def _verified(manifest: ArchiveManifest, row: _Row) -> None:
    check_text(row[2], "source", MAX_NAME_BYTES)
    check_reward(row[3])


def _preference(manifest: ArchiveManifest, row: _Row) -> None:
    check_text(row[2], "annotator", MAX_NAME_BYTES)


def _conclusion(manifest: ArchiveManifest, row: _Row) -> None:
    check_text(row[1], "conclusion")


def _model(manifest: ArchiveManifest, row: _Row) -> None:
    check_text(row[0], "version", MAX_NAME_BYTES)
    try:
        values = json.loads(row[1])
    except ValueError as error:
        raise InputError(f"model {row[0]}: its manifest is not JSON") from error
    if not isinstance(values, dict):
        raise InputError(f"model {row[0]}: its manifest is no JSON object")


_CHECKS: Final[dict[str, Callable[[ArchiveManifest, _Row], None]]] = {
    "batches": _batch,
    "runs": _run,
    "queries": _query,
    "rollouts": _rollout,
    "policy_embeddings": _policy_embedding,
    "verified": _verified,
    "preferences": _preference,
    "conclusions": _conclusion,
    "models": _model,
}
