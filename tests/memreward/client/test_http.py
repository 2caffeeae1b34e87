"""The client of the adapters: HTTP, its retries and its errors."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.serving import TOKEN, ServedFake, Service, serving

from memreward.client import environment as client
from memreward.client import http
from memreward.client.environment import ClientSettings, ask, is_training
from memreward.client.http import BUSY_SECONDS, HttpClient
from schema.errors import (
    InputError,
    ServerError,
    SettingsError,
    StoreFullError,
    UnreachableError,
)
from schema.rollout import Rollout
from schema.score import Score, ScoreSource

ROW = {"query": "What?", "completion": "four"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_PAUSE_SECONDS", 0.1)


@pytest.fixture
def memory() -> ServedFake:
    return ServedFake(lambda rollout: None if rollout.answer == "odd" else 0.25)


@pytest.fixture
def service(memory: ServedFake) -> Iterator[Service]:
    with serving(memory, limit=4) as running:
        yield running


def test_a_service_that_starts_again_is_waited_for(memory: ServedFake) -> None:
    with serving(memory) as service:
        asked = HttpClient(service.url, TOKEN)
        asked.score([ROW], train=True)
    port = urlsplit(service.url).port
    assert port is not None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asked.score, [ROW], train=True)
        with pytest.raises(FutureTimeout):
            waiting.result(0.5)
        with serving(memory, port=port):
            assert len(waiting.result(60)) == 1
    assert len(memory.stored) == 2
    begun = time.monotonic()
    with pytest.raises(UnreachableError, match="gives no answer"):
        HttpClient(service.url, TOKEN).score([ROW], train=True)
    assert time.monotonic() - begun < BUSY_SECONDS / 4, "one that never answered"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates")
def test_a_certificate_of_an_own_ca_is_trusted_by_its_file(
    memory: ServedFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, pem = str(tmp_path / "key"), str(tmp_path / "pem")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names]
    subprocess.run([*command, "-keyout", key, "-out", pem], check=True, capture_output=True)
    with serving(memory, ssl_keyfile=key, ssl_certfile=pem) as service:
        url = service.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(SettingsError, match=r"TLS failed.*REQUESTS_CA_BUNDLE"):
            HttpClient(url, TOKEN).score([ROW], train=True)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", pem)
        assert len(HttpClient(url, TOKEN).score([ROW], train=True)) == 1
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere"))
        with pytest.raises(SettingsError, match="cannot be used"):
            HttpClient(url, TOKEN).score([ROW], train=True)


def test_scores_come_over_http(service: Service, memory: ServedFake) -> None:
    asked = HttpClient(service.url + "/", TOKEN)
    scores = asked.score([ROW, ROW | {"completion": "odd"}, ROW | {"reward": 1.0}], train=True)
    assert [score.value for score in scores] == [0.25, None, 1.0]
    assert [score.source for score in scores] == [
        ScoreSource.PROPAGATED,
        ScoreSource.NONE,
        ScoreSource.VERIFIED,
    ]
    assert set(memory.stored) == {score.rollout_id for score in scores}
    assert asked.score([ROW], train=False)[0].value == 0.25
    assert len(memory.stored) == 3


def test_a_full_service_is_asked_again_and_nothing_is_stored_twice(
    service: Service, memory: ServedFake
) -> None:
    memory.gate.clear()
    asked = HttpClient(service.url, TOKEN)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(asked.score, [ROW], train=True)
        assert memory.begun.wait(300)
        others = [pool.submit(asked.score, [ROW] * 2, train=True) for _ in range(8)]
        while service.queue.waiting < 4:
            time.sleep(0.01)
        time.sleep(0.3)
        assert not any(other.done() for other in others)
        memory.gate.set()
        ids = {s.rollout_id for future in (first, *others) for s in future.result(300)}
    assert ids == set(memory.stored) and len(ids) == 17


class Forgetful(ServedFake):
    """Stores, and then loses its database before it can say what the rollouts are worth."""

    def score(self, rollouts: Sequence[Rollout], *, store: bool = True) -> list[Score]:
        scores = super().score(rollouts, store=store)
        if len(self.calls) == 1:
            raise UnreachableError("Neo4j is gone: start it")
        return scores


def test_a_lost_database_is_waited_for_and_nothing_is_stored_twice() -> None:
    memory = Forgetful()
    with serving(memory) as service:
        scores = HttpClient(service.url, TOKEN).score([ROW] * 2, train=True)
    assert len(memory.calls) == 2
    assert set(memory.stored) == {score.rollout_id for score in scores}


def test_a_service_that_stays_full_is_given_up(service: Service, memory: ServedFake) -> None:
    memory.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        patient = HttpClient(service.url, TOKEN)
        first = pool.submit(patient.score, [ROW], train=True)
        assert memory.begun.wait(300)
        second = pool.submit(patient.score, [ROW] * 4, train=True)
        while service.queue.waiting < 4:
            time.sleep(0.01)
        with pytest.raises(UnreachableError, match="503 4 rollouts are waiting"):
            HttpClient(service.url, TOKEN, busy_seconds=0.2).score([ROW], train=True)
        memory.gate.set()
        assert len(first.result(300)) + len(second.result(300)) == 5


def test_what_went_wrong_is_raised(service: Service, memory: ServedFake) -> None:
    with pytest.raises(SettingsError, match="401 the token"):
        HttpClient(service.url, "wrong").score([ROW], train=True)
    with pytest.raises(InputError, match="422 rollout 0 of 1: `query` is empty"):
        HttpClient(service.url, TOKEN).score([ROW | {"query": " "}], train=True)
    memory.error = StoreFullError("no space: make some")
    with pytest.raises(ServerError, match="500 no space: make some"):
        HttpClient(service.url, TOKEN).score([ROW], train=True)
    with pytest.raises(SettingsError, match="404 Not Found"):
        HttpClient(service.url + "/elsewhere", TOKEN).score([ROW], train=True)
    with pytest.raises(UnreachableError, match="gives no answer"):
        HttpClient("http://127.0.0.1:1", TOKEN).score([ROW], train=True)


def test_what_says_nothing_is_not_asked_about(
    service: Service, memory: ServedFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "asked", lambda: HttpClient(service.url, TOKEN))
    texts = ["", " \n", "a\0b", "<think></think>", "x" * 3_000_000, "\ud800", "four"]
    said = ask([ROW | {"completion": text} for text in texts], train=True)
    assert [score is None for score in said] == [True] * 6 + [False]
    assert len(memory.stored) == 1
    assert ask([ROW | {"completion": ""}], train=True) == [None]
    assert ask([ROW | {"completion": "", "thinking": "Hm."}], train=True) != [None]


def test_the_environment_names_the_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    client.asked.cache_clear()
    with pytest.raises(SettingsError, match="no memory is named"):
        client.asked()
    monkeypatch.setenv("MEMREWARD_URL", "http://127.0.0.1:8420")
    with pytest.raises(SettingsError, match="without a token"):
        client.asked()
    monkeypatch.setenv("MEMREWARD_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(SettingsError, match="cannot be read"):
        client.asked()
    (tmp_path / "token").write_text(TOKEN + "\n")
    assert client.asked() is client.asked()
    client.asked.cache_clear()
    monkeypatch.setenv("MEMREWARD_TOKEN", "of-the-environment")
    settings = ClientSettings()
    assert settings.token is not None and TOKEN not in repr(settings)
    assert "of-the-environment" not in repr(settings)


def test_training_must_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (is_training(True), is_training(False)) == (True, False)
    assert (is_training("train"), is_training("test")) == (True, False)
    with pytest.raises(SettingsError, match="MEMREWARD_TRAIN"):
        is_training()
    monkeypatch.setenv("MEMREWARD_TRAIN", "false")
    assert is_training() is False
    assert is_training("train") is True
    monkeypatch.setenv("MEMREWARD_TRAIN", "perhaps")
    with pytest.raises(SettingsError, match="MEMREWARD_TRAIN: "):
        is_training()
