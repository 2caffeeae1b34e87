"""Every error memreward raises on purpose. Each message says where and what to do next."""

from pathlib import Path


class MemrewardError(Exception):
    """Root of all errors raised on purpose; the command line prints it and exits with 2."""


class InputError(MemrewardError, ValueError):
    """A file, row or argument is not usable as it is."""


class ShapeError(InputError):
    """A file lacks the columns of the input format; it may have the shape of another tool's."""

    def __init__(self, message: str, path: Path) -> None:
        """See the class; `path` is the file."""
        super().__init__(message)
        self.path = path

    def __reduce__(self) -> tuple[type["ShapeError"], tuple[str, Path]]:
        """It goes to other processes as itself."""
        return type(self), (str(self), self.path)


class SettingsError(MemrewardError, ValueError):
    """A setting is missing, contradictory or cannot work on this machine."""


class ServerError(MemrewardError, ConnectionError):
    """A database server cannot be started, reached or logged in to."""


class UnreachableError(ServerError):
    """A connection was refused or lost; trying again later may help."""


class LockLostError(ServerError):
    """The session that held a lock is gone, and with it the lock: nothing was written since."""


class BusyError(ServerError):
    """A service has as much to do as it takes on, or is stopping; trying again later may help."""


class DamagedGraphError(ServerError):
    """Neo4j runs and cannot open its store; it can be rebuilt from Postgres."""


class StoreError(MemrewardError, RuntimeError):
    """A database refused a statement or holds something unexpected."""


class StoreFullError(StoreError):
    """A database has no space left."""


class QuarantineError(StoreError):
    """A batch keeps failing in publication: nothing after it is published until it is settled."""


class MigrationError(MemrewardError, RuntimeError):
    """The databases and this version of the code do not fit together."""


class EncoderMismatchError(MemrewardError, ValueError):
    """The memory is stamped with another encoder or dimension."""


class KeysVersionError(MemrewardError, ValueError):
    """The memory was made with conclusion keys of another version."""


class UnknownMemoryError(MemrewardError, LookupError):
    """No memory of that name exists."""


class ShardedError(UnknownMemoryError):
    """The memory is divided into shards, and this does not go over them."""


class QueryRefusedError(MemrewardError, PermissionError):
    """A Cypher query is not a plain read, or failed."""


class CheckpointError(MemrewardError, ValueError):
    """A checkpoint is missing, damaged or was made for something else."""


class TrainingError(MemrewardError, ValueError):
    """The memory does not hold what training needs."""


class RewardError(MemrewardError, RuntimeError):
    """Rewards cannot be given as promised, so that training must stop."""


class VerifierError(MemrewardError, RuntimeError):
    """A verifier cannot do its work at all."""
