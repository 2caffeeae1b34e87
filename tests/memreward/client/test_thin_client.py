"""A node that does not hold the memory: nothing of the databases or of the models is imported."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from support.serving import TOKEN, ServedFake, Service, serving

ROOT = Path(__file__).parent.parent.parent.parent
#: Imports what is installed by the command on the page, and what comes with that.
SCRIPT = """
import sys
from importlib.metadata import packages_distributions

ALLOWED = {allowed!r}
OWN = {{"memreward", "memstore", "schema", "trainer", "gnn", "migrations"}}
of_module = packages_distributions()

class Missing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        names = {{found.lower().replace("_", "-") for found in of_module.get(top, ())}}
        if names and top not in OWN and not names & ALLOWED:
            raise ModuleNotFoundError(f"No module named {{name!r}}: not installed here")
        return None

sys.meta_path.insert(0, Missing())
{body}
"""
BODY = """
from memreward import MemrewardError, RemoteMemory, Rollout

memory = RemoteMemory({url!r}, {token!r})
rows = [{{"query": "What is 2 + 2?", "completion": f"#### {{n}}", "rollout": n}} for n in (4, 5)]
assert memory.plan_calls(rows, 1) == [0]
scores = memory.score(rows)
assert [score.value for score in scores] == [0.25, 0.25]
memory.label([{{"rollout_id": scores[0].rollout_id, "reward": 1}}], annotator="ann")
memory.flush()
print(memory.learn())
try:
    memory.score([{{"query": " ", "completion": "4"}}])
except MemrewardError as error:
    print(error)

import asyncio
from memreward.adapters import openrlhf, verifiers, verl, verl_budget

info = {{"question": "What is 2 + 2?", "split": "train"}}
print(asyncio.run(verl.compute_score("sums", "#### 4", None, info))["score"])
budget = {{"verify": lambda **sample: 1.0, "calls": 1.0}}
print(verl_budget.compute_score_batch(["sums"], ["#### 4"], ["4"], [info], **budget)[0]["score"])
"""


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(ServedFake()) as running:
        yield running


def with_theirs(names: set[str]) -> set[str]:
    """The packages, and what they need."""
    from importlib.metadata import distribution

    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        needed = map(Requirement, distribution(name).requires or [])
        todo += [one.name for one in needed if one.marker is None or one.marker.evaluate()]
    return found


def installed_by_the_page() -> set[str]:
    """The packages that docs/other-trainers.md has a node install."""
    page = (ROOT / "docs" / "other-trainers.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("pip install lazy")]
    return set(line.split()[2:])


def test_a_node_needs_four_small_packages(service: Service) -> None:
    allowed = with_theirs(installed_by_the_page())
    assert not allowed & {"torch", "neo4j", "psycopg", "pyarrow"}
    body = BODY.format(url=service.url, token=TOKEN)
    code = SCRIPT.format(allowed=allowed, body=body)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "MEMREWARD_URL": service.url, "MEMREWARD_TOKEN": TOKEN},
    )
    assert done.returncode == 0, done.stderr
    learned, error, *scores = done.stdout.splitlines()
    assert learned == "learned 1"
    assert "`query` is empty" in error
    assert scores == ["0.25", "1.0"]


def test_what_is_not_installed_is_missed() -> None:
    code = SCRIPT.format(allowed=with_theirs(installed_by_the_page()), body="import torch")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"not installed here" in done.stderr
