"""A client of `memreward serve` over HTTP, which asks a full or restarting service again."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import requests

from memreward.scoring import FreshPlaces, Row
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
_RESTART_SECONDS: Final = 1.0
#: Names the certificates to trust, as everywhere where requests is used.
_CA_FILE: Final = "REQUESTS_CA_BUNDLE"


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
                time.sleep(_RESTART_SECONDS)
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
