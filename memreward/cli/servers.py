"""`memreward up | down | status | doctor | migrate | rotate-secrets | config show`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from memreward.base import JsonOption, console, finish_what_was_cut_off, named_pair
from memstore import each_pair, load_settings, origins, redact_dsn, redacted
from memstore.db import open_stores
from memstore.servers import ServerState, refuse_stopped, rotate_passwords, rotate_token
from memstore.servers import doctor as doctor_checks
from memstore.servers import lifecycle as servers
from memstore.servers import migrate as migrate_databases
from migrations.runner import Migration
from schema.errors import SettingsError

HomeOption = Annotated[
    Path | None, typer.Option(help="Folder of memreward's own databases (MEMREWARD_HOME).")
]
Neo4jPortOption = Annotated[
    int | None, typer.Option(help="Port for memreward's own Neo4j; 0: a free one, remembered.")
]
PostgresPortOption = Annotated[
    int | None, typer.Option(help="Port for memreward's own Postgres; 0: a free one, remembered.")
]


def up(
    home: HomeOption = None,
    neo4j_port: Neo4jPortOption = None,
    postgres_port: PostgresPortOption = None,
) -> None:
    """Start Neo4j and Postgres and migrate them; the first call sets them up.

    What was interrupted in their last run is finished.

    A server that MEMREWARD_NEO4J_URI or MEMREWARD_POSTGRES_DSN names is used, and not started.
    """
    settings = load_settings(home=home, neo4j_port=neo4j_port, postgres_port=postgres_port)
    for number, pair in enumerate(each_pair(settings), 1):
        with named_pair(number):
            addresses = servers.up(pair)
            _print_applied(migrate_databases(addresses), "applied")
            with open_stores(addresses) as stores:
                finish_what_was_cut_off(stores)
        console.print(f"Neo4j     {redact_dsn(addresses.neo4j_uri)}", soft_wrap=True)
        console.print(f"Postgres  {redact_dsn(addresses.postgres_dsn)}", soft_wrap=True)


def down(home: HomeOption = None) -> None:
    """Stop the servers that memreward started; the data stay."""
    servers.down(load_settings(home=home))
    console.print("stopped")


def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say whether both servers run, and where; exit with 1 if one does not."""
    found = servers.status(load_settings(home=home))
    if as_json:
        console.print_data([asdict(server) for server in found])
    for server in () if as_json else found:
        owner = "memreward's own" if server.ours else "yours"
        line = f"{server.name} ({owner}): {server.state}, {server.address}, {server.detail}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if any(server.state is not ServerState.RUNNING for server in found):
        raise typer.Exit(1)


def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what is wrong on this machine and what to do; exit with 1 if anything is."""
    checks = doctor_checks.examine(load_settings(home=home))
    if as_json:
        console.print_data([asdict(check) for check in checks])
    for check in () if as_json else checks:
        mark = Text("ok   ", style="green") if check.ok else Text("wrong", style="red")
        console.print(mark, f"{check.name}: {check.detail}", soft_wrap=True)
        if check.advice:
            console.print(f"      -> {check.advice}", soft_wrap=True)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def migrate(
    home: HomeOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be applied.")
    ] = False,
) -> None:
    """Bring both databases, of every pair, to what this version of memreward expects."""
    applied: list[Migration] = []
    for number, pair in enumerate(each_pair(load_settings(home=home)), 1):
        with named_pair(number):
            done = migrate_databases(servers.addresses(pair), dry_run=dry_run)
        _print_applied(done, "would apply" if dry_run else "applied")
        applied += done
    if not applied:
        console.print("nothing to apply")


def rotate_secrets(home: HomeOption = None) -> None:
    """Give memreward's own databases new passwords, and `serve` a new token.

    Stop trainings and `memreward serve` first: they keep the old ones. If it is interrupted, the
    same command again finishes it.
    """
    settings = load_settings(home=home)
    servers.addresses(settings)
    refuse_stopped(settings)
    changed = [f"{name} has a new password" for name in rotate_passwords(settings)]
    if rotate_token(settings):
        changed.append("memreward serve has a new token: give it to its callers")
    if not changed:
        raise SettingsError(
            "nothing here is memreward's own: change the passwords in your databases, then in "
            "the settings"
        )
    for line in changed:
        console.print(line, highlight=False)


def config_show(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print every setting and where it is from, passwords hidden."""
    settings = load_settings(home=home)
    shown, where = redacted(settings), origins(settings, home=home)
    if as_json:
        console.print_data(
            {name: {"value": value, "from": where[name]} for name, value in shown.items()}
        )
        return
    for name, value in shown.items():
        line = f"{name} = {value}  ({where[name]})"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_applied(applied: list[Migration], verb: str) -> None:
    for migration in applied:
        console.print(f"{verb} {migration.filename}", highlight=False)
