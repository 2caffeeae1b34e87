"""memreward's own Postgres 18 with pgvector: real, on loopback, with a password."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from memstore import replacing
from memstore.db import ping_postgres
from memstore.servers.home import LOOPBACK, Home
from memstore.servers.host_memory import memory_bytes, share_of_memory
from memstore.servers.postgres_binaries import PostgresPrograms
from memstore.servers.processes import living_process
from schema.errors import ServerError, UnreachableError

USER: Final = "memreward"
DATABASE: Final = "memreward"
#: What makes it safe to leave running.
FIXED_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "50",
    "jit": "off",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_file_mode": "0600",
}
#: A page is logged as a whole when it is first changed after a checkpoint, and the keys of a batch
#: lie scattered over the indexes: with Postgres's own 1 GB and 5 minutes, hardly a page was changed
#: twice in between (docs/performance.md). The log takes so much disk while much is written, and a
#: start after a kill reads it.
CHECKPOINT_SETTINGS: Final = {"max_wal_size": "4GB", "checkpoint_timeout": "15min"}
#: Passwords only; the same order of text on every machine.
INITDB_OPTIONS: Final = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--locale=C.UTF-8",
    "--builtin-locale=C.UTF-8",
)
_SECONDS: Final = 90
#: For a server that was told to end, or killed, to be gone.
_LAST_SECONDS: Final = 10


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """The Postgres of one home. Its methods are called under the home's lock."""

    home: Home
    #: 0: a free one, remembered.
    wanted_port: int

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home.postgres / "data"

    @property
    def log_folder(self) -> Path:
        """Its logs: `startup.log`, and one file for each day of the week."""
        return self.home.postgres / "logs"

    @property
    def dsn(self) -> str:
        """How to connect.

        Raises:
            ServerError: it was never started.
        """
        return self.dsn_with(self.home.read_password("postgres"))

    def dsn_with(self, password: str) -> str:
        """How to connect with another password than the home's; raises as `dsn`."""
        port = self.home.remembered_port("postgres")
        if port is None:
            raise ServerError(f"there is no Postgres in {self.home.root} yet: run `memreward up`.")
        return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"

    def process(self) -> psutil.Process | None:
        """The running postmaster, if it runs."""
        if not self._pid_file.exists():
            return None
        words = self._pid_file.read_text(encoding="utf-8").split()
        process = living_process(int(words[0])) if words else None
        return process if process is not None and self._serves_here(process) else None

    def start(self) -> None:
        """Start it unless it runs; return once it answers an authenticated query.

        Raises:
            SettingsError: the home cannot work for the user that Postgres must run as.
            ServerError: the port is taken, or it does not come up.
        """
        process = self.process()
        if process is not None:
            try:
                ping_postgres(self.dsn)
                return
            except UnreachableError:
                # Somebody may be ending it just now.
                if psutil.wait_procs([process], timeout=_LAST_SECONDS)[1]:
                    raise
        self._start()
        ping_postgres(self.dsn)

    def stop(self) -> None:
        """Stop it cleanly if it runs.

        Raises:
            ServerError: it does not stop.
        """
        if self.process() is not None:
            how = ["-m", "fast", "-w", "-t", str(_SECONDS)]
            self._programs.run("pg_ctl", "-D", str(self.data), *how, "stop")

    @property
    def _programs(self) -> PostgresPrograms:
        return PostgresPrograms(home=self.home)

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _serves_here(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self.data.resolve()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _start(self) -> None:
        self._programs.prepare()
        self._programs.make_owned_folder(self.log_folder)
        self._forget_killed_server()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        port = self.home.choose_port("postgres", self.wanted_port)
        self._configure(port)
        log = self.log_folder / "startup.log"
        arguments = ["-D", str(self.data), "-l", str(log), "-w", "-t", str(_SECONDS), "start"]
        self._programs.run("pg_ctl", *arguments, log=log)
        self._create_database(port)

    def _initialise(self) -> None:
        """`initdb`: passwords only (SCRAM), the same order of text on every machine."""
        password_file = self.home.postgres / "password"
        unfinished = self.home.postgres / "data-unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(self.home.password("postgres"), encoding="utf-8")
            self._programs.hand_over(password_file)
            self._programs.run(
                "initdb",
                *("-D", str(unfinished), "-U", USER, f"--pwfile={password_file}"),
                *INITDB_OPTIONS,
            )
        finally:
            password_file.unlink(missing_ok=True)
        unfinished.rename(self.data)

    def _configure(self, port: int) -> None:
        """Rewrite our part of the configuration to fit the machine as it is now."""
        settings = {
            **FIXED_SETTINGS,
            **CHECKPOINT_SETTINGS,
            **memory_settings(memory_bytes()),
            "port": str(port),
            "log_directory": str(self.log_folder),
        }
        lines = ["# Written by memreward at each start; changes are lost."]
        lines += [f"{name} = {_quoted(value)}" for name, value in settings.items()]
        self._write("memreward.conf", "\n".join(lines) + "\n")
        self._write("pg_hba.conf", f"host all all {LOOPBACK}/32 scram-sha-256\n")
        main = (self.data / "postgresql.conf").read_text(encoding="utf-8")
        include = "include 'memreward.conf'\n"
        if include not in main:
            self._write("postgresql.conf", main + "\n" + include)

    def _write(self, name: str, text: str) -> None:
        with replacing(self.data / name) as unfinished:
            unfinished.touch(mode=0o600)
            unfinished.write_text(text, encoding="utf-8")
            self._programs.hand_over(unfinished)

    def _create_database(self, port: int) -> None:
        """Our database, once: a start that was cut off may have left it without the marker."""
        marker = self.home.postgres / "database-made"
        if marker.exists():
            return
        place = ["-h", LOOPBACK, "-p", str(port), "-U", USER, "--no-password"]
        password = self.home.read_password("postgres")
        try:
            self._programs.run(
                "createdb", *place, "--maintenance-db=postgres", DATABASE, PGPASSWORD=password
            )
        except ServerError as error:
            if f'database "{DATABASE}" already exists' not in str(error):
                raise
        marker.touch()

    def _forget_killed_server(self) -> None:
        """After a SIGKILL: wait for what is left of the old server, then drop its pid file.

        Postgres refuses to start when the old number now belongs to a zombie or to another
        process of the same user. Its children keep the shared memory in use, so they must have
        ended first.

        Raises:
            ServerError: they do not end.
        """
        if not self._pid_file.exists():
            return
        left = [process for process in psutil.process_iter() if self._serves_here(process)]
        _, alive = psutil.wait_procs(left, timeout=_SECONDS)
        if alive:
            raise ServerError(
                f"processes of a killed Postgres are still at work on {self.data}: "
                f"{[process.pid for process in alive]}. End them, then run `memreward up` again."
            )
        self._pid_file.unlink(missing_ok=True)


def memory_settings(total: int) -> dict[str, str]:
    """Buffers for a machine of `total` bytes, modest since training runs on it too.

    They are to hold what a batch changes all over the indexes (docs/performance.md).
    """
    shared = share_of_memory(total, part=16, least=128, most=4096)
    cache = share_of_memory(total, part=4, least=256, most=16384)
    maintenance = share_of_memory(total, part=64, least=64, most=512)
    return {
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{cache}MB",
        "maintenance_work_mem": f"{maintenance}MB",
    }


def _quoted(value: str) -> str:
    doubled = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"
