"""The queues of suggestions and suspects in a real Chromium: hostile texts, and axe."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.look import HOSTILE, Pages, hostile_rollouts, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.look.pages import address
from memstore.changes import add_labels
from memstore.db.stores import Stores
from memstore.settings import Settings
from schema.ids import rollout_id
from schema.reward import VerifiedReward

pytest.importorskip("axe_playwright_python", reason="it is not installed, or playwright is not")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `apt-get install chromium`"),
]
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
QUEUES = ("suggested", "suspects")


@pytest.fixture
def page(pages: Pages) -> Iterator[Page]:
    arguments = ["--disable-gpu", *(["--no-sandbox"] if ROOT else [])]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page()
        page.goto(pages.link)
        yield page
        browser.close()


@pytest.fixture
def pages(stores: Stores, server_settings: Settings) -> Iterator[Pages]:
    with looking(stores, settings=server_settings) as served:
        yield served


def open_queue(page: Page, pages: Pages, memory: MemoryUnderTest, queue: str, who: str) -> None:
    """The first turn; until the list is made, the page opens itself again."""
    page.goto(pages.url + address("label", memory=memory.name, annotator=who, queue=queue))
    page.wait_for_selector("form[data-rollout]", timeout=120_000)


@pytest.mark.parametrize("queue", QUEUES)
def test_nothing_hostile_runs_in_a_queue(
    memory: MemoryUnderTest, server_settings: Settings, pages: Pages, page: Page, queue: str
) -> None:
    wanted = queue == "suspects"  # The others are suggested as long as nothing is known of them.
    hostile = [
        replace(rollout, reward=rollout.reward if wanted else None)
        for rollout in hostile_rollouts()
    ]
    memory.add([*make_rollouts(12), *hostile], run=HOSTILE[1])
    said = [
        VerifiedReward(
            rollout_id=rollout_id(memory.name, HOSTILE[1], text, 0, 0),
            value=float(number % 2),
            source=text,
        )
        for number, text in enumerate(HOSTILE)
        if "\x07" not in text
    ]
    add_labels(memory.stores, memory.name, said if wanted else [], [])
    register(memory, server_settings, small_model())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    open_queue(page, pages, memory, queue, HOSTILE[0])
    seen = ""
    for _ in range(100):
        assert page.evaluate("window.ran") is None
        assert page.locator("iframe, img, base, style, script:not([src])").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        seen += page.text_content("main") or ""
        if page.locator("form[data-rollout]").count() == 0:
            break
        with page.expect_navigation():
            page.keyboard.press("3")
    assert "There is nothing further to judge" in seen
    assert HOSTILE[0] in seen and HOSTILE[3] in seen
    assert all(url.startswith(pages.url) for url in asked)


def test_the_queues_are_easy_to_read_and_to_use_for_anybody(
    memory: MemoryUnderTest, server_settings: Settings, pages: Pages, page: Page
) -> None:
    unknown = [make_rollout(number, reward=None) for number in range(40, 44)]
    memory.add([*make_rollouts(24), *unknown])
    register(memory, server_settings, small_model())
    found: list[str] = []
    for queue in QUEUES:
        open_queue(page, pages, memory, queue, "ann")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for fault in Axe().run(page).response["violations"]:
                if fault["impact"] in ("serious", "critical"):
                    nodes = [node["html"][:200] for node in fault["nodes"][:3]]
                    found.append(f"{queue} {scheme}: {fault['id']} {nodes}")
    assert not found, "\n".join(found)
