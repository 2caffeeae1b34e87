"""Judging in the browser: the queues, and what is stored."""

import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from support.look import Pages, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from gnn.jobs.explain import find_suspects
from gnn.jobs.query_suggestions import suggest_whole_queries
from memstore.db.stores import Stores
from memstore.reads.history import read_history
from memstore.settings import Settings


@pytest.fixture
def pages(stores: Stores) -> Iterator[Pages]:
    with looking(stores) as served:
        yield served


def test_verdicts_are_stored_once_and_a_later_word_replaces_them(
    memory: MemoryUnderTest, pages: Pages
) -> None:
    memory.add([make_rollout(number, 0, reward=None) for number in range(3)])
    assert "Who judges?" in pages.text("/label", memory=memory.name)
    asked = pages.text("/label", memory=memory.name, annotator="ann")
    (rollout,) = set(re.findall(r'data-rollout="(\w+)"', asked))

    def judge(**changes: str) -> requests.Response:
        form = {"memory": memory.name, "annotator": "ann", "rollout": rollout, "judgement": "right"}
        url = pages.url + "/label"
        headers = {"Origin": pages.url}
        return pages.session.post(url, data={**form, **changes}, headers=headers, timeout=60)

    for _ in range(2):
        after = judge()
        assert after.status_code == 200 and f'data-rollout="{rollout}"' not in after.text
    judge(judgement="wrong")
    said = read_history(memory.stores, memory.name, rollout)
    assert [(item.who, item.value) for item in said.statements] == [("ann", 1.0), ("ann", 0.0)]
    assert said.verified == 0.0
    ended = pages.text("/label", memory=memory.name, annotator="ann", after=f"1.{'0' * 64}")
    assert "There is nothing further to judge" in ended
    for wrong in ("", "x" * 300_000):
        assert judge(judgement=wrong).status_code == 404
    assert judge(rollout="unknown").status_code == judge(annotator=" ").status_code == 404
    assert judge(memory="guessed").status_code == 404
    assert len(read_history(memory.stores, memory.name, rollout).statements) == 2


def test_fifty_labels_are_stored_once_each_though_answers_are_never_read(
    memory: MemoryUnderTest, pages: Pages
) -> None:
    """Every fifth form is sent twice, as by a hasty key, and the page is closed at once."""
    memory.add([make_rollout(number, 0, reward=None) for number in range(52)])
    form = {"memory": memory.name, "annotator": "ann", "queue": "unverified"}
    wanted: dict[str, float] = {}
    text = labelled(pages, memory.name, "unverified")
    for number in range(50):
        judgement = "right" if number % 3 else "wrong"
        sent = {**form, "rollout": asked(text), "judgement": judgement}
        wanted[asked(text)] = float(number % 3 > 0)
        if number % 5 == 0:
            send_and_leave(pages, **sent)
            send_and_leave(pages, **sent)
            text = once_stored(pages, memory, sent["rollout"])
        else:
            text = send(pages, **sent).text
    assert len(wanted) == 50
    for rollout, value in wanted.items():
        said = read_history(memory.stores, memory.name, rollout).statements
        assert [(item.who, item.value) for item in said] == [("ann", value)]


