"""The values of one row become a checked rollout, whatever they came in: a file or a request."""

from collections.abc import Callable, Mapping
from typing import Any

from memstore.formats import convert as conversion
from memstore.formats.columns import KNOWN_COLUMNS
from memstore.formats.files import ReadOptions
from schema.errors import InputError
from schema.rollout import Rollout
from schema.validation import TEXT_EMBEDDINGS, check_integer, check_rollout, check_text

#: Given a source query's id and a step: the place of a rollout that does not name its own.
NextPlace = Callable[[str, int], int]


def rollout_of(values: Mapping[str, Any], options: ReadOptions, next_place: NextPlace) -> Rollout:
    """The rollout that a row of the input format holds.

    Args:
        values: by column; null is not given, and unknown columns are left alone.
        options: what the row does not say of itself; embeddings of another encoder than the
            memory's are left out.
        next_place: asked even for rows that are refused later, so that the rows after a mended one
            keep their places.

    Raises:
        InputError: naming the column, what is wrong with it and what to do.
    """
    values = {
        name: value for name, value in values.items() if value is not None and name in KNOWN_COLUMNS
    }
    fields = _place(values, next_place)
    fields |= conversion.texts(values)
    fields |= conversion.outcome(values)
    fields |= conversion.policy_fields(values, options.policy)
    fields |= _embeddings(values, options)
    for name in ("dataset", "domain", "checkpoint"):
        if name in values:
            fields[name] = values[name]
    rollout = Rollout(**fields)
    check_rollout(rollout, options.dimension)
    return rollout


def _place(values: dict[str, Any], next_place: NextPlace) -> dict[str, Any]:
    """Where the rollout stands; counted where the row does not say it."""
    if "query" not in values:
        raise InputError("`query` is missing: give the text that the policy was asked")
    check_text(values["query"], "query")
    source = conversion.source_query_id(values)
    check_text(source, "query_id")
    step = conversion.whole(values.get("step", 0))
    check_integer(step, "step")
    given = "rollout" in values
    place = conversion.whole(values["rollout"]) if given else next_place(source, step)
    return {"query": values["query"], "source_query_id": source, "step": step, "place": place}


def _embeddings(values: dict[str, Any], options: ReadOptions) -> dict[str, Any]:
    given = [name for name in TEXT_EMBEDDINGS if name in values]
    if not given:
        return {}
    encoder = values.get("encoder", options.file_encoder)
    check_text(encoder, "encoder")
    if encoder != options.encoder:
        return {}
    vectors = {name: conversion.vector(values[name], name) for name in given}
    return {"encoder": encoder, **vectors}
