"""Runs the blocks of a page as a reader would: in one folder, one after another."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from support.snippets import SHELL, Snippet

SECONDS: Final = 1200
#: What Cypher on the pages is asked about.
CYPHER_MEMORY: Final = "demo"


class PageRunner:
    """Blocks of shell, Python and Cypher; `memreward serve` goes on until the end."""

    def __init__(self, folder: Path, databases: Path) -> None:
        """Run in `folder`, with the databases in the home of the person."""
        self.folder = folder
        home = folder / "home"
        home.mkdir()
        (home / ".memreward").symlink_to(databases)
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PATH": programs,
            "HOME": str(home),
            "MEMREWARD_HOME": str(databases),
            "HF_HOME": str(folder / "hub"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        self._services: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for service in self._services:
            service.send_signal(signal.SIGTERM)
        for service in self._services:
            service.communicate(timeout=120)
        ends = [service.returncode for service in self._services]
        assert error is not None or not any(ends), "a service did not stop cleanly"

    def run(self, snippet: Snippet) -> None:
        """Run one block; what it prints is shown if it fails."""
        if snippet.language == "cypher":
            self.check(
                snippet.name, ["memreward", "query", "-p", f"memory={CYPHER_MEMORY}", snippet.text]
            )
        elif snippet.language == "python":
            script = self.folder / f"script_{snippet.line}.py"
            script.write_text(snippet.text, encoding="utf-8")
            self.check(snippet.name, ["python", script.name])
        elif snippet.text.startswith("memreward serve "):
            self.serve(snippet)
        else:
            assert snippet.language in SHELL
            self.shell(snippet.text, snippet.name)

    def shell(self, text: str, name: str = "preparation") -> None:
        """Run commands; the first that fails ends them. Exported values stay for what follows."""
        kept = self.folder / "exported"
        self.check(name, ["bash", "-euo", "pipefail", "-c", f"{text}\nenv -0 > '{kept}'"])
        lines = kept.read_text(encoding="utf-8").split("\0")
        self.environment = dict(line.split("=", 1) for line in lines if line)

    def serve(self, snippet: Snippet) -> None:
        """Start a service and wait until it takes requests."""
        service = subprocess.Popen(
            ["bash", "-c", f"exec {snippet.text}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._services.append(service)
        assert service.stdout is not None
        assert any("serving at" in line for line in service.stdout), snippet.name

    def check(self, name: str, command: list[str]) -> None:
        """Run a command that must end well."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout[-6000:]}"
