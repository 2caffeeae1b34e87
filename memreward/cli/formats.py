"""`memreward formats`."""

import json
from typing import Annotated, Any

import typer
from rich.table import Table

from memreward.base import cell, console
from memstore.mapping import Preset, list_presets


def formats(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, one object a line and format.")
    ] = False,
) -> None:
    """List the files of other tools that `ingest --format NAME` reads, a row of each."""
    if not as_json:
        show_formats()
        return
    for preset in list_presets():
        typer.echo(json.dumps(_said(preset), ensure_ascii=False))


def show_formats() -> None:
    """Print what is known of each format."""
    for preset in list_presets():
        table = Table(show_header=False, title=preset.name)
        for name, value in _said(preset).items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            table.add_row(name, cell(text))
        console.print(table)


def _said(preset: Preset) -> dict[str, Any]:
    mapping = preset.mapping
    variants = {
        f"{name} ({place + 1})": source.text
        for place, columns in enumerate(mapping.variants)
        for name, source in columns.items()
    }
    columns = {name: source.text for name, source in mapping.columns.items()}
    said: dict[str, Any] = {
        "name": preset.name,
        "what": preset.title,
        "read from": preset.read_from,
        "source": preset.source,
        "columns": {**columns, **variants},
        "example": preset.example,
    }
    if mapping.choice is not None:
        said["columns"]["reward"] = f"the one of {mapping.choice.text}"
    if preset.example_prompt is not None:
        said["prompts"] = preset.example_prompt
    return said