def send_and_leave(pages: Pages, **form: str) -> None:
    """Send a form and close the connection before the answer."""
    address = urlsplit(pages.url)
    body = urlencode(form).encode()
    cookies = "; ".join(f"{name}={value}" for name, value in pages.session.cookies.items())
    head = (
        f"POST /label HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {pages.url}\r\n"
        f"Cookie: {cookies}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as line:
        line.sendall(head.encode() + body)


def once_stored(pages: Pages, memory: MemoryUnderTest, rollout: str) -> str:
    """The queue, as soon as it has gone on from a rollout."""
    for _ in range(600):
        text = labelled(pages, memory.name, "unverified")
        if asked(text) != rollout:
            return text
        time.sleep(0.02)
    raise AssertionError("a form that was sent was never stored")


def waited_for(pages: Pages, memory: str, queue: str, **more: str) -> requests.Response:
    """A page of a queue, as soon as its list is made."""
    for _ in range(600):
        answer = pages.get("/label", memory=memory, annotator="ann", queue=queue, **more)
        if "The list is being made" not in answer.text:
            return answer
        assert 'http-equiv="refresh"' in answer.text
        time.sleep(0.2)
    raise AssertionError("the list was never made")


def labelled(pages: Pages, memory: str, queue: str, **more: str) -> str:
    """The same, which must be there."""
    answer = waited_for(pages, memory, queue, **more)
    assert answer.status_code == 200, answer.text
    return answer.text


def send(pages: Pages, **form: str) -> requests.Response:
    return pages.session.post(
        pages.url + "/label", data=form, headers={"Origin": pages.url}, timeout=60
    )


def asked(text: str) -> str:
    """What a page wants to have judged."""
    (found,) = re.findall(r'data-rollout="([\w.]+)"', text)
    return found


def test_the_queue_of_suggestions_is_that_of_the_command(
    memory: MemoryUnderTest, stores: Stores, server_settings: Settings
) -> None:
    memory.add(
        [make_rollout(number, place, reward=None) for number in range(6) for place in (0, 1)]
    )
    suggested = suggest_whole_queries(stores, memory.name, 100)
    wanted = [row["rollouts"][0]["rollout_id"] for row in suggested]
    with looking(stores, settings=server_settings) as pages:
        text = labelled(pages, memory.name, "suggested")
        assert "represents" in text
        seen = [asked(text)]
        for judgement in ("right", "wrong", "right"):
            form = {"memory": memory.name, "annotator": "ann", "queue": "suggested"}
            done = send(pages, **form, rollout=seen[-1], after=seen[-1], judgement=judgement)
            seen.append(asked(done.text))
        # Begun again, what is judged is left out; another annotator may judge it.
        assert asked(labelled(pages, memory.name, "suggested")) == seen[-1]
        other = pages.text("/label", memory=memory.name, annotator="bob", queue="suggested")
        assert asked(other) == seen[0]
        # Asked for once: each time it is asked for, it is made again.
        pages.get("/label", memory=memory.name, annotator="ann", queue="suggested", again="true")
        assert asked(labelled(pages, memory.name, "suggested")) not in seen[:3]
    assert len(wanted) == 6 and seen == wanted[:4]


def test_the_queue_of_suspects_is_that_of_the_command(
    memory: MemoryUnderTest, stores: Stores, server_settings: Settings
) -> None:
    memory.add(make_rollouts(24))
    with looking(stores, settings=server_settings) as pages:
        early = waited_for(pages, memory.name, "suspects")
        assert early.status_code == 404 and "memreward train" in early.text
        register(memory, server_settings, small_model())
        wanted = find_suspects(stores, server_settings, memory.name, 100).suspects
        text = labelled(pages, memory.name, "suspects")
        assert asked(text) == wanted[0].rollout_id and "the memory thinks" in text
        form = {"memory": memory.name, "annotator": "ann", "queue": "suspects"}
        rollout = wanted[0].rollout_id
        done = send(pages, **form, rollout=rollout, after=rollout, judgement="wrong")
        assert asked(done.text) == wanted[1].rollout_id


def test_the_better_of_two_is_stored_as_a_preference(memory: MemoryUnderTest, pages: Pages) -> None:
    memory.add(
        [
            make_rollout(number, place, answer=f"The answer is {place}.", reward=None)
            for number in range(3)
            for place in (0, 1)
        ]
    )
    memory.add([make_rollout(9, place, answer="The answer is 5.") for place in (0, 1)], run="r2")
    seen: list[str] = []
    form = {"memory": memory.name, "annotator": "ann", "queue": "pairs"}
    text = labelled(pages, memory.name, "pairs")
    for _ in range(3):
        pair = asked(text)
        left, right = pair.split(".")
        assert "the left is better" in text and left in text and right in text
        form["rollout"] = pair
        for better in ("", "0" * 32):
            assert send(pages, **form, better=better).status_code == 404
        text = send(pages, **form, better=left).text
        seen.append(pair)
    assert len(set(seen)) == 3 and "There is nothing further to judge" in text
    assert "nothing further" in labelled(pages, memory.name, "pairs")
    assert asked(labelled(pages, memory.name, "pairs", rollout=seen[-1])) == seen[-1]
    left, right = seen[-1].split(".")
    send(pages, **{**form, "better": right})
    said = read_history(memory.stores, memory.name, left).statements
    assert [(item.kind, item.who, item.other, item.better) for item in said] == [
        ("preferred", "ann", right, True),
        ("preferred", "ann", right, False),
    ]
    assert send(pages, **{**form, "rollout": "a.b.c", "better": "a"}).status_code == 404
