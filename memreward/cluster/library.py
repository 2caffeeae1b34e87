"""The one door to Ray, which is installed only with the extra."""

import importlib
from typing import Any

from schema.errors import MemrewardError, ServerError, SettingsError


def ray_library() -> Any:
    """The module `ray`.

    Raises:
        SettingsError: if it is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise SettingsError(
            "RayMemory needs Ray, which is not installed: install memreward with its extra, "
            "`pip install 'memreward[ray]'`"
        ) from error


def unavailable() -> tuple[type[Exception], ...]:
    """Ray's errors that say: the actor is not there."""
    errors = ray_library().exceptions
    return errors.RayActorError, errors.ActorUnschedulableError


def result_of(reference: Any) -> Any:
    """What a call of an actor gave; calls that an actor's death cut off were made again by Ray.

    Raises:
        MemrewardError: what the actor raised on purpose, as itself.
        ServerError: if the actor cannot be started, was stopped for good, or its node is gone.
    """
    ray = ray_library()
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, MemrewardError):
            raise error.cause from error
        raise
    except unavailable() as error:
        raise ServerError(
            f"an actor of the memory cannot work: {error}. Its log says more (`ray logs`); open "
            "RayMemory again once the cause is gone"
        ) from error
