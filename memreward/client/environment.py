"""What the adapters ask: `memreward serve` over HTTP, or a memory in this process.

Which of the two, the environment says:

- `MEMREWARD_URL` of a service, with its token in `MEMREWARD_TOKEN` or a file,
  `MEMREWARD_TOKEN_FILE`;
- or `MEMREWARD_MEMORY`, and `MEMREWARD_RUN` for the name of the run; with `MEMREWARD_RAY=true`, its
  actors on the Ray cluster that this process is connected to.

`MEMREWARD_REUSE=true` lets the latter take verdicts over, which a budget of calls needs.
`MEMREWARD_TRAIN`, true or false, speaks where the trainer does not say whether it evaluates.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from memreward.client.http import HttpClient
from memreward.scoring import Row, in_place, said
from schema.errors import SettingsError
from schema.score import Score


class ScoringClient(Protocol):
    """What scores rows."""

    def score(self, rows: Sequence[Row], *, train: bool) -> list[Score]:
        """Scores in order; `train` False stores nothing."""
        ...

    def plan_calls(self, rows: Sequence[Row], budget: int) -> list[int]:
        """Places of the rows to verify, at most `budget`."""
        ...


class ClientSettings(BaseSettings):
    """Where the adapters find a memory."""

    model_config = SettingsConfigDict(env_prefix="MEMREWARD_", frozen=True, env_ignore_empty=True)

    url: str | None = None
    token: SecretStr | None = None
    token_file: Path | None = None
    memory: str | None = None
    run: str | None = None
    train: bool | None = None
    reuse: bool = False
    ray: bool = False


def client_settings() -> ClientSettings:
    """The settings of the environment.

    Raises:
        SettingsError: if one has no usable value.
    """
    try:
        return ClientSettings()
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]
        name = "MEMREWARD_" + "_".join(str(part) for part in found["loc"]).upper()
        raise SettingsError(f"{name}: {found['msg']}") from None


@cache
def asked() -> ScoringClient:
    """What the environment names; made once a process.

    Raises:
        SettingsError: if it names nothing, or half of it.
    """
    settings = client_settings()
    if settings.url is not None:
        return HttpClient(settings.url, _token(settings))
    if settings.memory is not None and settings.ray:
        from memreward.client.ray_client import RayClient
        from memreward.cluster import RayMemory
        from schema.calls import Reuse
        from schema.ids import DEFAULT_RUN

        reuse = Reuse() if settings.reuse else None
        run = settings.run or DEFAULT_RUN
        return RayClient(RayMemory(settings.memory, run=run, reuse=reuse))
    if settings.memory is not None:
        from memreward.client.local import LocalClient

        return LocalClient(settings.memory, settings.run, reuse=settings.reuse)
    raise SettingsError(
        "no memory is named: set MEMREWARD_URL and MEMREWARD_TOKEN_FILE for one behind `memreward "
        "serve`, or MEMREWARD_MEMORY and MEMREWARD_RUN for one in this process"
    )


def ask(rows: Sequence[Row], *, train: bool) -> list[Score | None]:
    """What the memory says of rows that each have a `completion`; None where it can hold none.

    Raises:
        InputError: if the memory refuses a row for another reason.
        SettingsError: if the environment names no memory.
        ServerError: if it cannot be asked.
    """
    kept = said(rows)
    scores = asked().score([rows[place] for place in kept], train=train) if kept else []
    return in_place(scores, kept, len(rows))


def plan_calls(rows: Sequence[Row], budget: int) -> list[int]:
    """Places of the rows to verify before they are scored, at most `budget`.

    Raises:
        InputError: if no verdicts are taken over in the memory (`--reuse`, MEMREWARD_REUSE).
        SettingsError: if the environment names no memory.
        ServerError: if it cannot be asked.
    """
    return asked().plan_calls(rows, budget)


def is_training(said: object = None) -> bool:
    """Whether this is training: what the trainer or row says, else the environment.

    Args:
        said: True or False, or the name of a split, of which only `train` is stored.

    Raises:
        SettingsError: if it is not known; in evaluation nothing may be stored.
    """
    if isinstance(said, bool):
        return said
    if isinstance(said, str):
        return said == "train"
    train = client_settings().train
    if train is None:
        raise SettingsError(
            "whether this is training or evaluation cannot be told, and in evaluation nothing may "
            "be stored: give each row a `split`, or set MEMREWARD_TRAIN to true or false"
        )
    return train


def _token(settings: ClientSettings) -> str:
    if settings.token is not None:
        return settings.token.get_secret_value()
    if settings.token_file is None:
        raise SettingsError(
            "MEMREWARD_URL is given without a token: set MEMREWARD_TOKEN_FILE to the file that "
            "`memreward serve` named when it started, or MEMREWARD_TOKEN to what it holds"
        )
    try:
        return settings.token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"MEMREWARD_TOKEN_FILE {settings.token_file} cannot be read: {error.strerror}"
        ) from error
