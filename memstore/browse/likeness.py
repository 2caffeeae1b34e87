"""Queries that are like a text which somebody typed."""

import threading
from collections.abc import Callable
from typing import Final

from memstore.browse.brief_read import View
from memstore.browse.paging import Group, GroupChoice, groups_of
from memstore.db import Stores
from memstore.encoders import CachingEncoder, Floats, encoder_for
from memstore.similarity import nearest_to_vector

#: Nearest queries among which those of a choice are looked for.
LOOKED_AT: Final = 200


class TypedTexts:
    """Embeds texts as a memory's encoder does, each of them once. Calls wait for one another."""

    def __init__(self, stores_of: Callable[[str], Stores]) -> None:
        """Nothing is loaded yet; `stores_of` tells a memory's databases by its name."""
        self._stores_of = stores_of
        self._encoders: dict[str, CachingEncoder] = {}
        self._lock = threading.Lock()

    def vector(self, memory: str, text: str) -> Floats:
        """The embedding of a text, [D].

        Raises:
            UnreachableError: if Postgres does not answer.
            EncoderMismatchError: if the memory's encoder is another model now.
        """
        with self._lock:
            encoder = encoder_for(self._stores_of(memory), memory)
            kept = self._encoders.setdefault(encoder.name, CachingEncoder(encoder))
            return kept.encode([text])[0]


def groups_like(
    view: View, choice: GroupChoice, vector: Floats, size: int
) -> list[tuple[float, Group]]:
    """The queries of a choice that are nearest to a vector, with their cosines, nearest first."""
    nearest = nearest_to_vector(view.session, view.state.name, vector, LOOKED_AT)
    cosines = dict(nearest)
    groups = {group.query_id: group for group in groups_of(view, choice, list(cosines))}
    found = [(cosine, groups[id_]) for id_, cosine in nearest if id_ in groups]
    return [pair for pair in found if choice.keep is None or choice.keep(pair[1])][:size]
