"""Every change of a memory is a batch with a kind and a gapless sequence number."""

from dataclasses import dataclass
from enum import StrEnum


class BatchKind(StrEnum):
    """What a batch does."""

    INGEST = "ingest"
    LABEL = "label"
    MODEL = "model"
    PROPAGATE = "propagate"
    LINK = "link"
    DELETE = "delete"
    REEMBED = "reembed"
    REKEY = "rekey"


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One accepted change, published to Neo4j in the order of `seq`."""

    memory: str
    seq: int
    kind: BatchKind
