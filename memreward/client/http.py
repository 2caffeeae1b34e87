"""What the adapters ask: `memreward serve` over HTTP, or a memory in this process.

Which of the two, the environment says:

- `MEMREWARD_URL` of a service, with its token in `MEMREWARD_TOKEN` or a file,
  `MEMREWARD_TOKEN_FILE`;
- or `MEMREWARD_MEMORY`, and `MEMREWARD_RUN` for the name of the run.

`MEMREWARD_REUSE=true` lets the latter take verdicts over, which a budget of calls needs.
`MEMREWARD_TRAIN`, true or false, speaks where the trainer does not say whether it evaluates.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import requests
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from memreward.scoring import FreshPlaces, Row, in_place, said
from memstore.formats import source_query_id
from schema.errors import (
    InputError,
    MemrewardError,
    RewardError,
    ServerError,
    SettingsError,
    UnreachableError,
)
from schema.reward import LabelReport
from schema.score import Score, ScoreSource

CONNECT_SECONDS: Final = 5.0
#: Texts are embedded before they are scored, which takes its time on a CPU.
ANSWER_SECONDS: Final = 300.0
#: A service that is full, or that starts again, is asked again for as long as this.
BUSY_SECONDS: Final = 120.0
_PAUSE_SECONDS: Final = 5.0
#: Names the certificates to trust, as everywhere where requests is used.
_CA_FILE: Final = "REQUESTS_CA_BUNDLE"


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


class HttpClient:
    """A client of `memreward serve`, for any number of threads."""

    def __init__(self, url: str, token: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        """Nothing is asked yet."""
        self._url, self._token, self._busy = url.rstrip("/"), token, busy_seconds
        self._places = FreshPlaces()
        self._local = threading.local()
        self._answered = False

    def score(self, rows: Sequence[Row], *, train: bool) -> list[Score]:
        """Scores in order. Rows get places, so that asking again stores nothing twice.

        Raises:
            InputError: if the service refuses the rows.
            SettingsError: if the token or the address is wrong.
            UnreachableError: if it never answered, or is full or gone for two minutes.
            ServerError: if it cannot score.
        """
        answer = self._post("/v1/score", {"rollouts": self._placed(rows), "train": train})
        scores = [_score(form) for form in answer["scores"]]
        if len(scores) != len(rows):
            raise RewardError(
                f"{self._url} gave {len(scores)} scores for {len(rows)} rollouts: see its log"
            )
        return scores

    def plan_calls(self, rows: Sequence[Row], budget: int) -> list[int]:
        """Places of the rows to verify before they are scored, at most `budget`.

        Raises:
            InputError: also if the service was not started with `--reuse`; else as `score`.
        """
        body = {"rollouts": self._placed(rows), "budget": budget}
        return self._post("/v1/plan", body)["rows"]

    def label(self, labels: Sequence[Row], annotator: str | None) -> LabelReport:
        """Store labels of rollouts that are stored; what was new.

        Raises:
            InputError: if a row cannot be used; nothing is written then. Else as `score`.
        """
        body = {"labels": [dict(row) for row in labels], "annotator": annotator}
        return LabelReport(**self._post("/v1/label", body))

    def learn(self) -> str:
        """Have the service learn from what is verified, and score by that; the checkpoint."""
        return self._post("/v1/learn", {})["model"]

    def flush(self) -> None:
        """Wait until everything that was stored is visible in Neo4j; raises as `score` does."""
        self._post("/v1/flush", {})

    def _placed(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        placed = [dict(row) for row in rows]
        for row in placed:
            if "rollout" not in row:
                row["rollout"] = self._places(str(source_query_id(row)), row.get("step", 0))
        return placed

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        until = time.monotonic() + self._busy
        while True:
            try:
                response = self._sent(path, body)
            except UnreachableError:
                # One that answered before may be starting again; rows keep their places.
                if not self._answered or time.monotonic() >= until:
                    raise
                time.sleep(min(1.0, _PAUSE_SECONDS))
                continue
            self._answered = True
            if response.status_code == 200:
                return response.json()
            detail = _detail(response)
            left = until - time.monotonic()
            if response.status_code != 503 or left <= 0:
                break
            wanted = response.headers.get("retry-after", "1")
            time.sleep(min(float(wanted) if wanted.isdigit() else 1.0, _PAUSE_SECONDS, left))
        where = f"{self._url}{path}: {detail}"
        if response.status_code in (401, 404, 405):
            raise SettingsError(where)
        if response.status_code == 503:
            raise UnreachableError(where)
        if 400 <= response.status_code < 500:
            raise InputError(where)
        raise ServerError(where)

    def _sent(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
            self._local.session.verify = os.environ.get(_CA_FILE) or True
        try:
            return self._local.session.post(
                self._url + path,
                json=body,
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
        except OSError as error:  # What requests raises is one, as is a CA file that is missing.
            raise self._unanswered(error) from error

    def _unanswered(self, error: OSError) -> MemrewardError:
        if isinstance(error, requests.exceptions.SSLError):
            return SettingsError(
                f"{self._url}: TLS failed ({error}). Use the name that its certificate has; if "
                f"that is of a CA of your own, {_CA_FILE} must name the CA's file"
            )
        if isinstance(error, requests.RequestException):
            return UnreachableError(
                f"{self._url} gives no answer ({type(error).__name__}): see whether `memreward "
                "serve` runs there, and MEMREWARD_URL"
            )
        return SettingsError(f"{_CA_FILE} cannot be used: {error}")


def _detail(response: requests.Response) -> str:
    try:
        return f"{response.status_code} {response.json()['detail']}"
    except (ValueError, KeyError, TypeError):  # Not from the service, but from something before it.
        return f"{response.status_code} {response.reason}"


def _score(form: Mapping[str, Any]) -> Score:
    return Score(
        rollout_id=form["rollout_id"],
        value=form["value"],
        confidence=form["confidence"],
        source=ScoreSource(form["source"]),
        model=form["model"],
    )
