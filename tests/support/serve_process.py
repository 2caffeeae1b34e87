"""`memreward serve` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from memstore.settings import Settings

#: Most rollouts that wait.
LIMIT = 64
#: The run that the rollouts belong to.
RUN = "served"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A `memreward serve` that takes requests."""

    process: subprocess.Popen[str]
    url: str
    token: str
    #: What it printed until then.
    said: str

    @property
    def port(self) -> int:
        """Where it listens."""
        port = urlsplit(self.url).port
        assert port is not None
        return port

    @property
    def headers(self) -> dict[str, str]:
        """What a caller must send."""
        return {"Authorization": f"Bearer {self.token}"}

    def stop(self) -> tuple[int, str]:
        """Exit code and the rest of the output, after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=120)
        return self.process.returncode, output


@contextmanager
def running(memory: str, home: Settings, *options: str, port: int = 0) -> Iterator[Running]:
    """Serve for the length of a block; killed at its end, if it still runs."""
    command = [sys.executable, "-m", "memreward", "serve", "-m", memory, "--run", RUN]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--queue", str(LIMIT), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"MEMREWARD_HOME": str(home.home), "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        seen = ""
        for line in process.stdout:
            seen += line
            if found := re.search(r"serving at (\S+), token in (\S+)", line):
                file = Path(found[2])
                assert file.stat().st_mode & 0o777 == 0o600
                yield Running(process=process, url=found[1], token=file.read_text(), said=seen)
                return
        raise AssertionError(seen)
    finally:
        process.kill()
        process.wait()
