"""Every name in a home folder, `MEMREWARD_HOME`."""

from enum import StrEnum


class HomeName(StrEnum):
    """Files and folders that memreward keeps in its home."""

    SETTINGS = "memreward.toml"
    JARS = "jars"
    NEO4J = "neo4j"
    POSTGRES = "postgres"
    SECRETS = "secrets"
    PORTS = "ports.json"
    LOCK = ".lock"
    CHECKPOINTS = "checkpoints"
    SNAPSHOTS = "snapshots"
    TRAINING = "training"
    RUNS = "runs"
    COMPARISONS = "comparisons"
    REPORTS = "reports"
    QUESTIONS = "questions.json"
