"""Every change of a memory is a batch with a kind and a gapless sequence number."""

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
    #: Forgets what no reward is made of.
    COMPACT = "compact"
    #: Tells Neo4j what each source said before there were nodes for sources.
    SOURCES = "sources"
