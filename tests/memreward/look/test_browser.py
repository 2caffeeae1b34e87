"""The pages in a real Chromium: keys, hostile texts, and no request to anywhere else."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.look import HOSTILE, Pages, hostile_rollouts, looking
from support.rollout_factory import make_rollout, make_rollouts
from support.small_model import register, small_model
from support.store_fixtures import MemoryUnderTest

from memreward.look.pages import address
from memstore.db.stores import Stores
from memstore.reads.history import read_history
from memstore.settings import Settings
from schema.ids import rollout_id

pytest.importorskip("axe_playwright_python", reason="it is not installed, or playwright is not")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    sync_playwright,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `apt-get install chromium`"),
]
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
]


class Tab:
    """A tab that notes where it asked, and what went wrong."""

    def __init__(self, page: Page, pages: Pages) -> None:
        self.page, self.pages = page, pages
        self.hosts: set[str] = set()
        self.faults: list[str] = []
        #: Statuses that a test asks for.
        self.expected: set[str] = set()
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._said)
        page.on("dialog", lambda dialog: self.faults.append(dialog.message))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def open(self, path: str) -> None:
        self.page.goto(self.pages.url + path, wait_until="load")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    folder: Path = tmp_path_factory.mktemp("profile")
    with sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, headless=True, args=ARGUMENTS
        )
        yield context
        context.close()


@pytest.fixture
def tab(chromium: BrowserContext, stores: Stores) -> Iterator[Tab]:
    with looking(stores) as pages:
        page = chromium.new_page()
        tab = Tab(page, pages)
        page.goto(pages.link)
        yield tab
        page.close()
    assert tab.hosts == {urlsplit(tab.pages.url).netloc}, "asked elsewhere"
    assert not [text for text in tab.faults if not any(one in text for one in tab.expected)]


def test_by_keys_from_the_groups_to_a_rollout_and_back(memory: MemoryUnderTest, tab: Tab) -> None:
    memory.add(make_rollouts(60))
    tab.open(f"/groups?memory={memory.name}")
    keys = tab.page.keyboard
    for key in ("j", "j", "k"):
        keys.press(key)
    first = tab.page.locator("tr[data-row] td.head a").first.text_content()
    assert tab.page.evaluate("document.activeElement.textContent") == first
    keys.press("Enter")
    tab.page.wait_for_url("**/group?*")
    keys.press("j")
    keys.press("Enter")
    tab.page.wait_for_url("**/rollout?*")
    assert "I add them up" in (tab.page.text_content("main") or "")
    keys.press("u")
    tab.page.wait_for_url("**/group?*")
    keys.press("g")
    tab.page.wait_for_url("**/groups?*")
    keys.press("n")
    tab.page.wait_for_url("**after=*")
    assert tab.page.locator("tr[data-row]").count() == 20


def test_three_steps_from_a_run_to_why_a_rollout_was_rewarded(
    lived: MemoryUnderTest, tab: Tab
) -> None:
    tab.open(f"/runs?memory={lived.name}")
    tab.page.get_by_role("link", name="run-1").click()
    tab.page.wait_for_url("**/run?*")
    assert tab.page.evaluate(
        "document.querySelector('img.chart').decode().then(() => true, () => false)"
    )
    tab.page.get_by_role("link", name="Groups of this run").click()
    tab.page.wait_for_url("**/groups?*")
    tab.page.locator("a.sign").first.click()
    tab.page.wait_for_url("**/rollout?*")
    assert "verified" in (tab.page.text_content("h1") or "")


def test_search_by_key_and_the_slider(memory: MemoryUnderTest, tab: Tab) -> None:
    memory.add(make_rollouts(5))
    memory.add(make_rollouts(2, first=30), run="run-2")
    tab.open(f"/groups?memory={memory.name}")
    tab.page.keyboard.press("/")
    tab.page.keyboard.type("is 30")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url("**text=is+30*")
    assert "as_of" not in tab.page.url and "run=" not in tab.page.url
    assert tab.page.locator("tr[data-row]").count() == 1
    tab.page.locator("input[name=as_of]").fill("1")
    tab.page.get_by_role("button", name="Show").click()
    tab.page.wait_for_url("**as_of=1*")
    assert tab.page.locator("tr[data-row]").count() == 0


def test_fifty_labels_by_keyboard_are_stored_once_each(memory: MemoryUnderTest, tab: Tab) -> None:
    rollouts = [make_rollout(number, 0, reward=None) for number in range(52)]
    memory.add(rollouts)
    tab.open(f"/label?memory={memory.name}&annotator=ann")
    wanted: dict[str, float] = {}
    for number in range(50):
        form = tab.page.locator("form[data-rollout]")
        rollout = form.get_attribute("data-rollout") or ""
        wanted[rollout] = float(number % 3 > 0)
        with tab.page.expect_navigation():
            tab.page.keyboard.press("1" if number % 3 else "2")
    # It is closed while the next one is sent: it is stored, or not.
    tab.page.evaluate("document.querySelector('[data-press=\"1\"]').click()")
    tab.page.close()
    ids = [
        rollout_id(memory.name, "run-1", item.source_query_id, item.step, item.place)
        for item in rollouts
    ]
    said = {id_: read_history(memory.stores, memory.name, id_).statements for id_ in ids}
    assert len(wanted) == 50
    assert all([(s.who, s.value) for s in said[id_]] == [("ann", wanted[id_])] for id_ in wanted)
    assert sum(len(said[id_]) for id_ in ids if id_ not in wanted) <= 1


def test_a_page_says_that_a_run_has_written(memory: MemoryUnderTest, tab: Tab) -> None:
    memory.add(make_rollouts(2))
    tab.open(f"/groups?memory={memory.name}")
    memory.add([make_rollout(80)], run="run-2")
    news = tab.page.locator("#news")
    news.wait_for(state="visible", timeout=30_000)
    assert "newer batch" in (news.text_content() or "")
    tab.page.keyboard.press("r")
    tab.page.wait_for_selector("text=What is 80 + 80?")


def test_nothing_hostile_runs(memory: MemoryUnderTest, tab: Tab) -> None:
    memory.add(hostile_rollouts(), run=HOSTILE[1])
    tab.open(f"/groups?memory={memory.name}")
    groups = [item.get_attribute("href") for item in tab.page.locator("td.head a").all()]
    rollouts = [item.get_attribute("href") for item in tab.page.locator("a.sign").all()]
    assert len(groups) == len(rollouts) == len(HOSTILE) + 1
    paths = [f"/groups?memory={memory.name}", *groups, *rollouts]
    place = {"memory": memory.name}
    ids = [path.partition("rollout=")[2].partition("&")[0] for path in rollouts if path]
    for text, id_ in zip(HOSTILE, ids, strict=False):
        paths += [
            address("groups", **place, text=text, run=text, policy=text),
            address("label", **place, annotator=text, rollout=id_),
            address("label", **place, annotator=text, rollout=f"{id_}.{ids[-1]}"),
            address("difference", **place, left=id_, right=ids[-1]),
            address("ask", **place, cypher=f"UNWIND $memory AS x RETURN {text!r} AS `{text}`"),
        ]
    tab.expected |= {"404", "422"}
    for path in paths:
        assert path is not None
        tab.open(path)
        assert tab.page.evaluate("window.ran") is None
        assert tab.page.locator("iframe, img, base, style, script:not([src])").count() == 0
        assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            "a long line widens the page"
        )


def test_both_schemes_and_a_name_for_everything(memory: MemoryUnderTest, tab: Tab) -> None:
    memory.add(make_rollouts(3))
    paper = "getComputedStyle(document.body).backgroundColor"
    tab.page.emulate_media(color_scheme="dark")
    tab.open(f"/groups?memory={memory.name}")
    dark = tab.page.evaluate(paper)
    tab.page.emulate_media(color_scheme="light")
    assert tab.page.evaluate(paper) != dark
    unnamed = """[...document.querySelectorAll('a, button, input:not([type=hidden]), select')]
        .filter(e => !(e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
        .map(e => e.outerHTML)"""
    assert tab.page.evaluate(unnamed) == []


def test_pairs_by_keyboard_and_two_people_at_once_while_a_run_writes(
    memory: MemoryUnderTest, tab: Tab, chromium: BrowserContext
) -> None:
    rollouts = [
        make_rollout(number, place, answer=f"The answer is {place}.", reward=None)
        for number in range(12)
        for place in (0, 1)
    ]
    memory.add(rollouts)
    other = chromium.new_page()
    people = {"ann": tab.page, "bob": other}
    for name, page in people.items():
        page.goto(f"{tab.pages.url}/label?memory={memory.name}&annotator={name}&queue=pairs")
    wanted: set[tuple[str, str]] = set()
    for number in range(10):
        for name, page in people.items():
            pair = page.locator("form[data-rollout]").get_attribute("data-rollout") or ""
            wanted |= {(name, id_) for id_ in pair.split(".")}
            with page.expect_navigation():
                page.keyboard.press("1" if name == "ann" else "2")
        memory.add([make_rollout(100 + number)], run=f"run-{number + 2}")
    other.close()
    said = [
        (item.who, id_)
        for item in rollouts
        for id_ in [rollout_id(memory.name, "run-1", item.source_query_id, 0, item.place)]
        for item in read_history(memory.stores, memory.name, id_).statements
    ]
    assert len(said) == len(set(said)) == 40 and set(said) == wanted


def test_no_view_is_hard_to_read_or_to_use_for_anybody(
    memory: MemoryUnderTest, server_settings: Settings, tab: Tab
) -> None:
    memory.add(make_rollouts(24))
    register(memory, server_settings, small_model())
    place = f"memory={memory.name}"
    rollout = rollout_id(memory.name, "run-1", "sum-1", 0, 0)
    paths = ["/", f"/runs?{place}", f"/run?{place}&run=run-1", f"/groups?{place}", "/nothing"]
    paths += [f"/{view}?{place}&rollout={rollout}" for view in ("rollout", "why", "label")]
    paths += [f"/label?{place}&annotator=ann&queue={queue}" for queue in ("unverified", "pairs")]
    paths += [f"/label?{place}&annotator=ann&rollout={rollout}", f"/ask?{place}&cypher=RETURN+1"]
    paths += [f"/difference?{place}&left={rollout}&right={rollout}"]
    paths += [f"/label?{place}&annotator=ann&rollout={rollout}.{rollout}"]
    tab.open(f"/groups?{place}")
    paths.append(tab.page.locator("td.head a").first.get_attribute("href") or "")
    found: list[str] = []
    tab.expected.add("404")
    for scheme in ("light", "dark"):
        tab.page.emulate_media(color_scheme=scheme)
        for path in paths:
            tab.open(path)
            for fault in Axe().run(tab.page).response["violations"]:
                if fault["impact"] in ("serious", "critical"):
                    nodes = [node["html"][:200] for node in fault["nodes"][:3]]
                    found.append(f"{path} {scheme}: {fault['id']} {nodes}")
    assert not found, "\n".join(found)


def test_a_page_of_another_origin_cannot_label(memory: MemoryUnderTest, tab: Tab) -> None:
    """Another port of this machine gets the cookie sent along, and is refused by its origin."""
    memory.add([make_rollout(1, reward=None)])
    rollout = rollout_id(memory.name, "run-1", "sum-1", 0, 0)
    fields = {"memory": memory.name, "annotator": "eve", "rollout": rollout, "judgement": "wrong"}
    form = "".join(f"<input name='{name}' value='{value}'>" for name, value in fields.items())
    page = f"<form id=f method=post action='{tab.pages.url}/label'>{form}</form>"
    foreign = "http://127.0.0.1:9/"
    tab.expected.add("403")
    tab.page.route(foreign, lambda route: route.fulfill(body=page, content_type="text/html"))
    tab.page.goto(foreign)
    tab.hosts.discard(urlsplit(foreign).netloc)
    with tab.page.expect_response("**/label") as answered:
        tab.page.evaluate("document.getElementById('f').submit()")
    assert answered.value.status == 403
    tab.page.wait_for_load_state()
    assert not read_history(memory.stores, memory.name, rollout).statements
