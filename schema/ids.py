"""Deterministic ids: the same content at the same place has the same id, so a retry converges.

A shard has the ids of the memory that it is a part of.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from typing import Final

from schema.errors import InputError

#: Rule for the names of memories and runs.
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
#: The run of those who name none.
DEFAULT_RUN: Final = "default"
#: How the name of a shard ends; no name that somebody gives has the first character.
_SHARD = re.compile(r"@([1-9]\d*)-of-([1-9]\d*)")
#: Digits of an id, and the fewest of them that may stand for it.
ID_LENGTH: Final = 32
SHORTEST_PREFIX: Final = 8
_PREFIX = re.compile(f"[0-9a-f]{{{SHORTEST_PREFIX},{ID_LENGTH - 1}}}")
#: Ids that a message about an ambiguous one names.
_NAMED: Final = 5


def checked_name(name: str, what: str) -> str:
    """Return `name` if it may name a `what` (a memory, a run).

    Raises:
        InputError: if it is empty, too long or holds other characters.
    """
    if NAME_PATTERN.fullmatch(name):
        return name
    if what == "memory" and (whole := whole_name(name)) != name:
        raise InputError(
            f"{name!r} is a shard, and rollouts are stored in the shard that their query says: "
            f"name the whole memory, {whole!r} (docs/shards.md)"
        )
    raise InputError(
        f"{name!r} cannot name a {what}: use 1 to 63 letters, digits, '_', '.' or '-', "
        "starting with a letter or digit"
    )


def shard_name(memory: str, number: int, count: int) -> str:
    """Name of the memory that is shard `number` (from 1) of `count` of another one."""
    return f"{memory}@{number}-of-{count}"


def whole_name(memory: str) -> str:
    """The memory that `memory` is a shard of, or its own name."""
    whole, mark, end = memory.partition("@")
    return whole if mark and _SHARD.fullmatch(mark + end) else memory


def shard_place(shard: str) -> tuple[int, int]:
    """Which shard a name is of, from 1, and of how many.

    Raises:
        InputError: if it is the name of no shard.
    """
    found = _SHARD.fullmatch(shard.removeprefix(whole_name(shard)))
    if found is None:
        raise InputError(f"{shard!r} is the name of no shard, which is as in 'sums@1-of-4'")
    return int(found[1]), int(found[2])


def checked_memory(name: str) -> str:
    """Return `name` if a memory or a shard can have it.

    Raises:
        InputError: otherwise.
    """
    checked_name(whole_name(name), "memory")
    return name


def digest(*parts: str) -> str:
    """128-bit hex digest of an unambiguous encoding of `parts`."""
    encoded = [part.encode() for part in parts]
    whole = b"".join(len(part).to_bytes(8, "big") + part for part in encoded)
    return hashlib.blake2b(whole, digest_size=16).hexdigest()


def query_id(memory: str, text: str) -> str:
    """Id of a query: one node for one text in one memory, whichever run asked it."""
    return digest("query", whole_name(memory), text)


def rollout_id(memory: str, run: str, source_query_id: str, step: int, place: int) -> str:
    """Id of a rollout, shared by its Thinking and its Answer node.

    Derived from its place, not from its text: equal texts in one group, two source queries
    with one text and a second epoch all stay separate rollouts.
    """
    return digest("rollout", whole_name(memory), run, source_query_id, str(step), str(place))


def conclusion_id(memory: str, query: str, key: str) -> str:
    """Id of the conclusion `key` that answers of the query with id `query` reach."""
    return digest("conclusion", whole_name(memory), query, key)


def is_prefix(text: str) -> bool:
    """Whether `text` may be the beginning of an id, and is not all of it."""
    return _PREFIX.fullmatch(text) is not None


def short_length(ids: Collection[str]) -> int:
    """So many first digits tell all of these ids apart; `SHORTEST_PREFIX` at least."""
    length = SHORTEST_PREFIX
    while length < ID_LENGTH and len({id_[:length] for id_ in ids}) < len(set(ids)):
        length += 1
    return length


def the_one(prefix: str, found: Sequence[str], memory: str) -> str:
    """The only rollout whose id begins with `prefix`.

    Args:
        prefix: as somebody gave it.
        found: ids that begin with it.
        memory: where they were looked for.

    Raises:
        InputError: if there is none, or there are several.
    """
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"memory {memory!r} has no rollout {prefix!r}: check its id")
    length = short_length(found)
    named = ", ".join(id_[:length] for id_ in sorted(found)[:_NAMED])
    more = ", ..." if len(found) > _NAMED else ""
    raise InputError(
        f"{prefix!r} begins the ids of {len(found)} rollouts of memory {memory!r} ({named}{more}): "
        "give more digits"
    )


def content_hash(query: str, thinking: str, answer: str) -> str:
    """Hash of what a rollout says, stored with its id to notice changed content."""
    return digest("content", query, thinking, answer)


def text_hash(text: str) -> int:
    """A number of 52 bits that stands for `text`: sets of texts are compared by it."""
    return int(digest("hash", text)[:13], 16)


def text_fraction(text: str, salt: str) -> float:
    """A number in [0, 1) that depends on `text` and `salt` only; splits of queries use it."""
    return int(digest("fraction", salt, text)[:13], 16) / 16**13
